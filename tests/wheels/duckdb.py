import duckdb

with duckdb.connect() as database:
    database.execute("create table t as select range as n from range(1000)")
    assert database.execute("select sum(n), count(*) from t where n % 2 = 0").fetchall() == [(249500, 500)]
