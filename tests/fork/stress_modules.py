"""Stress for the extension modules of the standard library: each is imported, used and torn down everywhere at once.

Eight threads make an interpreter with a GIL of its own each and wait for each other; then all import one module,
use it, wait again, and end their interpreters together. The main interpreter uses the module meanwhile. USES says how
each is used; stress_own_gil.py does the same, without the waiting. Modules that this Python lacks are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import threading
import time
from collections.abc import Iterable
from concurrent import interpreters  # type: ignore[attr-defined]

THREADS = 8

USES = {
    "_asyncio": """
import asyncio
async def double(x):
    await asyncio.sleep(0)
    return 2 * x
async def all_of_them():
    queue, lock, done = asyncio.Queue(), asyncio.Lock(), asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(double(i)) for i in range(20)]
    async with lock:
        queue.put_nowait(1)
    asyncio.get_running_loop().call_soon(done.set_result, await queue.get())
    assert await done == 1 and len(asyncio.all_tasks()) >= 1
    got = await asyncio.gather(*tasks)
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.001)
    except asyncio.TimeoutError:
        pass
    return got
for i in range(3):
    assert asyncio.run(all_of_them()) == [2 * i for i in range(20)]
""",
    "_bisect": """
import bisect
numbers = []
for i in range(100):
    bisect.insort(numbers, i * 37 % 101)
assert numbers == sorted(numbers) and bisect.bisect_left(numbers, 50) == numbers.index(50)
""",
    "_bz2": """
import bz2
data = bytes(range(256)) * 20
assert bz2.decompress(bz2.compress(data)) == data
one = bz2.BZ2Decompressor()
assert one.decompress(bz2.compress(data), 10) == data[:10] and not one.eof
""",
    "_codecs_cn": """
text = "\\u4e2d\\u6587\\u7f16\\u7801"
for name in "gb2312", "gbk", "gb18030", "hz":
    assert text.encode(name).decode(name) == text
""",
    "_codecs_hk": """
assert "\\u9999\\u6e2f".encode("big5hkscs").decode("big5hkscs") == "\\u9999\\u6e2f"
""",
    "_codecs_iso2022": """
import codecs, io
text = "\\u65e5\\u672c"
for name in "iso2022_jp", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_jp_ext", "iso2022_jp_1":
    assert text.encode(name).decode(name) == text
assert "\\ud55c".encode("iso2022_kr").decode("iso2022_kr") == "\\ud55c"
reader = codecs.getreader("iso2022_jp")(io.BytesIO(text.encode("iso2022_jp") * 10))
assert reader.read() == text * 10
""",
    "_codecs_jp": """
import codecs
text = "\\u65e5\\u672c\\u8a9e \\u30c6\\u30b9\\u30c8"
for name in "shift_jis", "cp932", "euc_jp", "shift_jisx0213", "euc_jis_2004", "shift_jis_2004":
    assert text.encode(name).decode(name) == text
    parts = codecs.getincrementaldecoder(name)()
    assert "".join(parts.decode(bytes([c])) for c in text.encode(name)) == text
try:
    "\\u0e01".encode("shift_jis")
except UnicodeEncodeError as error:
    assert "shift_jis" in str(error)
assert "\\u0e01".encode("euc_jp", "xmlcharrefreplace") == b"&#3585;"
""",
    "_codecs_kr": """
for name in "euc_kr", "cp949", "johab":
    assert "\\ud55c\\uad6d\\uc5b4".encode(name).decode(name) == "\\ud55c\\uad6d\\uc5b4"
""",
    "_codecs_tw": """
for name in "big5", "cp950":
    assert "\\u4e2d\\u6587".encode(name).decode(name) == "\\u4e2d\\u6587"
""",
    "_contextvars": """
import contextvars
var = contextvars.ContextVar("var", default=0)
def nest(n):
    token = var.set(n)
    if n:
        contextvars.copy_context().run(nest, n - 1)
    var.reset(token)
for i in range(20):
    context = contextvars.copy_context()
    context.run(nest, 10)
    many = [contextvars.ContextVar("v%d" % n) for n in range(30)]
    context.run(lambda: [one.set(one.name) for one in many])
    assert all(context[one] == one.name for one in many) and len(context) >= 30
""",
    # _crypt is not here: the sanitizers catch crypt_r(), and don't find the real one in a library that comes later.
    "_csv": """
import csv, io
class Piped(csv.excel):
    delimiter = "|"
