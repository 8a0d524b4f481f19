from multidict import CIMultiDict, MultiDict, _multidict

many = CIMultiDict([("A", 1), ("a", 2)])
assert many.getall("A") == [1, 2]
assert many["a"] == 1 and len(many) == 2
assert MultiDict is _multidict.MultiDict
