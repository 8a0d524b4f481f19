import xxhash

assert xxhash.xxh64(b"").hexdigest() == "ef46db3751d8e999"
state = xxhash.xxh3_128()
state.update(b"a")
assert state.digest() == xxhash.xxh3_128_digest(b"a")