csv.register_dialect("piped", Piped)
out = io.StringIO()
csv.writer(out, "piped").writerows([[i, i * 0.5, 'a "b"', None] for i in range(20)])
assert [row[0] for row in csv.reader(io.StringIO(out.getvalue()), "piped")] == [str(i) for i in range(20)]
csv.unregister_dialect("piped")
try:
    csv.field_size_limit("x")
except TypeError:
    pass
""",
    "_ctypes": """
import ctypes
class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double), ("name", ctypes.c_char * 8)]
class Either(ctypes.Union):
    _fields_ = [("i", ctypes.c_uint32), ("b", ctypes.c_ubyte * 4)]
points = (Point * 5)(*[Point(i, i / 2, b"p%d" % i) for i in range(5)])
assert points[3].x == 3 and points[3].name == b"p3" and Either(i=0x01020304).b[0] in (1, 4)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
libc = ctypes.CDLL(None, use_errno=True)
numbers = (ctypes.c_int * 20)(*[i * 7 % 20 for i in range(20)])
libc.qsort(numbers, len(numbers), ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
assert list(numbers) == list(range(20))
buffer = ctypes.create_string_buffer(b"abc", 10)
assert ctypes.string_at(ctypes.addressof(buffer)) == b"abc" and ctypes.cast(buffer, ctypes.c_char_p).value == b"abc"
assert ctypes.pythonapi.PyLong_AsLong(ctypes.py_object(12)) == 12
ctypes.set_errno(3)
assert ctypes.get_errno() == 3
memoryview(points), ctypes.pointer(points[0]).contents.x, ctypes.c_wchar_p("x").value
""",
    "_ctypes_test": """
import _ctypes_test, ctypes
library = ctypes.CDLL(_ctypes_test.__file__)
assert library._testfunc_i_bhilfd(1, 2, 3, 4, ctypes.c_float(5.0), ctypes.c_double(6.0)) == 21
""",
    "_datetime": """
import datetime, pickle
utc = datetime.timezone.utc
class Zone(datetime.tzinfo):
    def utcoffset(self, when): return datetime.timedelta(hours=2)
    def dst(self, when): return None
    def tzname(self, when): return "zone"
zone = Zone()
for i in range(50):
    when = datetime.datetime(2020, 1, 1, tzinfo=zone) + datetime.timedelta(days=i, seconds=i)
    assert datetime.datetime.fromisoformat(when.isoformat()) == when == when.astimezone(utc)
    assert pickle.loads(pickle.dumps(when.astimezone(utc))) == when and when.strftime("%d %Z").endswith("zone")
    assert datetime.date.fromordinal(when.toordinal()) == when.date() and hash(when)
    assert datetime.datetime.strptime(when.strftime("%Y-%m-%d"), "%Y-%m-%d").date() == when.date()
class Date(datetime.date): pass
assert Date.today() >= datetime.date.min and datetime.timedelta.max > -datetime.timedelta(1) // 2
datetime.datetime.now(utc), datetime.time(1, 2, tzinfo=utc), datetime.UTC, repr(utc)
""",
    "_dbm": """
import dbm.ndbm, os, tempfile
with tempfile.TemporaryDirectory() as folder:
    with dbm.ndbm.open(os.path.join(folder, "x"), "c") as db:
        db[b"k"] = b"v"
        assert db[b"k"] == b"v" and db.keys() == [b"k"]
""",
    "_decimal": """
import decimal, pickle
from decimal import Decimal as D
for i in range(30):
    with decimal.localcontext() as context:
        context.prec = 10 + i
        assert len(str(D(1) / D(7))) == 12 + i
        context.flags[decimal.Inexact] and context.clear_flags()
    assert D("%d.25" % i) * 4 == 4 * i + 1 and pickle.loads(pickle.dumps(D(i))) == D(i)
    assert format(D(i) / 3, ".2f") and hash(D(i)) == i and D(i).as_tuple()
    D.from_float(i / 2)
for bad in (lambda: D(1) / D(0), lambda: D("x"), lambda: D("sNaN") + 1):
    try:
        bad()
    except (decimal.DivisionByZero, decimal.InvalidOperation):
        pass
    else:
        assert False
class Mine(decimal.Decimal): pass
assert Mine(3) + 1 == 4 and max(Mine(1), D(2)) == 2
import numbers, fractions
assert isinstance(D(1), numbers.Number) and fractions.Fraction(D("0.5")) == 0.5
""",
    "_elementtree": """
import xml.etree.ElementTree as ET, copy, pickle
for i in range(5):
    root = ET.fromstring("<r>" + "".join("<c n='%d'>t%d</c>" % (n, n) for n in range(30)) + "<!--x--></r>")
    assert [c.get("n") for c in root.iter("c")] == [str(n) for n in range(30)] and root.find("c[@n='3']").text == "t3"
    assert ET.tostring(copy.deepcopy(root)) == ET.tostring(pickle.loads(pickle.dumps(root)))
    builder = ET.TreeBuilder()
    builder.start("a", {}), builder.data("x"), builder.end("a")
    assert builder.close().text == "x"
    parser = ET.XMLPullParser(["start", "end"])
    parser.feed("<a><b/></a>")
    assert [event for event, element in parser.read_events()] == ["start", "start", "end", "end"]
try:
    ET.fromstring("<a>")
except ET.ParseError as error:
    assert error.code
class Mine(ET.Element): pass
root.append(Mine("m")), root.remove(root[0])
""",
    "_gdbm": """
import dbm.gnu, os, tempfile
with tempfile.TemporaryDirectory() as folder:
    with dbm.gnu.open(os.path.join(folder, "x"), "c") as db:
        db[b"k"] = b"v"
        assert db[b"k"] == b"v" and db.firstkey() == b"k"
    try:
        dbm.gnu.open(os.path.join(folder, "no"), "r")
    except dbm.gnu.error:
        pass
""",
    "_hashlib": """
import hashlib, hmac
for name in sorted(hashlib.algorithms_guaranteed):
    one = hashlib.new(name)
    one.update(b"abc"), one.copy().update(b"d")
    assert one.hexdigest(8) if name.startswith("shake") else one.hexdigest()
assert hmac.digest(b"key", b"msg", "sha256") == hmac.new(b"key", b"msg", "sha256").digest()
assert len(hashlib.pbkdf2_hmac("sha256", b"pw", b"salt", 2)) == 32 and hmac.compare_digest("a", "a")
hashlib.sha256(b"x" * 5000), hashlib.scrypt(b"pw", salt=b"salt", n=2, r=1, p=1)
try:
    hashlib.new("nothing")
except ValueError:
    pass
""",
    "_blake2": """
import _blake2
assert _blake2.blake2b(b"x", key=b"k", digest_size=20).digest_size == 20
assert _blake2.blake2s(b"x").copy().hexdigest() == _blake2.blake2s(b"x").hexdigest()
""",
    "_md5": "import _md5\nassert _md5.md5(b'x').copy().hexdigest() == _md5.md5(b'x').hexdigest()\n",
    "_sha1": "import _sha1\nassert _sha1.sha1(b'x').copy().hexdigest() == _sha1.sha1(b'x').hexdigest()\n",
    "_sha256": "import _sha256\nassert _sha256.sha256(b'x').copy().digest() != _sha256.sha224(b'x').digest()\n",
    "_sha512": "import _sha512\nassert _sha512.sha512(b'x').copy().digest() != _sha512.sha384(b'x').digest()\n",
    "_sha3": "import _sha3\nassert len(_sha3.shake_128(b'x').digest(9)) == 9\n_sha3.sha3_256(b'x').copy().digest()\n",
    "_heapq": """
import heapq
heap = []
for i in range(100):
    heapq.heappush(heap, i * 37 % 101)
assert [heapq.heappop(heap) for _ in range(100)] == sorted(i * 37 % 101 for i in range(100))
assert heapq.nsmallest(2, [3, 1, 2]) == [1, 2] and list(heapq.merge([1, 3], [2])) == [1, 2, 3]
""",
    "_json": """
import json
value = {"a": [1, 2.5, None, True, "\\u1234\\n", {"b": {}}] * 20, "c": 10 ** 30}
assert json.loads(json.dumps(value)) == value == json.loads(json.dumps(value, indent=1, sort_keys=True))
for bad in "[1,", "{'a': 1}", "nope":
    try:
        json.loads(bad)
    except json.JSONDecodeError as error:
        assert error.pos >= 0
class Mine(int): pass
assert json.dumps(Mine(3)) == "3" and json.loads("1.5", parse_float=str) == "1.5"
""",
    "_lsprof": """
import cProfile, pstats, io, sys
profile = cProfile.Profile()
assert profile.runcall(sorted, [3, 1, 2], key=lambda x: -x) == [3, 2, 1]
pstats.Stats(profile, stream=io.StringIO()).sort_stats("time").print_stats()
""",
    "_lzma": """
import lzma
data = b"hello" * 100
assert lzma.decompress(lzma.compress(data)) == data
filters = [{"id": lzma.FILTER_DELTA, "dist": 2}, {"id": lzma.FILTER_LZMA2, "preset": 0}]
assert lzma.decompress(lzma.compress(data, filters=filters)) == data
try:
    lzma.decompress(b"nothing of the kind")
except lzma.LZMAError:
    pass
""",
    "_multibytecodec": """
import _multibytecodec, codecs, io
class Reader(_multibytecodec.MultibyteStreamReader, codecs.StreamReader):
    codec = codecs.lookup("gbk").incrementaldecoder.codec
assert Reader(io.BytesIO("\\u4e2d".encode("gbk"))).read() == "\\u4e2d"
""",
    "_multiprocessing": """
import _multiprocessing, os, threading
name = "/stress-%d-%d" % (os.getpid(), threading.get_native_id())
lock = _multiprocessing.SemLock(1, 1, 1, name, True)
assert lock.acquire() and lock._is_mine() and not lock.acquire(False)
lock.release()
try:
    lock.release()
except ValueError:
    pass
assert lock._get_value() == 1
""",
    "_opcode": "import opcode, _opcode\nassert _opcode.stack_effect(opcode.opmap['POP_TOP']) == -1\n",
    "_pickle": """
import pickle, io, copyreg
class Mine:
    def __init__(self, x): self.x = x
    def __reduce_ex__(self, protocol): return complex, (self.x, 1)
class Table(pickle.Pickler):
    dispatch_table = copyreg.dispatch_table.copy()
    dispatch_table[Mine] = lambda one: (list, ([one.x],))
    def persistent_id(self, one): return "kept" if one is Table else None
class Back(pickle.Unpickler):
    def persistent_load(self, name): return name
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    out = io.BytesIO()
    Table(out, protocol).dump([Mine(3), Table, {1: (2,)}, len, range(3), "x" * 300, b"y" * 300])
    back = Back(io.BytesIO(out.getvalue())).load()
    assert back[0] == [3] and back[1] == "kept" and back[2] == {1: (2,)} and back[3] is len, back[:3]
    assert pickle.loads(pickle.dumps([Mine(2), [], set()], protocol)) == [2 + 1j, [], set()]
seen = []
data = pickle.dumps(pickle.PickleBuffer(b"abc"), 5, buffer_callback=seen.append)
assert bytes(pickle.loads(data, buffers=seen)) == b"abc"
for bad in (lambda: pickle.loads(b"garbage"), lambda: pickle.dumps(lambda: 1)):
    try:
        bad()
    except (pickle.UnpicklingError, pickle.PicklingError, AttributeError):
        pass
""",
    "_posixshmem": """
import _posixshmem, os, threading
name = "/stress-%d-%d" % (os.getpid(), threading.get_native_id())
descriptor = _posixshmem.shm_open(name, os.O_CREAT | os.O_RDWR, mode=0o600)
os.close(descriptor)
_posixshmem.shm_unlink(name)
""",
    "_posixsubprocess": """
import subprocess
assert subprocess.run(["/bin/echo", "x"], capture_output=True, text=True, close_fds=True).stdout == "x\\n"
try:
    subprocess.run(["/nonexistent/program"])
except FileNotFoundError:
    pass
""",
    "_queue": """
import queue, threading
one = queue.SimpleQueue()
thread = threading.Thread(target=lambda: [one.put(i) for i in range(100)])
thread.start()
assert [one.get() for _ in range(100)] == list(range(100))
thread.join()
try:
    one.get(timeout=0.001)
except queue.Empty:
    pass
""",
    "_random": """
import random
one = random.Random(3)
state = one.getstate()
first = [one.random() for _ in range(50)]
one.setstate(state)
assert first == [one.random() for _ in range(50)] and random.random() < 1
random.shuffle(first), random.choice(first), one.gauss(0, 1), one.getrandbits(100), random.SystemRandom().random()
""",
    "_socket": """
import socket, select
left, right = socket.socketpair()
with left, right:
    left.sendall(b"abc"), left.settimeout(5)
    assert right.recv(10) == b"abc" and "fd=" in repr(left)
    right.sendmsg([b"d", b"e"])
    assert left.recvmsg(10)[0] == b"de"
    left.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    right.setblocking(False)
    try:
        right.recv(1)
    except BlockingIOError:
        pass
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()) as client:
        accepted, address = server.accept()
        accepted.close()
        assert client.recv(1) == b""
