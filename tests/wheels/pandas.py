import io

import pandas as pd

frame = pd.DataFrame({"a": [1, 2, 3], "b": list("xyx")})
assert frame.groupby("b").a.sum()["x"] == 4
assert pd.read_csv(io.StringIO(frame.to_csv(index=False))).equals(frame)
days = pd.date_range("2026-01-01", periods=60, freq="D")
assert pd.Series(range(60), index=days).resample("MS").sum().iloc[0] == sum(range(31))
assert frame.merge(frame, on="b").shape == (5, 3)
