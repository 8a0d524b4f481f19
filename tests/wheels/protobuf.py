from google.protobuf import struct_pb2, timestamp_pb2
from google.protobuf.internal import api_implementation

assert api_implementation.Type() == "upb"
value = struct_pb2.Struct()
value.update({"a": 1, "b": ["x", True]})
again = struct_pb2.Struct()
again.ParseFromString(value.SerializeToString())
assert again == value and again["b"][0] == "x"
stamp = timestamp_pb2.Timestamp()
stamp.FromJsonString("2026-01-01T00:00:00Z")
assert stamp.seconds == 1767225600