assert socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)
socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, "::1")), socket.gethostname(), socket.htons(1)
try:
    socket.getaddrinfo("127.0.0.1", 80, family=socket.AF_INET6, flags=socket.AI_NUMERICHOST)
except socket.gaierror:
    pass
socket.getservbyname("http"), socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST), socket.if_nameindex()
previous = socket.getdefaulttimeout()
socket.setdefaulttimeout(3.5)
assert socket.getdefaulttimeout() == 3.5
socket.setdefaulttimeout(previous)
""",
    "_sqlite3": """
import sqlite3, datetime
connection = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
connection.row_factory = sqlite3.Row
connection.create_function("twice", 1, lambda x: 2 * x)
connection.execute("create table t(a integer primary key, b text, c blob, d date)")
connection.executemany("insert into t(b, c, d) values (?, ?, ?)",
                       [("t%d" % i, b"x" * i, datetime.date(2020, 1, 1 + i)) for i in range(20)])
rows = connection.execute("select *, twice(a) as e from t order by a").fetchall()
assert rows[3]["e"] == 8 and rows[3]["d"] == datetime.date(2020, 1, 4) and rows[3]["b"] == "t3"
class Sum:
    def __init__(self): self.total = 0
    def step(self, x): self.total += x
    def finalize(self): return self.total
