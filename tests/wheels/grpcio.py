from concurrent import futures

import grpc


def echo(request, context):
    return request[::-1]


def handler(details):
    return grpc.unary_unary_rpc_method_handler(echo)


class Generic(grpc.GenericRpcHandler):
    def service(self, details):
        return handler(details)


server = grpc.server(futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers((Generic(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    assert channel.unary_unary("/s/m")(b"abc", timeout=20) == b"cba"
server.stop(None).wait()
