import sqlalchemy as sa

engine = sa.create_engine("sqlite://")
table = sa.Table("t", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True), sa.Column("s", sa.String))
with engine.begin() as connection:
    table.create(connection)
    connection.execute(table.insert(), [{"n": n, "s": str(n)} for n in range(10)])
    assert connection.execute(sa.select(sa.func.sum(table.c.n))).scalar() == 45
from sqlalchemy.util import has_compiled_ext

assert has_compiled_ext()
