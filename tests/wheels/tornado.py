import asyncio

from tornado import httpclient, httpserver, netutil, speedups, web


class Hello(web.RequestHandler):
    def get(self):
        self.write("hello")


async def main():
    server = httpserver.HTTPServer(web.Application([("/", Hello)]))
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    answer = await httpclient.AsyncHTTPClient().fetch(f"http://127.0.0.1:{sockets[0].getsockname()[1]}/")
    assert answer.body == b"hello"
    server.stop()


assert speedups.websocket_mask(b"abcd", b"abcd") == bytes(4)
asyncio.run(main())
