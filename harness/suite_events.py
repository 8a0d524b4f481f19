"""Turn what one regrtest process left behind (events, exit status, output) into the results of its tests.

The record is that of `suite_driver.py`. A process that died or hung is charged to the test that had started and not
stopped; if none had, to the file as a whole.
"""

from __future__ import annotations

import ast
import math
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.suite_model import Case, FileResult, Status, combine

REGRTEST_EXITS = (0, 2, 3, 130)  # success, failures, environment changed, interrupted
TERM_SENT, KILL_SENT = 124, 137  # exit statuses of coreutils' timeout; the latter also of anything killed
EXCERPT = 6000  # characters of output kept with a failure

_EVENT_STATUS = {
    "pass": Status.PASSED,
    "skip": Status.SKIPPED,
    "fail": Status.FAILED,
    "unexpected": Status.FAILED,
    "error": Status.ERROR,
}
_WHOLE = {
    "Passed": Status.PASSED,
    "EnvChanged": Status.PASSED,
    "Skipped": Status.SKIPPED,
    "ResourceDenied": Status.SKIPPED,
    "DidNotRun": Status.NO_TESTS,
    "UncaughtException": Status.ERROR,
    "RefLeak": Status.FAILED,
    "Interrupted": Status.ERROR,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: exit status (128+n for signal n), output, wall seconds, and the seconds it might take."""

    returncode: int
    output: str
    seconds: float
    limit: float = math.inf

    @property
    def timed_out(self) -> bool:
        """Was it ended by regrtest's own timeout or by the guard around it?"""
        if self.returncode == 1:
            return re.search(r"^Timeout \(\d+:\d\d:\d\d", self.output, re.MULTILINE) is not None
        return self.returncode == TERM_SENT or (self.returncode == KILL_SENT and self.seconds >= self.limit)

    def describe(self) -> str:
        """The exit status in words, then the telling part of the output."""
        if self.timed_out:
            how = f"timed out after {self.seconds:.0f} s"
        elif self.returncode > 128:
            how = f"killed by {_signal_name(self.returncode - 128)}"
        else:
            how = f"ended with exit status {self.returncode} and no result"
        return f"{how}\n{excerpt(self.output)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def excerpt(output: str) -> str:
    """The output from its fatal error or timeout on, if it has one, else its end."""
    found = re.search(r"^(Fatal Python error|Timeout \(\d+:\d\d:\d\d)", output, re.MULTILINE)
    text = output[found.start() :][:EXCERPT] if found else output[-EXCERPT:]
    return text.strip()


@dataclass(slots=True)
class _Open:
    """A test that has started: when, and what was reported of it since."""

    started: float
    reports: list[Case] = field(default_factory=list)


@dataclass(slots=True)
class Record:
    """The events of one process: finished cases, tests open when it ended, outcome of the file if it had one."""

    cases: list[Case] = field(default_factory=list)
    open: dict[str, _Open] = field(default_factory=dict)
    outcome: str | None = None

    def seen(self) -> set[str]:
        """Names of all tests that started."""
        return {case.test for case in self.cases} | set(self.open)


def _events(path: Path) -> Iterator[tuple[Any, ...]]:
    """Events of a file; the last line may be cut short by a crash and is then left out."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield ast.literal_eval(line.decode("ascii"))


def read(path: Path) -> Record:
    """Read the events of one process; a missing file is an empty record."""
    record = Record()
    for clock, kind, *rest in _events(path):
        if kind == "start":
            record.open[rest[0]] = _Open(clock)
        elif kind == "stop":
            _close(record, rest[0], clock)
        elif kind == "end":
            record.outcome = rest[1]
        elif kind in _EVENT_STATUS:
            _report(record, kind, rest[0], rest[1] if len(rest) > 1 else "")
    return record


def _report(record: Record, kind: str, test: str, text: str) -> None:
    case = Case(test, _EVENT_STATUS[kind], message="unexpected success" if kind == "unexpected" else text)
    started = record.open.get(test)
    if started is None:  # setUpClass, tearDownModule and the like are reported without having started
        record.cases.append(case)
    else:
        started.reports.append(case)


def _close(record: Record, test: str, clock: float) -> None:
    started = record.open.pop(test, None)
    if started is None:
        return
    seconds = clock - started.started
    if not started.reports:
        record.cases.append(Case(test, Status.ERROR, seconds, "the test ended without a result"))
        return
    worst = next(iter(combine(started.reports).values()))
    text = "\n".join(case.message for case in started.reports if case.status is worst.status and case.message)
    record.cases.append(Case(test, worst.status, seconds, text))


def result(file: str, record: Record, ending: Ending) -> FileResult:
    """The result of one process that ran `file` (or a part of it)."""
    cases = list(record.cases)
    if record.outcome is None or ending.returncode not in REGRTEST_EXITS:
        whole = _died(file, record, ending, cases)
    else:
        whole = _finished(file, record, ending, cases)
    return FileResult(file, (whole, *cases), ending.seconds, record.outcome == "EnvChanged")


def _died(file: str, record: Record, ending: Ending, cases: list[Case]) -> Case:
    """Charge a death to the tests that were open; to the file if none was."""
    status = Status.TIMED_OUT if ending.timed_out else Status.CRASHED
    if record.outcome is not None:
        return Case(file, status, ending.seconds, f"at exit, after the tests: {ending.describe()}")
    if not record.open:
        return Case(file, status, ending.seconds, f"outside of any test: {ending.describe()}")
    for test in record.open:
        cases.append(Case(test, status, 0.0, ending.describe()))
    return Case(file, Status.PASSED, ending.seconds)


def _finished(file: str, record: Record, ending: Ending, cases: list[Case]) -> Case:
    outcome = record.outcome or ""
    if record.open:
        return Case(file, Status.ERROR, ending.seconds, f"tests never stopped: {', '.join(record.open)}")
    if outcome in _WHOLE:
        status = _WHOLE[outcome]
        reason = _skip_reason(file, ending.output) if status is Status.SKIPPED else ""
        return Case(file, status, ending.seconds, excerpt(ending.output) if status.bad else reason)
    if any(case.status.bad for case in cases):  # regrtest's "Failed", explained by the tests themselves
        return Case(file, Status.PASSED, ending.seconds)
    return Case(file, Status.FAILED, ending.seconds, f"regrtest says {outcome}\n{excerpt(ending.output)}")


def _skip_reason(file: str, output: str) -> str:
    found = re.search(rf"^{re.escape(file)} skipped -- (.*)$", output, re.MULTILINE)
    return found.group(1) if found else ""
