import psycopg2
from psycopg2 import extensions

try:
    psycopg2.connect("host=127.0.0.1 port=1 connect_timeout=1")
except psycopg2.OperationalError as problem:
    assert "refused" in str(problem)
assert extensions.parse_dsn("dbname=x user=y") == {"dbname": "x", "user": "y"}
assert extensions.adapt(b"\x00a").getquoted().startswith(b"'")
