from frozenlist import FrozenList, PyFrozenList

items = FrozenList([1, 2])
assert FrozenList is not PyFrozenList
items.append(3)
items.freeze()
assert hash(items) == hash(tuple(items)) and list(items) == [1, 2, 3]
