"""The rows of the ledger: what each patch does to builds, tests, instruction counts, globals, ABI and size.

Pure bookkeeping: the measuring is done by a Workshop (perf/ledger_workshop.py; a fake in tests), what was measured is
kept in a Store under the hash of the series up to the patch, so that an interrupted ledger goes on where it was.
"""

from __future__ import annotations

import hashlib
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from harness import atomic
from harness.errors import (
    BuildFailedError,
    Exit,
    HarnessError,
    ResultDamagedError,
    ResultMissingError,
    SeriesRejectedError,
)
from harness.series import Patch
from perf.ledger_file import RowsFile

FORMAT = 2  # of a stored measurement; raise it when the meaning of one changes
STAGES = ("builds", "tests", "counts", "abi")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of the series up to one patch; None: not (yet) measured.

    `tests` is {passed, failed, skipped, failures: [name]}, `counts` benchmark -> instructions of one loop, `abi` is
    {compatible, added, removed, changed} against upstream (numbers of symbols or types).
    """

    builds: bool | None = None
    tests: dict[str, Any] | None = None
    counts: dict[str, float] | None = None
    abi: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One patch in the ledger; `instructions_delta` is the geometric mean against the row before, minus one."""

    patch: str
    topic: str
    subject: str
    applies: bool
    builds: bool | None = None
    tests: dict[str, Any] | None = None
    instructions_delta: float | None = None
    instructions: dict[str, float] = field(default_factory=dict)
    globals_left: int | None = None
    abi: dict[str, Any] | None = None
    lines: dict[str, int] = field(default_factory=dict)
    error: str | None = None

    @property
    def red(self) -> bool:
        """Does something here keep the patch from being whole? What was not measured does not."""
        failed = self.tests is not None and self.tests["failed"] > 0
        broken = self.abi is not None and not self.abi["compatible"]
        return not self.applies or self.builds is False or failed or broken or self.error is not None

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object, `red` included."""
        return {**asdict(self), "red": self.red}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Row:
        """The row of a JSON object made by `to_json`."""
        return cls(**{name: given for name, given in value.items() if name != "red"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    tests: bool = True
    counts: bool = True
    abi: bool = True

    def missing(self, measured: Measured) -> bool:
        """Is there anything left to measure?"""
        return (
            not measured.builds
            or (self.tests and measured.tests is None)
            or (self.counts and measured.counts is None)
            or (self.abi and measured.abi is None)
        )


class Workshop(Protocol):
    """Makes the series up to a patch and measures it; `patches` is always a prefix of the series, [] is upstream."""

    def key(self, patches: Sequence[Patch]) -> str:
        """A hash of all that a measurement of this prefix depends on."""
        ...

    def globals_left(self, patches: Sequence[Patch]) -> int:
        """Apply the prefix; rows of the analyzer's list then."""
        ...

    def build(self, patches: Sequence[Patch]) -> None:
        """Build the prefix; BuildFailedError if it does not compile. The later calls are about this build."""
        ...

    def tests(self, patches: Sequence[Patch]) -> dict[str, Any]:
        """Run the tests that the patches name."""
        ...

    def counts(self) -> dict[str, float]:
        """Instructions of one loop by benchmark: rows of machines that chose other numbers of loops are compared."""
        ...

    def abi(self) -> dict[str, Any]:
        """Compare with upstream."""
        ...


class Store:
    """Measurements on disk, one file a prefix of the series, and in `shared`, if given, for other machines too."""

    def __init__(self, directory: Path, shared: RowsFile | None = None) -> None:
        self.directory = directory
        self.shared = shared

    @staticmethod
    def name(key: str) -> str:
        """What measurements under `key` are filed under."""
        return hashlib.sha256(f"{FORMAT} {key}".encode()).hexdigest()[:24]

    def _path(self, key: str) -> Path:
        return self.directory / f"{self.name(key)}.json"

    def get(self, key: str) -> Measured:
        """What is known under `key`, here before elsewhere; a damaged file of the directory counts as nothing."""
        here = self._here(key)
        missing = [stage for stage in STAGES if getattr(here, stage) is None]
        if self.shared is None or not missing:
            return here
        there = self.shared.get(self.name(key))
        return replace(here, **{stage: there.get(stage) for stage in missing})

    def _here(self, key: str) -> Measured:
        try:
            return Measured(**atomic.read_json(self._path(key)))
        except (ResultMissingError, ResultDamagedError, TypeError):
            return Measured()

    def put(self, key: str, measured: Measured) -> None:
        """Keep `measured`."""
        told = {stage: getattr(measured, stage) for stage in STAGES}
        atomic.write_json(self._path(key), told)
        if self.shared is not None:
            self.shared.put(self.name(key), told)


