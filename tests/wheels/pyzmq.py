import zmq

with zmq.Context() as context:
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    left.bind("inproc://x")
    right.connect("inproc://x")
    right.send_multipart([b"a", b"b"])
    assert left.recv_multipart() == [b"a", b"b"]
    left.close()
    right.close()
