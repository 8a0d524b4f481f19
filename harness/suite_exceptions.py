"""The table of tests that pass in the main interpreter and not in one with its own GIL, each with its cause.

A cause is a `rule` (the interpreter refuses that by design, and the test counts as one that is skipped) or a gap (it
is to be mended, and the file does not pass). It lists
- `files`: any test of these files that says one of the cause's `messages` (fnmatch patterns of a line),
- `tests`: single tests (fnmatch), or the name of a file for the file as a whole, whatever they say,
- `waits`: tests that would only wait for what never comes there; they do not run.

Failures and skips are explained, never a crash or a hang. An entry that meets no difference although its file ran is
stale: what it explains has been mended, or never was.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness.errors import ExceptionTableError
from harness.suite_diff import Difference
from harness.suite_model import Status

DATA = Path(__file__).with_name("suite_isolated.toml")
_FILE = re.compile(r"\btest_\w+")
_NEVER = (Status.CRASHED, Status.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or pattern of tests, the name of its cause and the sentence that says why.

    With `messages`, `test` is a file, and the entry is about all of its tests that say one of them.
    """

    test: str
    cause: str
    reason: str
    rule: bool = False
    waits: bool = False
    messages: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The test file that it is about; "" where the pattern names none."""
        if self.test.startswith("unittest.test."):
            return "test_unittest"
        found = _FILE.search(self.test)
        return found.group() if found else ""

    def explains(self, item: Difference) -> bool:
        """Does it say why `item` differs?"""
        if item.case.status in _NEVER:
            return False
        if not self.messages:
            return fnmatchcase(item.case.test, self.test)
        lines = [line.strip() for line in item.case.message.splitlines()]
        return item.file == self.test and any(fnmatchcase(line, one) for line in lines for one in self.messages)


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference and the entry that explains it."""

    item: Difference
    entry: Entry


@dataclass(frozen=True, slots=True)
class Table:
    """All entries, and the share of files that must pass."""

    target: float
    entries: tuple[Entry, ...]

    def split(self, items: Iterable[Difference]) -> tuple[list[Explained], list[Difference]]:
        """Those that an entry explains, by the first that does, and the rest."""
        explained: list[Explained] = []
        rest: list[Difference] = []
        for item in items:
            entry = next((entry for entry in self.entries if entry.explains(item)), None)
            if entry is None:
                rest.append(item)
            else:
                explained.append(Explained(item, entry))
        return explained, rest

    def waits(self) -> tuple[str, ...]:
        """Patterns of the tests that do not run."""
        return tuple(entry.test for entry in self.entries if entry.waits)

    def stale(self, items: Sequence[Difference], ran: Iterable[str]) -> list[Entry]:
        """Entries about the files `ran`, all of whose tests ran, that explain none of `items`."""
        files = set(ran)
        return [entry for entry in self.entries if entry.file in files and not any(map(entry.explains, items))]


def read(path: Path = DATA) -> Table:
    """The table in `path`; ExceptionTableError names what is wrong with it."""
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
        entries = [entry for cause in data.get("cause", ()) for entry in _entries(cause)]
        target = float(data["target"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as problem:
        raise ExceptionTableError(f"{path}: {type(problem).__name__}: {problem}") from None
    _check(path, target, entries)
    return Table(target, tuple(entries))


def _entries(cause: Mapping[str, Any]) -> list[Entry]:
    name, reason, rule = str(cause["name"]), str(cause["reason"]), bool(cause["rule"])
    said = tuple(map(str, cause["messages"])) if "files" in cause else ()
    made = [Entry(str(test), name, reason, rule, messages=said) for test in cause.get("files", ())]
    made += [Entry(str(test), name, reason, rule) for test in cause.get("tests", ())]
    return made + [Entry(str(test), name, reason, rule, waits=True) for test in cause.get("waits", ())]


def _check(path: Path, target: float, entries: Sequence[Entry]) -> None:
    if not 0 < target <= 1:
        raise ExceptionTableError(f"{path}: target {target} is not a share")
    for entry in entries:
        if not entry.reason.strip():
            raise ExceptionTableError(f"{path}: the cause {entry.cause} has no reason")
        if not entry.file:
            raise ExceptionTableError(f"{path}: {entry.test!r} names no test file")
    names = [f"{entry.test} ({entry.cause})" if entry.messages else entry.test for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ExceptionTableError(f"{path}: listed more than once: {', '.join(twice)}")
