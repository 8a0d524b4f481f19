import yaml

value = {"a": [1, 2, {"b": None}], "c": "text"}
assert yaml.load(yaml.dump(value, Dumper=yaml.CSafeDumper), Loader=yaml.CSafeLoader) == value
assert next(yaml.scan("a: 1", Loader=yaml.CLoader)).__class__.__name__ == "StreamStartToken"
