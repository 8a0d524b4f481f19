"""A program that plays an interpreter with regrtest for the unit tests of the suite: fast, and as bad as is wished.

`make` writes it into a folder with its plan: for each test file a list of (test, behaviour). Behaviours: pass, skip,
fail, crash (SIGSEGV), quit (exit 0 in the middle), hang (regrtest's own timeout), deaf (only the guard ends it),
half (a crash that cuts the record short), sigint (passes if SIGINT has its default disposition), once (fails in the
first run only), company (fails unless it runs alone), main:X (X in an interpreter that is not main, else pass). The
pseudo-test "file" gives what the file itself does: pass, skip, import (fails), exit (abort at exit), leak (where
leaks are hunted).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.suite_model import Subject

Plan = Mapping[str, Sequence[tuple[str, str]]]

GOOD = {
    "test_a": [("test.test_a.T.one", "pass"), ("test.test_a.T.two", "pass")],
    "test_b": [("test.test_b.T.x", "pass")],
}

SCRIPT = r"""
import fnmatch, json, os, signal, sys, time
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
with open(os.path.join(HERE, "plan.json")) as stream:
    PLAN = json.load(stream)

def option(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None

def patterns(name):
    path = option(name)
    return open(path).read().split("\n")[:-1] if path else None

def matches(test, given):
    return any(fnmatch.fnmatchcase(test, one) for one in given)

if "--list-tests" in sys.argv:
    if PLAN.get("broken"):
        sys.exit("Fatal Python error: no codec")
    print("\n".join(name for name in PLAN if name.startswith("test_")))
    sys.exit(0)

EVENTS, FILE = sys.argv[2], sys.argv[-1]
ISOLATED = sys.argv[1].endswith("suite_isolated_driver.py")
def here(behaviour):
    there, found, inner = behaviour.partition("main:")
    return (inner if ISOLATED else "pass") if found else there
def emit(*event):
    with open(EVENTS, "a") as stream:
        stream.write(ascii((time.monotonic(), *event)) + "\n")

with open(os.path.join(HERE, "runs"), "a") as stream:
    stream.write(" ".join([FILE] + (["only"] if option("--matchfile") else [])) + "\n")

if FILE not in PLAN:
    sys.stderr.write("ModuleNotFoundError: " + FILE + "\n")
    emit("file", FILE); emit("end", FILE, "UncaughtException")
    sys.exit(2)

def run(test, behaviour, company):
    emit("start", test)
    behaviour = here(behaviour)
    once = os.path.join(HERE, test + ".once")
    if behaviour == "once" and not os.path.exists(once):
        open(once, "w").close()
        behaviour = "fail"
    if behaviour == "company":
        behaviour = "fail" if company else "pass"
    if behaviour == "crash":
        sys.stderr.write("Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n")
        sys.stderr.flush()
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
    if behaviour == "half":
        with open(EVENTS, "a") as stream:
            stream.write("(1.0, 'pa")
        os.kill(os.getpid(), signal.SIGKILL)
    if behaviour == "quit":
        os._exit(0)
    if behaviour == "hang":
        time.sleep(float(option("--timeout")))
        sys.stderr.write("Timeout (0:00:01)!\nThread 0x1 (most recent call first):\n")
        sys.stderr.flush()
        os._exit(1)
    if behaviour == "deaf":
        time.sleep(600)
    if behaviour == "slow":
        time.sleep(1)
        behaviour = "pass"
    if behaviour == "sigint":
        behaviour = "pass" if signal.getsignal(signal.SIGINT) is signal.default_int_handler else "fail"
    if behaviour == "fail":
        emit("fail", test, "Traceback (most recent call last):\nAssertionError: no")
    elif behaviour == "skip":
        emit("skip", test, "not here")
    else:
        emit("pass", test)
    emit("stop", test)
    return behaviour != "fail"

emit("file", FILE)
whole = here(dict(PLAN[FILE]).get("file", "pass"))
if whole == "import":
    sys.stderr.write("ImportError: no such thing\n")
    emit("end", FILE, "UncaughtException")
    sys.exit(2)
if whole == "skip":
    print(FILE, "skipped -- no resource", flush=True)
    emit("end", FILE, "Skipped")
    sys.exit(0)
only, ignore = patterns("--matchfile"), patterns("--ignorefile") or []
wanted = [(test, behaviour) for test, behaviour in PLAN[FILE] if test != "file" and not matches(test, ignore)]
chosen = [(test, behaviour) for test, behaviour in wanted if only is None or matches(test, only)]
times = 6 if option("-R") else 1
good = all([run(test, behaviour, len(chosen) > 1) for _ in range(times) for test, behaviour in chosen])
if whole == "leak" and option("-R"):
    print(FILE, "leaked [7, 7, 7] references, sum=21", flush=True)
    emit("end", FILE, "RefLeak")
    sys.exit(2)
emit("end", FILE, "DidNotRun" if not chosen else "Passed" if good else "Failed")
if whole == "exit":
    os.abort()
sys.exit(0 if good else 2)
"""


class Direct:
    """A runner that runs commands as they are."""

    kind = "native"

    def argv(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        cpuset: str | None = None,
    ) -> list[str]:
        return [str(word) for word in argv]

    def check(self) -> None:
        pass


def provenance(variant: str) -> dict[str, object]:
    return {
        "schema": 1,
        "variant": variant,
        "profile": "fast",
        "source_sha256": "2411",
        "series_hash": None if variant == "upstream" else "abcd",
        "input_hash": variant,
        "environment": {"kind": "native", "os": "debian"},
        "configure": ["configure", "--prefix=/somewhere"],
        "binary_sha256": {"bin/python3.11": variant},
    }


def make(folder: Path, plan: Plan, *, broken: bool = False) -> Subject:
    """Write a fake interpreter with `plan` into `folder`; the folder's name is the variant."""
    python = folder / "bin" / "python3"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!{sys.executable} -IS\n{SCRIPT}")
    python.chmod(0o755)
    (folder / "plan.json").write_text(json.dumps({**plan, **({"broken": True} if broken else {})}))
    return Subject(folder.name, python, provenance(folder.name))


def runs(subject: Subject) -> list[str]:
    """The processes that ran so far: "test_x", or "test_x only" where single tests were chosen."""
    path = subject.python.parent.parent / "runs"
    return path.read_text().splitlines() if path.exists() else []
