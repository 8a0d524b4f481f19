import ujson

value = {"a": [1, 2.5, None, True], "b": {"c": "é"}}
assert ujson.loads(ujson.dumps(value)) == value
