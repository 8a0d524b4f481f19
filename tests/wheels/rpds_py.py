from rpds import HashTrieMap, HashTrieSet, List

one = HashTrieMap({"a": 1})
assert dict(one.insert("b", 2)) == {"a": 1, "b": 2} and len(one) == 1
assert set(HashTrieSet([1, 2]).union(HashTrieSet([3]))) == {1, 2, 3}
assert list(List([1, 2]).push_front(0)) == [0, 1, 2]
