"""Stress for interpreters with a GIL of their own: all that interpreters share is used by all of them at once.

The main interpreter works; threads make, run and destroy own-GIL interpreters meanwhile. What each does is in PARTS,
and it uses some modules of stress_modules.py, others each time. A failed assertion or an exception there ends the
script with status 1.
"""

from __future__ import annotations

import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
import functools
import random
import sys
import types

import stressing
from stress_modules import COPIED, USES, built

PARTS = {
    "import": """
import collections, contextlib, dataclasses, enum, functools, heapq, io, itertools
import json, math, operator, os, random, re, string, struct, textwrap, types, weakref
assert json.loads(json.dumps({"a": [1, 2.5, None, "x"]})) == {"a": [1, 2.5, None, "x"]}
""",
    "subclass": """
def subclasses():
    made = []
    for base in (int, str, float, list, dict, tuple, set, bytes, Exception, object,
                 complex, bytearray, frozenset, type, property):
        cls = type("Sub" + base.__name__, (base,), {"x": 1, "f": lambda self: self.x})
        assert cls in type.__subclasses__(base)
        made.append(cls)
    return made
for _ in range(20):
    made = subclasses()
    for cls in made[:7]:
        assert cls().f() == 1
    del made, cls
import gc
gc.collect()
class A(int):
    def __add__(self, other): return "added"
assert A(1) + 2 == "added" and 1 + 2 == 3
""",
    "weakref": """
import weakref, gc
class W: pass
died = []
for i in range(100):
    w = W()
    weakref.finalize(w, died.append, i)
    refs = [weakref.ref(w), weakref.proxy(w), weakref.ref(int), weakref.ref(list)]
    cache = weakref.WeakValueDictionary({i: w})
    del w
    assert refs[0]() is None and refs[2]() is int
gc.collect()
assert len(died) == 100
""",
    "raise": """
import traceback
def f(n):
    if n == 0:
        raise ValueError("deep", n)
    try:
        f(n - 1)
    except KeyError:
        assert False
    finally:
        n += 1
for i in range(50):
    try:
        f(10)
    except ValueError as e:
        text = "".join(traceback.format_exception(e))
        assert "ValueError: ('deep', 0)" in text
    for bad in ("1/0", "[][1]", "{}['x']", "int('x')", "None.foo", "nope", "(lambda: 1)(2)",
                "object() + 1", "'x' + 1", "import_error()", "open('/nonexistent')", "b'\\\\xff'.decode()"):
        try:
            eval(bad)
        except Exception as e:
            str(e), repr(e)
        else:
            assert False, bad
    try:
        raise ExceptionGroup("g", [ValueError(1), TypeError(2)])
    except* ValueError as e:
        pass
    except* TypeError as e:
        pass
def rec():
    return rec()
try:
    rec()
except RecursionError:
    pass
""",
    "format": """
import time
for i in range(200):
    s = f"{i:>10} {i!r} {i * 1.5:.3f} {'x' * i:^20} {i:#x} {i:,} {1j * i}"
    assert s.split()[0] == str(i)
    "%s %r %5.2f %d" % (i, str(i), i / 3, i)
    "{0} {1[0]} {x.real}".format(i, [i], x=i)
    float(repr(i / 7)), int(str(10 ** i)), hex(i), oct(i), bin(i)
    time.strftime("%Y", time.gmtime(i))
""",
    "intern": """
import sys
for i in range(300):
    s = sys.intern("stress_%d" % (i % 50))
    assert s is sys.intern("stress_" + str(i % 50))
    setattr(sys, s, i)
    assert getattr(sys, s) == i
    delattr(sys, s)
    chr(i), chr(i) * 3, "abc\\u1234"[3], b"xyz"[0:1], ("é" + chr(i)).encode()
""",
    "compile": """
import ast, inspect, dis
source = '''
class C:
    a: int = 1
    def f(self, x, *args, y=2, **kw) -> int:
        "doc"
        def g():
            nonlocal x
            x += self.a + y
            return [i * x for i in args if i] or {k: v for k, v in kw.items()}
        match x:
            case [a, b]: return a
            case {"k": v}: return v
        return g()
async def h():
    async with a as b: await b
    yield 1
'''
for i in range(5):
    ns = {}
    exec(compile(source + str(i), "<s%d>" % i, "exec"), ns)
    ns["C"]().f(1, 2, 3, z=4)
    tree = ast.parse(source)
    ast.dump(tree), ast.unparse(tree)
    inspect.signature(ns["C"].f)
    list(dis.get_instructions(ns["C"].f))
    try:
        compile("def f(:", "x", "exec")
    except SyntaxError as e:
        str(e)
""",
    "pickle": """
import pickle, copy, datetime
class P:
    def __init__(self, x): self.x = x
    def __reduce__(self): return (P, (self.x,))
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    data = [1, 2.5, "s", b"b", None, True, (1, (2,)), {"k": [1]}, {1, 2}, 10 ** 30, P(3), int, len,
            datetime.date(2020, 1, 2)]
    back = pickle.loads(pickle.dumps(data, protocol))
    assert back[:10] == data[:10] and back[10].x == 3
    copy.deepcopy(data)
""",
    "collect": """
import gc
class N:
    def __init__(self): self.me = self
    def __del__(self): N.count += 1
N.count = 0
for i in range(10):
    l = [N() for _ in range(100)]
    l.append(l)
    del l
    gc.collect()
assert N.count == 1000, N.count
len(gc.get_objects()), gc.get_stats(), gc.get_threshold()
""",
    "compute": """
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
assert fib(15) == 610
total = 0
for i in range(20000):
    total += i * i % 7
words = {}
for i in range(5000):
    words.setdefault("w%d" % (i % 100), []).append(i)
sorted(words, key=lambda w: (len(words[w]), w))
gen = (x for x in range(1000))
assert sum(gen) == 499500
def g():
    x = yield 1
    yield from range(3)
list(g())
import functools
@functools.lru_cache
def sq(x): return x * x
[sq(i % 10) for i in range(1000)]
""",
    "regex": """
import re
for i in range(20):
    pat = re.compile(r"(?P<word>\\w+)-(%d|x+)" % i)
    m = pat.search("hello-%d foo-xx" % i)
    assert m["word"] in ("hello", "foo")
    pat.sub(lambda m: m[1].upper(), "a-%d b-xx" % i)
    re.split("[,;]", "a,b;c"), re.escape("a.b"), re.fullmatch("[a-z]+", "abc")
""",
    "io": """
import io, os, tempfile
for i in range(10):
    with open("/dev/null", "w") as f:
        print("x" * i, file=f)
    b = io.BytesIO(b"abc\\ndef")
    assert io.TextIOWrapper(b).read() == "abc\\ndef"
    io.StringIO("a\\nb").readlines()
    os.stat("/"), os.listdir("/dev")[:1], os.environ.get("PATH"), os.getpid(), os.times()
""",
    "enum": """
import enum, dataclasses, typing, collections, abc
for i in range(5):
    E = enum.Enum("E", "a b c")
    assert E.a.value == 1 and E["b"] is E.b
    @dataclasses.dataclass
    class D:
        x: int
        y: typing.Optional[list] = None
    assert D(1) == D(1)
    T = collections.namedtuple("T", "a b")
    assert T(1, 2)._asdict() == {"a": 1, "b": 2}
    class I(abc.ABC):
        @abc.abstractmethod
        def f(self): pass
    try:
        I()
    except TypeError:
        pass
    isinstance([], typing.Sequence), issubclass(dict, collections.abc.Mapping)
""",
}


