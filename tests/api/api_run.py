"""Run the conformance suite in this very Python: `python api_run.py [--json] [--timeout SECONDS] [PATTERN ...]`.

Every case runs in a forked process of its own, so a crash or a hang is the outcome of that case only. With --json
each outcome is one line of JSON, after a first line that tells which Python this is; otherwise there is text for what
has not passed, and the numbers. The exit code is 0 if all have passed.

The outcomes: passed, failed, absent (this Python has no such name or parameter), crashed, timed out, skipped.
"""

from __future__ import annotations

import argparse
import faulthandler
import fnmatch
import json
import os
import platform
import select
import signal
import sys
import tempfile
import time
import traceback
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
AREAS = ("names", "life", "exec", "call", "main", "sharing", "queues", "unbound", "pool")
LIMIT = 3000  # characters kept of a message
TIMEOUT = 60.0  # seconds a case

Problem = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class Outcome(unittest.TestResult):
    """The outcome of one case."""

    def __init__(self) -> None:
        super().__init__()
        self.status = "passed"
        self.message = ""

    def _bad(self, problem: Problem) -> None:
        self.status = "failed"
        self.message += "".join(traceback.format_exception(*problem))

    def addError(self, test: unittest.TestCase, err: Problem) -> None:
        self._bad(err)

    def addFailure(self, test: unittest.TestCase, err: Problem) -> None:
        self._bad(err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Problem | None) -> None:
        if err is not None:
            self.message += f"{subtest}\n"
            self._bad(err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.status, self.message = "skipped", reason


def cases() -> Iterator[tuple[str, unittest.TestCase]]:
    """All cases by name: area.Class.test_name."""
    loader = unittest.TestLoader()
    for area in AREAS:
        pending: list[Any] = [loader.loadTestsFromName(f"api_{area}")]
        while pending:
            one = pending.pop(0)
            if isinstance(one, unittest.TestSuite):
                pending = [*one, *pending]
            else:
                yield one.id().removeprefix("api_"), one


def marks(case: unittest.TestCase) -> tuple[list[str], str]:
    """What the case needs that is not here, and what CPython itself is known to do instead."""
    import api_target

    method = getattr(case, case._testMethodName)
    needed = [*getattr(case, "__needs__", ()), *getattr(method, "__needs__", ())]
    return [need for need in needed if not api_target.has(need)], getattr(method, "__beyond__", "")


def run(case: unittest.TestCase, timeout: float) -> dict[str, Any]:
    """Run the case in a process of its own."""
    missing, why = marks(case)
    told: dict[str, Any] = {"status": "absent", "message": f"no {', '.join(missing)}", "seconds": 0.0}
    if not missing:
        started = time.monotonic()
        told = _forked(case, timeout)
        told["seconds"] = round(time.monotonic() - started, 3)
    if why:
        told["beyond"] = why
    return told


def _forked(case: unittest.TestCase, timeout: float) -> dict[str, Any]:
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            os.close(reading)
            _be_child(case, writing, errors.fileno(), timeout)
        os.close(writing)
        said, in_time = _read(reading, timeout + 5)
        os.close(reading)
        if not in_time:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        errors.seek(0)
        noise = errors.read().decode(errors="replace")
    return _judged(said, os.waitstatus_to_exitcode(status), in_time, noise)


def _be_child(case: unittest.TestCase, writing: int, errors: int, timeout: float) -> NoReturn:
    """Run the case, tell its outcome, and end as a program does: by an ordinary finalization."""
    os.dup2(errors, 2)
    faulthandler.enable()
    faulthandler.dump_traceback_later(timeout, exit=True)
    outcome = Outcome()
    case.run(outcome)
    os.write(writing, json.dumps([outcome.status, outcome.message[-LIMIT:]]).encode())
    sys.exit(0)  # the pipe is closed when the process has ended


def _read(source: int, timeout: float) -> tuple[bytes, bool]:
    said, until = b"", time.monotonic() + timeout
    while (left := until - time.monotonic()) > 0 and select.select([source], [], [], left)[0]:
        block = os.read(source, 65536)
        if not block:
            return said, True
        said += block
    return said, False


def _judged(said: bytes, code: int, in_time: bool, noise: str) -> dict[str, Any]:
    status, message = json.loads(said) if said else ("", "")
    if not in_time or (code == 1 and "Timeout (" in noise):
        return {"status": "timed out", "message": f"{message}{noise}"[-LIMIT:]}
    if code != 0:
        when = "" if not said else f" after the case ({status})"
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return {"status": "crashed", "message": f"{how}{when}\n{message}{noise}"[-LIMIT:]}
    return {"status": status, "message": message}


def identity() -> dict[str, Any]:
    """Which Python this is, and where it has the API."""
    import api_target

    implementation = platform.python_implementation()
    return {"implementation": implementation, "version": platform.python_version(), "api": api_target.NAME}


def again_with_path() -> None:
    """Start again so that interpreters find the modules of this folder, too, whatever becomes of sys.path there."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(HERE) not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, known)])
        os.execv(sys.executable, [sys.executable, *sys.argv])


def _text(name: str, told: dict[str, Any]) -> None:
    if told["status"] == "passed":
        return
    note = f" ({told['beyond']})" if "beyond" in told else ""
    print(f"{told['status']:9} {name}{note}", flush=True)
    if told["status"] != "absent":
        print("          " + told["message"].rstrip().replace("\n", "\n          "), flush=True)


def _json(name: str, told: dict[str, Any]) -> None:
    print(json.dumps({"case": name, **told}), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="conformance of this Python's interpreters, queues and pools")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="only cases whose name matches, as *timeout*")
    parser.add_argument("--json", action="store_true", help="one line of JSON a case")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds a case (default: %(default)s)")
    options = parser.parse_args()
    again_with_path()
    tell: Callable[[str, dict[str, Any]], None] = _json if options.json else _text
    who = identity()
    print(json.dumps(who) if options.json else "{implementation} {version}: {api}".format(**who), flush=True)
    wanted = [
        (name, case)
        for name, case in cases()
        if not options.patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in options.patterns)
    ]
    counts: dict[str, int] = {}
    for name, case in wanted:
        told = run(case, options.timeout)
        counts[told["status"]] = counts.get(told["status"], 0) + 1
        tell(name, told)
    if not options.json:
        print(", ".join(f"{number} {status}" for status, number in counts.items()) or "no case matches")
    return 0 if set(counts) == {"passed"} else 1


if __name__ == "__main__":
    sys.exit(main())
