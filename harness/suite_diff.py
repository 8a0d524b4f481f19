"""Compare two sides of the suite test by test: what fails newly, what is fixed, what vanished, what was added.

A test can vanish or be skipped only if the data file says why (`accepted` in suite_sets.toml); otherwise it counts as
a new failure, so that no test hides. Where a file or a class could not start, the tests that it took with it are
counted in its own message and not listed one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from harness.errors import UnequalTestResultsError
from harness.suite_model import Case, FileResult, Status, combine

_FIXTURE = re.compile(r"(?:setUp|tearDown)(Class|Module) \((.+)\)")
_RAN = (Status.PASSED, Status.FAILED, Status.ERROR, Status.TIMED_OUT, Status.CRASHED)
_FATAL = (Status.CRASHED, Status.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A test (fnmatch pattern) that the fork may lack or skip, and why."""

    test: str
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One test that differs: its file, its case in the fork, its status upstream (None: no such test)."""

    file: str
    case: Case
    upstream: Status | None

    @property
    def is_file(self) -> bool:
        """Does it stand for a whole file?"""
        return self.case.test == self.file


@dataclass(slots=True)
class Comparison:
    """All differences; `suspects` are new failures as long as they have not been run again."""

    suspects: list[Difference] = field(default_factory=list)
    new_failures: list[Difference] = field(default_factory=list)
    fixed: list[Difference] = field(default_factory=list)
    flaky: list[Difference] = field(default_factory=list)
    both: list[Difference] = field(default_factory=list)
    accepted: list[Difference] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    added_skipped: list[str] = field(default_factory=list)


def same_files(upstream: Iterable[FileResult], fork: Iterable[FileResult]) -> None:
    """UnequalTestResultsError, naming the files, unless both sides hold the same test files."""
    left, right = {result.file for result in upstream}, {result.file for result in fork}
    if left == right:
        return
    told = []
    if left - right:
        told.append(f"only upstream: {', '.join(sorted(left - right))}")
    if right - left:
        told.append(f"only fork: {', '.join(sorted(right - left))}")
    raise UnequalTestResultsError(f"the two results do not cover the same test files ({'; '.join(told)})")


def compare(
    upstream: Iterable[FileResult], fork: Iterable[FileResult], accepted: Iterable[Accepted] = ()
) -> Comparison:
    """Compare test by test. A file without any result in the fork is a suspect, never dropped."""
    comparison = Comparison()
    left = {result.file: combine(result.cases) for result in upstream}
    right = {result.file: combine(result.cases) for result in fork}
    rules = tuple(accepted)
    for file in sorted(left | right):
        _compare_file(comparison, file, left.get(file, {}), right.get(file, {}), rules)
    return comparison


def _compare_file(
    comparison: Comparison,
    file: str,
    left: Mapping[str, Case],
    right: Mapping[str, Case],
    rules: tuple[Accepted, ...],
) -> None:
    suspects: list[Difference] = []
    for name in sorted({*left, *right}, key=lambda name: (name != file, name)):
        before, now = left.get(name), right.get(name)
        if now is None:
            assert before is not None
            if before.status not in _RAN:
                continue
            now = Case(before.test, Status.MISSING, message="ran upstream, gave no result in the fork")
        difference = Difference(file, now, before.status if before else None)
        _sort(comparison, suspects, difference, before, rules)
    comparison.suspects += _absorb(file, suspects)


def _sort(
    comparison: Comparison,
    suspects: list[Difference],
    difference: Difference,
    before: Case | None,
    rules: tuple[Accepted, ...],
) -> None:
    status = difference.case.status
    if suspicious(before, difference.case):
        hidden = not status.bad
        if hidden and any(fnmatchcase(difference.case.test, rule.test) for rule in rules):
            comparison.accepted.append(difference)
        else:
            suspects.append(difference)
    elif status.bad:
        comparison.both.append(difference)
    elif difference.case.flaky:
        comparison.flaky.append(difference)
    elif before is None:
        (comparison.added if status is Status.PASSED else comparison.added_skipped).append(difference.case.test)
    elif before.status.bad and status is Status.PASSED:
        comparison.fixed.append(difference)


def suspicious(before: Case | None, now: Case) -> bool:
    """Does `now` look like a new failure against `before` (None: no such test upstream)?"""
    if before is None:
        return now.status.bad or now.status is Status.NO_TESTS
    if now.status.bad:
        return not before.status.bad or (now.status in _FATAL and before.status not in _FATAL)
    return now.status is not Status.PASSED and before.status in _RAN


def _absorb(file: str, suspects: list[Difference]) -> list[Difference]:
    """Fold the tests that are missing because their file, module or class could not start into that failure."""
    causes = [(item, owner) for item in suspects if (owner := _owner(item)) is not None]
    kept: list[Difference] = []
    taken: dict[str, int] = {}
    for item in suspects:
        cause = next((cause for cause, owner in causes if _covers(file, owner, item)), None)
        if cause is None or cause is item:
            kept.append(item)
        else:
            taken[cause.case.test] = taken.get(cause.case.test, 0) + 1
    return [_with_count(item, taken.get(item.case.test, 0)) for item in kept]


def _owner(item: Difference) -> str | None:
    """The name that starts those of all tests which this failure takes with it; "" for the whole file."""
    if item.is_file:
        return ""
    found = _FIXTURE.fullmatch(item.case.test)
    if found is None:
        return None
    return "" if found.group(1) == "Module" else f"{found.group(2)}."


def _covers(file: str, owner: str, item: Difference) -> bool:
    return item.case.status is Status.MISSING and item.case.test != file and item.case.test.startswith(owner)


def _with_count(item: Difference, count: int) -> Difference:
    if not count:
        return item
    message = f"{item.case.message}\n({count} tests that ran upstream did not run because of this)"
    return replace(item, case=replace(item.case, message=message.strip()))
