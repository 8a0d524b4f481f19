import mmh3

assert mmh3.hash("foo") == -156908512
assert len(mmh3.hash_bytes("foo")) == 16
