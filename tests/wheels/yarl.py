from yarl import URL

url = URL("http://example.com/a b") / "c"
assert str(url % {"q": "x y"}) == "http://example.com/a%20b/c?q=x+y"