connection.create_aggregate("mysum", 1, Sum)
assert connection.execute("select mysum(a) from t").fetchone()[0] == 210
try:
    connection.execute("select nothing from nowhere")
except sqlite3.OperationalError as error:
    assert error.sqlite_errorname
with connection:
    connection.execute("delete from t")
connection.close()
sqlite3.register_adapter(complex, str), sqlite3.sqlite_version, sqlite3.complete_statement("select 1;")
""",
    "_ssl": """
import ssl, socket, threading
context = ssl.create_default_context()
context.check_hostname = False
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
hello = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
try:
    hello.do_handshake()
except ssl.SSLWantReadError:
    pass
assert outgoing.pending > 50
incoming.write(b"this is no TLS at all")
try:
    hello.do_handshake()
except ssl.SSLError as error:
    assert error.library and str(error)
context.get_ciphers(), context.cert_store_stats(), ssl.RAND_bytes(8), ssl.OPENSSL_VERSION, hello.version()
ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers("ECDHE+AESGCM")
ssl.TLSVersion.TLSv1_2, ssl.get_default_verify_paths(), ssl.Purpose.SERVER_AUTH
""",
    "_statistics": """
import statistics
assert statistics.NormalDist().inv_cdf(0.5) == 0 and statistics.mean([1, 2, 3]) == 2 and statistics.stdev([1, 3]) > 1
""",
    "_struct": """
