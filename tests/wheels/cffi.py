import cffi

ffi = cffi.FFI()
ffi.cdef("size_t strlen(const char *); int atoi(const char *);")
library = ffi.dlopen(None)
assert library.strlen(b"abc") == 3 and library.atoi(b"42") == 42
call = ffi.callback("int(int)", lambda n: n + 1)
assert call(1) == 2
assert ffi.string(ffi.new("char[]", b"x")) == b"x"
