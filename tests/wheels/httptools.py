import httptools


class Protocol:
    def __init__(self):
        self.headers = {}

    def on_header(self, name, value):
        self.headers[name] = value


protocol = Protocol()
parser = httptools.HttpRequestParser(protocol)
parser.feed_data(b"GET /x?y HTTP/1.1\r\nHost: h\r\n\r\n")
assert protocol.headers == {b"Host": b"h"} and parser.get_method() == b"GET"
assert httptools.parse_url(b"http://h:1/p?q").port == 1