import struct
one = struct.Struct("<iq4sd?")
for i in range(50):
    assert one.unpack(one.pack(i, -i, b"abcd", i / 2, True)) == (i, -i, b"abcd", i / 2, True)
    assert struct.unpack(">%dH" % (i + 1), struct.pack(">%dH" % (i + 1), *range(i + 1)))[-1] == i
assert list(struct.iter_unpack("<h", b"\\1\\0\\2\\0")) == [(1,), (2,)]
try:
    struct.pack("b", 1000)
except struct.error:
    pass
""",
    "_testbuffer": """
import _testbuffer
array = _testbuffer.ndarray([1, 2, 3, 4], shape=[2, 2])
assert array.tolist() == [[1, 2], [3, 4]] and memoryview(array)[1, 1] == 4
""",
    "_testclinic": "import _testclinic\n_testclinic.bool_converter()\n",
    "_typing": """
import typing, _typing
T = typing.TypeVar("T")
class Box(typing.Generic[T]):
    def get(self) -> T: ...
assert typing.get_type_hints(Box[int].get) and _typing._idfunc(3) == 3
""",
    "_uuid": "import uuid\nassert uuid.uuid1() != uuid.uuid1() and uuid.uuid4().version == 4\n",
    "_xxsubinterpreters": """
import _xxsubinterpreters
here = _xxsubinterpreters.get_current()
assert here in _xxsubinterpreters.list_all() and _xxsubinterpreters.is_shareable("x")
channel = _xxsubinterpreters.channel_create()
_xxsubinterpreters.channel_send(channel, b"x")
assert _xxsubinterpreters.channel_recv(channel) == b"x"
_xxsubinterpreters.channel_destroy(channel)
""",
    "_zoneinfo": """
import zoneinfo, datetime, pickle
try:
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
except zoneinfo.ZoneInfoNotFoundError:
    zone = None
if zone is not None:
    for month in range(1, 13):
        when = datetime.datetime(2020, month, 3, 12, tzinfo=zone)
        assert when.utcoffset().seconds in (3600, 7200) and when.tzname() in ("CET", "CEST")
        assert when.astimezone(datetime.timezone.utc).astimezone(zone) == when
    assert zone is zoneinfo.ZoneInfo("Europe/Berlin") and pickle.loads(pickle.dumps(zone)) is zone
    zoneinfo.ZoneInfo.no_cache("Europe/Berlin"), zoneinfo.ZoneInfo.clear_cache()