def run_here(name: str, code: str) -> None:
    """Run a part in this interpreter, in a module that pickle finds by its name."""
    module = sys.modules["stress_main"] = types.ModuleType("stress_main")
    exec(compile(code, f"<main {name}>", "exec"), vars(module))


class OwnGil(stressing.Stress):
    """The parts, and whose turn it is among the modules."""

    def __init__(self, parts: list[str], modules: int, seconds: float) -> None:
        super().__init__(seconds)
        self.parts = parts
        self.modules = modules
        self.known = built(name for name in USES if name not in COPIED)
        self.unused: list[str] = []

    def some_modules(self) -> list[str]:
        """Names of the modules that the next interpreter uses: each has its turn before one has another."""
        with self.lock:
            if len(self.unused) < self.modules:
                self.unused += random.sample(self.known, len(self.known))
            chosen, self.unused = self.unused[: self.modules], self.unused[self.modules :]
        return chosen

    def live(self, first: int) -> None:
        """One interpreter: made, run, ended; it begins with part `first`."""
        made = interpreters.create(isolated=False, own_gil=True)
        try:
            for name in self.parts[first:] + self.parts[:first]:
                interpreters.run_string(made, PARTS[name])
            for name in self.some_modules():
                interpreters.run_string(made, USES[name])
        finally:
            interpreters.destroy(made)
        self.count(interpreters=1)

    def work_here(self) -> None:
        """Do in main what the interpreters do."""
        for name in self.parts:
            run_here(name, PARTS[name])
        for name in self.some_modules():
            run_here(name, USES[name])
        self.count(rounds=1)

    def start(self, threads: int) -> None:
        """Let the threads work, and the main interpreter, too; each thread begins with another part."""
        bodies = [self.again(functools.partial(self.live, number % len(self.parts))) for number in range(threads)]
        self.run(*bodies, here=self.again(self.work_here))


def main() -> None:
    """Run for --seconds; exit non-zero on a failure, or if nothing was done."""
    parser = stressing.parser()
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--part", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--modules", type=int, default=12, help="how many modules each interpreter uses")
    options = parser.parse_args()
    stress = OwnGil(options.part, options.modules, options.seconds)
    stress.start(options.threads)
    stress.judge("interpreters")


if __name__ == "__main__":
    main()
