from charset_normalizer import from_bytes

assert str(from_bytes("Grüße aus Köln, schöne Straße".encode("latin-1") * 20).best()).startswith("Gr")