""",
    "array": """
import array
one = array.array("i", range(100))
one.extend(array.array("i", [1])), one.byteswap(), one.byteswap(), one.append(3)
assert one[:3].tolist() == [0, 1, 2] and memoryview(one)[5] == 5 and array.array("d", one)[4] == 4.0
class Mine(array.array): pass
assert Mine("b", b"abc")[0] == 97 and list(iter(one))[-1] == 3
try:
    array.array("b", [1000])
except OverflowError:
    pass
""",
    "audioop": """
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import audioop
assert audioop.add(b"\\1\\2", b"\\1\\1", 1) == b"\\2\\3" and audioop.rms(b"\\1\\2" * 9, 2)
try:
    audioop.add(b"1", b"22", 2)
except audioop.error:
    pass
""",
    "binascii": """
import binascii, base64
assert binascii.unhexlify(binascii.hexlify(b"abc", ":").replace(b":", b"")) == b"abc" and binascii.crc32(b"x")
assert base64.b64decode(base64.b64encode(bytes(256))) == bytes(256)
try:
    binascii.a2b_hex("x")
except binascii.Error:
    pass
""",
    "cmath": "import cmath\nassert abs(cmath.exp(1j * cmath.pi) + 1) < 1e-9 and cmath.isnan(cmath.nan)\n",
    "fcntl": """
