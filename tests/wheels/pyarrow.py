import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

table = pa.table({"a": [1, 2, 3], "b": ["x", "y", None]})
assert pc.sum(table["a"]).as_py() == 6
data = io.BytesIO()
pq.write_table(table, data)
assert pq.read_table(io.BytesIO(data.getvalue())).equals(table)
