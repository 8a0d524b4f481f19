import jiter

assert jiter.from_json(b'{"a": [1, 2.5, null, true]}') == {"a": [1, 2.5, None, True]}
assert jiter.from_json(b'["x", "y', partial_mode=True) == ["x"]