import fcntl, tempfile
with tempfile.TemporaryFile() as f:
    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert fcntl.fcntl(f, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
""",
    "grp": "import grp\nassert grp.getgrgid(0).gr_gid == 0\ngrp.getgrnam(grp.getgrall()[0].gr_name)\n",
    "pwd": "import pwd\nassert pwd.getpwuid(0).pw_dir and pwd.getpwnam(pwd.getpwall()[0].pw_name)[2] >= 0\n",
    "spwd": """
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import spwd
try:
    spwd.getspall()[:1] and spwd.getspnam(spwd.getspall()[0].sp_namp)
except PermissionError:
    pass
""",
    "math": """
import math
assert math.factorial(30) // math.factorial(29) == 30 and math.gcd(12, 18) == 6 and abs(math.sin(math.pi)) < 1e-9
math.fsum([0.1] * 10), math.comb(50, 20), math.isqrt(10 ** 40), math.log2(10 ** 40), math.dist([1], [2])
try:
    math.sqrt(-1)
except ValueError:
    pass
""",
    "mmap": """
import mmap
with mmap.mmap(-1, 10000) as one:
    one[:3] = b"abc"
    one.seek(0)
    assert one.read(3) == b"abc" and one.find(b"c", 0) == 2 and memoryview(one)[0] == 97
    one.resize(20000)
""",
    "pyexpat": """
import xml.parsers.expat as expat, xml.dom.minidom, xml.sax
names = []
for i in range(5):
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: names.append((name, attributes))
    parser.CharacterDataHandler = lambda data: None
    parser.Parse("<a b='c'>text<d/>\\u20ac</a>", True)
assert names[:2] == [("a", {"b": "c"}), ("d", {})]
assert xml.dom.minidom.parseString("<a><b/></a>").documentElement.tagName == "a"
xml.sax.parseString(b"<a/>", xml.sax.ContentHandler())
try:
    expat.ParserCreate().Parse("<a>", True)
except expat.ExpatError as error:
    assert expat.ErrorString(error.code) and expat.errors.XML_ERROR_NO_ELEMENTS
""",
    "resource": """
import resource
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss and len(resource.getrlimit(resource.RLIMIT_NOFILE)) == 2
""",
    "select": """
import select, os
reader, writer = os.pipe()
with select.epoll() as epoll:
    epoll.register(reader, select.EPOLLIN)
    os.write(writer, b"x")
    assert epoll.poll(1) == [(reader, select.EPOLLIN)] and select.select([reader], [], [], 1)[0] == [reader]
    poll = select.poll()
    poll.register(reader)
    assert poll.poll(1000)
os.close(reader), os.close(writer)
""",
    "syslog": """
import syslog
syslog.LOG_MASK(syslog.LOG_INFO), syslog.LOG_UPTO(syslog.LOG_INFO)
""",
    "termios": """
import termios, os, pty
main, other = os.openpty()
try:
    assert len(termios.tcgetattr(other)) == 7
finally:
    os.close(main), os.close(other)
try:
    termios.tcgetattr(os.open("/dev/null", os.O_RDONLY))
except termios.error:
    pass
""",
    "unicodedata": """
import unicodedata
for i in range(0x100, 0x180):
    assert unicodedata.normalize("NFC", unicodedata.normalize("NFD", chr(i))) == chr(i)
    assert unicodedata.lookup(unicodedata.name(chr(i))) == chr(i)
assert unicodedata.ucd_3_2_0.bidirectional("a") == "L" and "\\N{BULLET}" == chr(0x2022)
eval("'\\\\N{SNOWMAN}'"), unicodedata.decimal("5"), unicodedata.east_asian_width("a")
""",
    "zlib": """
import zlib, gzip, io, zipfile
data = bytes(range(256)) * 20
one = zlib.compressobj()
assert zlib.decompress(one.compress(data) + one.copy().flush()) == data
assert gzip.decompress(gzip.compress(data)) == data
with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("x", data)
    assert archive.read("x") == data
try:
    zlib.decompress(b"nothing of the kind")
except zlib.error:
    pass
""",
    # Linked into the interpreter
    "_collections": """
import collections
one = collections.deque(range(10), 5)
one.rotate(2), one.appendleft(3), one.extend([1, 2])
table = collections.defaultdict(list)
table["x"].append(1)
ordered = collections.OrderedDict(a=1, b=2)
ordered.move_to_end("a")
assert list(ordered) == ["b", "a"] and len(one) == 5 and collections.Counter("abca")["a"] == 2
class Mine(collections.deque): pass
class Dict(collections.OrderedDict): pass
Mine([1]).copy(), Dict(a=1).popitem(), repr(one), list(reversed(one))
""",
    "_functools": """
import functools
@functools.lru_cache(20)
def f(x, y=1): return x + y
assert [f(i % 30) for i in range(200)][-1] == 20
f.cache_info(), f.cache_clear(), functools.partial(f, y=3)(1), functools.reduce(int.__add__, range(5))
assert sorted([3, 1], key=functools.cmp_to_key(lambda a, b: a - b)) == [1, 3]
class Part(functools.partial): pass
assert Part(int, base=2)("101") == 5
""",
    "itertools": """
import itertools, copy, pickle
for i in range(10):
    one = itertools.chain(itertools.islice(itertools.count(), 3), itertools.repeat(1, 2))
    assert list(one) == [0, 1, 2, 1, 1]
    a, b = itertools.tee(iter(range(5)))
    assert list(a) == list(b) and len(list(itertools.product("ab", repeat=3))) == 8
    list(itertools.permutations(range(4))), list(itertools.combinations(range(5), 2)), list(itertools.pairwise("abc"))
    {k: list(g) for k, g in itertools.groupby("aabbc")}, list(itertools.zip_longest("ab", "c"))
    next(copy.copy(itertools.cycle("ab"))), pickle.dumps(itertools.count(3)), list(itertools.accumulate(range(5)))
""",
    "_locale": """
import locale
assert locale.localeconv()["decimal_point"] and locale.strcoll("a", "b") < 0
locale.setlocale(locale.LC_CTYPE), locale.strxfrm("a"), locale.getlocale(), locale.format_string("%d", 12345, True)
format(1234.5, "n"), locale.nl_langinfo(locale.CODESET)
""",
    "_symtable": """
import symtable
table = symtable.symtable("def f(x):\\n  def g(): return x\\n  return g", "?", "exec")
assert table.get_children()[0].get_children()[0].lookup("x").is_free()
""",
    "_operator": """
import operator
assert operator.itemgetter(1, 0)("ab") == ("b", "a") and operator.attrgetter("real", "imag")(3j) == (0, 3)
assert operator.methodcaller("upper")("x") == "X" and operator.length_hint([1]) == 1
""",
    "_thread": """
import threading
local, total, lock = threading.local(), [], threading.RLock()
def run(n):
    local.x = n
    with lock:
        total.append(local.x)
threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert sorted(total) == [0, 1, 2, 3]
timer = threading.Timer(0.001, total.append, [4])
timer.start(), timer.join()
event, barrier = threading.Event(), threading.Barrier(1)
event.set(), event.wait(), barrier.wait(), threading.stack_size(), threading.excepthook
""",
    "time": """
import time
for i in range(30):
    now = time.gmtime(i * 10 ** 7)
    assert time.strptime(time.strftime("%Y-%m-%d", now), "%Y-%m-%d")[:3] == now[:3]
    time.localtime(i), time.mktime(now), time.asctime(now), time.ctime(i), time.get_clock_info("monotonic")
""",
    "posix": """
import os
with os.scandir("/") as entries:
    assert [entry.is_dir() for entry in entries]
os.uname(), os.get_terminal_size, os.statvfs("/"), os.sched_getaffinity(0), os.getloadavg(), os.urandom(8)
os.environ["STRESS"] = "x"
assert os.getenv("STRESS") == "x" and os.fspath("x") == "x"
pid = os.posix_spawn("/bin/true", ["true"], os.environ)
assert os.waitpid(pid, 0) == (pid, 0)
os.cpu_count(), os.getpriority(0, 0), os.pipe2, os.sysconf("SC_PAGESIZE"), os.terminal_size((1, 2)).lines
""",
    "faulthandler": """
import faulthandler, tempfile
with tempfile.TemporaryFile() as f:
    faulthandler.dump_traceback(f, all_threads=False)
    f.seek(0)
    assert b"most recent call first" in f.read()
""",
    "_interpqueues": """
from concurrent import interpreters
queue = interpreters.create_queue()
for item in None, 1, "x", b"y", 1.5, (1, (2, "z")), 10 ** 30:
    queue.put(item)
    assert queue.get() == item
""",
    "_ast": """
import ast
tree = ast.parse("async def f(x: int = 1, *a, **k):\\n  return [i async for i in x]\\nmatch f:\\n  case [1]: pass")
class Visitor(ast.NodeVisitor): pass
Visitor().visit(tree), ast.dump(tree, indent=1), ast.literal_eval("{'a': [1, (2,)]}"), compile(tree, "?", "exec")
class Mine(ast.Name): pass
assert Mine("x").id == "x"
""",
    "_warnings": """
import warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    warnings.warn("one", DeprecationWarning), warnings.warn_explicit("two", UserWarning, "file", 3)
assert [str(one.message) for one in seen] == ["one", "two"]
""",
    "_codecs": """
import codecs
for name in "utf-8", "utf-16", "utf-32", "latin-1", "ascii", "cp1252", "unicode_escape", "utf-7", "idna", "punycode":
    assert codecs.decode(codecs.encode("abc", name), name) == "abc"
assert codecs.encode("abc", "rot13") == "nop" and codecs.encode(b"ab", "hex") == b"6162"
codecs.register_error("stress", lambda error: ("?", error.end))
assert b"\\xff".decode("utf-8", "stress") == "?" and "\\u1234".encode("ascii", "namereplace")
try:
    codecs.lookup("nothing")
except LookupError:
    pass
""",
}

COPIED = ("_ctypes_test", "_testbuffer", "_testclinic")  # for one GIL: others load private copies, where they may


def built(names: Iterable[str]) -> list[str]:
    """Those of the modules `names` that this Python has."""
    return [name for name in names if importlib.util.find_spec(name) is not None]


class Round:
    """One module in all threads: they import it, and end their interpreters, at the same moments."""

    def __init__(self, name: str, threads: int) -> None:
        self.code = f"import {name}\n{USES[name]}"
        self.barrier = threading.Barrier(threads)
        self.threads = threads
        self.failures: list[str] = []

    def live(self) -> None:
        """One interpreter of the round."""
        try:
            made = interpreters.create()
            try:
                self.barrier.wait()
                made.exec(self.code)
                self.barrier.wait()
            finally:
                made.close()
        except threading.BrokenBarrierError:
            pass
        except BaseException as error:
            self.failures.append(repr(error))
            self.barrier.abort()

    def run(self) -> None:
        """Run the round; failures stay in `failures`."""
        workers = [threading.Thread(target=self.live) for _ in range(self.threads)]
        for worker in workers:
            worker.start()
        exec(compile(self.code, "<main>", "exec"), {"__name__": "__main__"})
        for worker in workers:
            worker.join()


def main() -> None:
    """Rounds until --seconds are over, each module at least once in the order given; non-zero status on a failure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0, help="go on with further rounds for that long")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--module", nargs="*", default=list(USES), choices=list(USES))
    options = parser.parse_args()
    names = built(options.module)
    deadline = time.monotonic() + options.seconds
    rounds = 0
    while rounds < len(names) or time.monotonic() < deadline:
        name = names[rounds % len(names)]
        one = Round(name, options.threads)
        one.run()
        if one.failures:
            raise SystemExit(f"{name} failed: {one.failures}")
        rounds += 1
    print(f"{rounds} rounds of {len(names)} modules in {options.threads} interpreters each")


if __name__ == "__main__":
    main()
