import polars as pl

frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]})
found = frame.lazy().group_by("b").agg(pl.col("a").sum()).sort("b").collect()
assert found.rows() == [("x", 4), ("y", 2)]
