import brotli

data = b"the same again " * 1000
assert brotli.decompress(brotli.compress(data)) == data
