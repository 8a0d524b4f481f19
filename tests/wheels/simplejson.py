import simplejson
from simplejson import _speedups

value = {"a": [1, 2.5, None, True], "b": {"c": "é"}}
assert simplejson.loads(simplejson.dumps(value)) == value
assert _speedups.encode_basestring_ascii("é") == '"\\u00e9"'
