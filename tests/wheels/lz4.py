import lz4.block
import lz4.frame

data = b"the same again " * 1000
assert lz4.frame.decompress(lz4.frame.compress(data)) == data
assert lz4.block.decompress(lz4.block.compress(data)) == data
