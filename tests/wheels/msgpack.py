import msgpack

value = {"a": [1, 2.5, None, b"x"], "b": "é" * 100}
assert msgpack.unpackb(msgpack.packb(value)) == value
reader = msgpack.Unpacker()
reader.feed(msgpack.packb(1) + msgpack.packb([2]))
assert list(reader) == [1, [2]]
