import zstandard

data = b"the same again " * 1000
assert zstandard.ZstdDecompressor().decompress(zstandard.ZstdCompressor(level=5).compress(data)) == data
