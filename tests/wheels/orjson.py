import orjson

value = {"a": [1, 2.5, None, True], "b": {"c": "é"}}
assert orjson.loads(orjson.dumps(value)) == value
try:
    orjson.loads(b"{")
except orjson.JSONDecodeError:
    pass