def measure(workshop: Workshop, store: Store, patches: Sequence[Patch], wanted: Wanted) -> Measured:
    """Measure what is wanted and not yet known of a prefix, keeping each stage as soon as it is done.

    Failed tests are reported, but not kept: the next run tries them again. Raises BuildFailedError.
    """
    key = workshop.key(patches)
    known = store.get(key)
    if not wanted.missing(known):
        return known
    workshop.build(patches)
    known = replace(known, builds=True)
    store.put(key, known)
    if wanted.counts and known.counts is None:
        known = replace(known, counts=workshop.counts())
        store.put(key, known)
    if wanted.abi and known.abi is None:
        known = replace(known, abi=workshop.abi())
        store.put(key, known)
    if wanted.tests and known.tests is None:
        known = replace(known, tests=workshop.tests(patches))
        if not known.tests or known.tests["failed"] == 0:
            store.put(key, known)
    return known


def lines_of(patch: Patch) -> dict[str, int]:
    """Lines that a patch adds and removes, {added, removed}, generated files included."""
    added = removed = 0
    in_hunk = False
    for line in patch.text.splitlines():
        if line.startswith(b"diff --git "):
            in_hunk = False
        elif line.startswith(b"@@ "):
            in_hunk = True
        elif in_hunk and line.startswith(b"+"):
            added += 1
        elif in_hunk and line.startswith(b"-"):
            removed += 1
    return {"added": added, "removed": removed}


def ratios(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Instructions after / before of each benchmark that both have."""
    return {name: after[name] / before[name] for name in before if name in after}


def part(text: str, count: int) -> range:
    """Indices of the part of `count` patches that `text` names: "2/3" is the second of three, as equal as can be.

    ValueError if it names none.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    which, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= which <= parts:
        raise ValueError(f"{text} is no part; 1/2 and 2/2 are the halves")
    return range((which - 1) * count // parts, which * count // parts)


def rows(
    workshop: Workshop, store: Store, patches: Sequence[Patch], wanted: Wanted, chosen: range | None = None
) -> Iterator[Row]:
    """The rows in series order; `chosen` are the indices of the patches wanted (default: all)."""
    before: Measured | None = None
    unappliable: str | None = None
    for index, patch in enumerate(patches):
        if chosen is not None and index not in chosen:
            continue
        row = Row(patch.path, patch.topic, patch.subject, applies=unappliable is None, lines=lines_of(patch))
        if unappliable is not None:
            yield replace(row, error=f"not tried: {unappliable} does not apply")
            continue
        try:
            row = replace(row, globals_left=workshop.globals_left(patches[: index + 1]))
        except SeriesRejectedError as problem:
            unappliable = patch.path
            yield replace(row, applies=False, error=str(problem))
            continue
        if wanted.counts and before is None:  # the first row needs the counts of what is below it
            before, _ = _attempt(workshop, store, patches[:index], Wanted(tests=False, abi=False))
        measured, error = _attempt(workshop, store, patches[: index + 1], wanted)
        row = replace(row, builds=measured.builds, tests=measured.tests, abi=measured.abi, error=error)
        yield _with_delta(row, before, measured)
        before = measured if measured.counts else before


def _attempt(
    workshop: Workshop, store: Store, patches: Sequence[Patch], wanted: Wanted
) -> tuple[Measured, str | None]:
    """Measure a prefix; what went wrong by the patch's fault becomes a text, the machine's failures are raised."""
    try:
        return measure(workshop, store, patches, wanted), None
    except BuildFailedError as problem:
        return Measured(builds=False), str(problem)
    except HarnessError as problem:
        if problem.exit_code not in (Exit.FAILED, Exit.MISSING):
            raise
        return store.get(workshop.key(patches)), str(problem)


def _with_delta(row: Row, before: Measured | None, after: Measured) -> Row:
    if before is None or not before.counts or not after.counts:
        return row
    found = ratios(before.counts, after.counts)
    if not found:
        return row
    return replace(row, instructions=found, instructions_delta=statistics.geometric_mean(found.values()) - 1)
