"""Run failures again before they count.

A failure of the fork that upstream does not have is run alone, twice at most. If it passes, its whole file runs
once more: a test that fails there again depends on the tests before it, which is a new failure and not a flaky test.
If it does not pass and upstream's result is a stored one, upstream runs it alone too, now and here: what fails on
both sides comes from this machine or this hour.

Upstream's own failures are run again as well, since one unlucky run stored there would hide a real failure of the
fork for as long as the store lives. They pass if any run passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace

from harness.console import warn
from harness.suite_diff import Comparison, Difference, suspicious
from harness.suite_model import Case, FileResult, Options, Status, combine, normalise
from harness.suite_run import Job, Pool, pattern

RERUNS = 2
MOST = 200  # tests; beyond that the fork is broken and every rerun only costs time
PATIENCE = 120.0  # seconds for a test that hung


def _is_method(file: str, test: str) -> bool:
    return test != file and "(" not in test and " " not in test


def _run_one(pool: Pool, job: Job) -> FileResult:
    with closing(pool.run([job])) as results:
        return next(results)


def alone(pool: Pool, file: str, cases: Sequence[Case]) -> dict[str, Case]:
    """Run the given tests of a file again, without the rest of it where they are methods; the cases by name."""
    timeout = pool.options.timeout_of(file)
    if any(case.status is Status.TIMED_OUT for case in cases):
        timeout = min(timeout, PATIENCE)
    only = tuple(pattern(case.test) for case in cases) if all(_is_method(file, case.test) for case in cases) else ()
    return combine(_run_one(pool, Job(file, only=only, timeout=timeout)).cases)


def settle(pool: Pool, result: FileResult) -> FileResult:
    """Run the failures of an upstream file again; those that pass are marked flaky and count as passed."""
    bad = {normalise(case.test): case for case in result.bad()}
    passed: set[str] = set()
    for _ in range(RERUNS):
        left = [case for name, case in bad.items() if name not in passed]
        if not left:
            break
        again = alone(pool, result.file, left)
        passed |= {name for name in bad if name in again and again[name].status is Status.PASSED}
    cases = tuple(
        replace(case, status=Status.PASSED, message="", flaky=case.message or str(case.status))
        if case.status.bad and normalise(case.test) in passed
        else case
        for case in result.cases
    )
    return replace(result, cases=cases)


class Confirmation:
    """Sorts the suspects of a comparison into new failures, flaky tests and failures of both sides."""

    def __init__(self, fork: Pool, upstream: Pool, stale: Callable[[str], bool]) -> None:
        """`stale(file)` says whether upstream's result of a file was stored by an earlier run."""
        self.fork = fork
        self.upstream = upstream
        self.stale = stale
        self.doubted: set[str] = set()  # files whose stored upstream result is no longer true here

    def sort(self, comparison: Comparison, before: Callable[[str, str], Case | None]) -> None:
        """Empty `comparison.suspects`; `before(file, test)` is upstream's case of a test."""
        suspects, comparison.suspects = comparison.suspects, []
        if len(suspects) > MOST:
            warn(f"{len(suspects)} apparent new failures: they count as they are, none is run again")
            comparison.new_failures += suspects
            return
        for file, group in _by_file(suspects).items():
            failing, flaky = self._again(file, group, before)
            comparison.flaky += flaky
            both = self._also_upstream(file, failing)
            comparison.both += both
            comparison.new_failures += [item for item in failing if item not in both]

    def _again(
        self, file: str, group: list[Difference], before: Callable[[str, str], Case | None]
    ) -> tuple[list[Difference], list[Difference]]:
        """Split into (still failing, flaky)."""
        failing = group
        for _ in range(RERUNS):
            again = alone(self.fork, file, [item.case for item in failing])
            failing = [item for item in failing if _fails_again(again, item, before)]
            if not failing:
                break
        passed = [item for item in group if item not in failing]
        if not passed:
            return failing, []
        whole = combine(_run_one(self.fork, Job(file)).cases)
        ordered = [item for item in passed if _fails_again(whole, item, before)]
        flaky = [_flaky(item) for item in passed if item not in ordered]
        return failing + [_order_dependent(item) for item in ordered], flaky

    def _also_upstream(self, file: str, failing: list[Difference]) -> list[Difference]:
        asked = [item for item in failing if item.upstream is not None]
        if not asked or not self.stale(file):
            return []
        again = alone(self.upstream, file, [item.case for item in asked])
        both = [item for item in asked if not suspicious(again.get(normalise(item.case.test)), item.case)]
        if both:
            self.doubted.add(file)
        return both


def _fails_again(again: dict[str, Case], item: Difference, before: Callable[[str, str], Case | None]) -> bool:
    now = again.get(normalise(item.case.test))
    if now is None:  # a fixture that no longer fails is not reported at all; a method is missing
        return _is_method(item.file, item.case.test)
    return suspicious(before(item.file, item.case.test), now)


def _by_file(suspects: Iterable[Difference]) -> dict[str, list[Difference]]:
    groups: dict[str, list[Difference]] = defaultdict(list)
    for item in suspects:
        groups[item.file].append(item)
    return groups


def _flaky(item: Difference) -> Difference:
    return replace(item, case=replace(item.case, flaky=item.case.message or str(item.case.status)))


def _order_dependent(item: Difference) -> Difference:
    message = f"passes alone, fails after the other tests of its file (twice)\n{item.case.message}"
    return replace(item, case=replace(item.case, message=message))


def rerun_options(options: Options) -> Options:
    """The same with one process at a time, alone on the machine and not only in its process, for chosen tests."""
    return replace(options, workers=1, match=())
