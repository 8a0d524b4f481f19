"""The vocabulary of the test-suite diff: what ran (Subject), how (Options), what became of it (Case, FileResult)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Status(StrEnum):
    """What became of one test; `missing` is given by the diff to a test that ran upstream and not in the fork."""

    PASSED = "passed"
    SKIPPED = "skipped"
    NO_TESTS = "no tests"
    MISSING = "missing"
    FAILED = "failed"
    ERROR = "error"
    TIMED_OUT = "timed out"
    CRASHED = "crashed"

    @property
    def bad(self) -> bool:
        """Did it run and not succeed?"""
        return self in _BAD


_BAD = (Status.FAILED, Status.ERROR, Status.TIMED_OUT, Status.CRASHED)
_SEVERITY = {status: rank for rank, status in enumerate((Status.NO_TESTS, Status.SKIPPED, Status.PASSED, *_BAD))}


@dataclass(frozen=True, slots=True)
class Case:
    """One test method, or one test file as a whole (then `test` is the name of the file).

    `test` is unittest's id, `test.test_dict.DictTest.test_get`; `seconds` of wall time; `flaky` is the message of the
    first run of a test that failed in its file and passed when it was run again.
    """

    test: str
    status: Status
    seconds: float = 0.0
    message: str = ""
    flaky: str = ""


@dataclass(frozen=True, slots=True)
class FileResult:
    """One test file: its cases (the first is the file itself), wall seconds, did it change the environment?"""

    file: str
    cases: tuple[Case, ...]
    seconds: float
    environment_changed: bool = False

    @property
    def whole(self) -> Case:
        """The case of the file itself."""
        return self.cases[0]

    def bad(self) -> list[Case]:
        """Cases that did not succeed."""
        return [case for case in self.cases if case.status.bad]


@dataclass(frozen=True, slots=True)
class Subject:
    """An interpreter whose suite runs: variant, executable, and the provenance of its build."""

    variant: str
    python: Path
    provenance: Mapping[str, Any]


LEAK_WARMUPS, LEAK_COUNTED = 3, 3  # runs before those whose leaks are counted, and those
LEAK_RUNS = LEAK_WARMUPS + LEAK_COUNTED


@dataclass(frozen=True, slots=True)
class Options:
    """How test files run: workers at once, seconds a file, overrides a file, regrtest's --testdir and -m patterns.

    With `isolated` they run in an interpreter with a GIL of its own. The tests of the patterns `ignore` do not run.
    With `leaks` each file runs LEAK_RUNS times in its process, and must leave as many references, memory blocks and
    descriptors behind each time (regrtest's -R; needs a debug build); `timeout` is that of one run.
    """

    workers: int = 2
    timeout: float = 300.0
    timeouts: Mapping[str, float] | None = None
    testdir: Path | None = None
    match: tuple[str, ...] = ()
    isolated: bool = False
    ignore: tuple[str, ...] = ()
    leaks: bool = False

    def timeout_of(self, file: str) -> float:
        """Seconds that the process of `file` may take: by its override, or by the common timeout."""
        return (self.timeouts or {}).get(file, self.timeout) * (LEAK_RUNS + 1 if self.leaks else 1)


_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_PROCESS = re.compile(r"\bpid[ =]\d+")


def normalise(test: str) -> str:
    """Replace what differs from run to run in the name of a test: addresses and process ids."""
    return _PROCESS.sub("pid=N", _ADDRESS.sub("0xN", test))


def combine(cases: Iterable[Case]) -> dict[str, Case]:
    """Cases by name; the worst status wins where a file runs one name more than once."""
    found: dict[str, Case] = {}
    for case in cases:
        name = normalise(case.test)
        before = found.get(name)
        if before is None or _SEVERITY[case.status] > _SEVERITY[before.status]:
            found[name] = case
    return found
