"""Run test files of an interpreter, each in a process of its own, several at once, so that no crash stops the rest.

Every process has its own temporary directory (as HOME, TMPDIR and where it starts), default signal dispositions,
regrtest's timeout and a guard around that. When a process dies or hangs in one test, the rest of its file runs in a
further process. There are no threads: one loop starts and polls the processes, so that Ctrl-C always ends them all.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import paths, proc
from harness.runner import RunsCommands
from harness.suite_events import Ending, Record, read, result
from harness.suite_model import LEAK_COUNTED, LEAK_WARMUPS, Case, FileResult, Options, Status, Subject, combine

DRIVER = Path(__file__).with_name("suite_driver.py")
ISOLATED_DRIVER = Path(__file__).with_name("suite_isolated_driver.py")
POLL = 0.05  # seconds
GUARD = 20.0  # seconds that the guard waits longer than regrtest's own timeout
KILL = 15.0  # seconds between the guard's TERM and KILL
PARTS = 5  # processes a file may need before the rest of its tests is given up
_GLOB = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})

# The guard is outside, so that it also ends what the tests left running in its process group.
_SHELL = """
d=$(mktemp -d /tmp/rwt.XXXXXX) || exit 125
trap 'chmod -R u+rwX "$d" 2>/dev/null; rm -rf "$d"' EXIT
trap 'exit 143' INT TERM
cd "$d" || exit 125
env HOME="$d" TMPDIR="$d" "$@"
s=$?; cd /; exit $s
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A test file, or the tests of it that match a pattern in `only`."""

    file: str
    only: tuple[str, ...] = ()
    timeout: float | None = None  # seconds; None: that of the options


@dataclass(slots=True)
class _Task:
    """A job on its way: the results of its processes so far, the tests that have run, the current process."""

    job: Job
    parts: list[FileResult]
    seen: set[str]
    stem: Path
    started: float = 0.0
    process: subprocess.Popen[str] | None = None


def arguments(file: str, options: Options, *, timeout: float, only: Path | None, ignore: Path | None) -> list[str]:
    """regrtest's arguments for one file."""
    words = ["--timeout", f"{timeout:g}"]
    words += [word for given in options.match for word in ("-m", given)]
    words += leak_words(options)
    if options.testdir is not None:
        words += ["--testdir", str(options.testdir)]
    if only is not None:
        words += ["--matchfile", str(only)]
    if ignore is not None:
        words += ["--ignorefile", str(ignore)]
    return [*words, file]


def leak_words(options: Options) -> list[str]:
    """regrtest's arguments for a hunt for leaks, if one is wanted."""
    return ["-R", f"{LEAK_WARMUPS}:{LEAK_COUNTED}"] if options.leaks else []


def pattern(test: str) -> str:
    """A regrtest pattern that matches the test of that name and no other."""
    return test.translate(_GLOB)


def isolated(words: Sequence[str | Path], timeout: float) -> list[str | Path]:
    """`words` in a temporary directory of their own, ended after `timeout` seconds with all it started."""
    guard = ["timeout", f"--kill-after={KILL:g}", f"{timeout:g}", "sh", "-c", _SHELL, "sh"]
    return [*guard, *words]


class Pool:
    """Runs jobs of one interpreter, `options.workers` processes at once; `work` holds events and output."""

    def __init__(self, runner: RunsCommands, subject: Subject, options: Options, work: Path) -> None:
        self.runner = runner
        self.subject = subject
        self.options = options
        self.work = work
        self._count = 0

    def run(self, jobs: Iterable[Job], *, started: Callable[[str], None] | None = None) -> Generator[FileResult]:
        """Yield the result of each job as it ends; on any exception, Ctrl-C included, end what still runs.

        `started` is told the name of each file that starts.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        waiting = deque(jobs)
        running: list[_Task] = []
        try:
            while waiting or running:
                while waiting and len(running) < self.options.workers:
                    running.append(self._begin(waiting.popleft()))
                    if started is not None:
                        started(running[-1].job.file)
                yield from self._sweep(running)
        finally:
            for task in running:
                if task.process is not None:
                    proc.end_group(task.process)

    def _sweep(self, running: list[_Task]) -> Iterator[FileResult]:
        """Handle the processes that have ended; wait a little if none has."""
        ended = [task for task in running if self._ended(task)]
        if not ended:
            time.sleep(POLL)
        for task in ended:
            if not self._collect(task):
                running.remove(task)
                yield merge(task.job.file, task.parts)

    def _begin(self, job: Job) -> _Task:
        task = _Task(job, [], set(), self.work / job.file)
        self._start(task)
        return task

    def _start(self, task: _Task) -> None:
        self._count += 1
        job = task.job
        task.stem = self.work / f"{job.file}.{self._count}"
        only = self._patterns(task.stem.with_name(task.stem.name + ".only"), job.only)
        unwanted = [*self.options.ignore, *(pattern(test) for test in sorted(task.seen))]
        ignore = self._patterns(task.stem.with_name(task.stem.name + ".ignore"), unwanted)
        timeout = self._timeout(job)
        driver = ISOLATED_DRIVER if self.options.isolated else DRIVER
        words: list[str | Path] = [self.subject.python, driver, self._events(task)]
        words += arguments(job.file, self.options, timeout=timeout, only=only, ignore=ignore)
        self._events(task).unlink(missing_ok=True)
        task.started = time.monotonic()
        with self._output(task).open("w", encoding="utf-8") as stream:
            task.process = proc.start(self.runner.argv(isolated(words, timeout + GUARD)), stdout=stream)

    @staticmethod
    def _patterns(path: Path, patterns: Sequence[str]) -> Path | None:
        if not patterns:
            return None
        path.write_text("".join(f"{one}\n" for one in patterns), encoding="utf-8")
        return path

    def _timeout(self, job: Job) -> float:
        return job.timeout or self.options.timeout_of(job.file)

    @staticmethod
    def _events(task: _Task) -> Path:
        return task.stem.with_name(task.stem.name + ".events")

    @staticmethod
    def _output(task: _Task) -> Path:
        return task.stem.with_name(task.stem.name + ".log")

    def _ended(self, task: _Task) -> bool:
        """Has the process ended? One that outlives even its guard (a dead container) is ended here."""
        process = task.process
        assert process is not None
        if process.poll() is None:
            if time.monotonic() - task.started < self._timeout(task.job) + GUARD + 2 * KILL:
                return False
            proc.end_group(process)
        return True

    def _collect(self, task: _Task) -> bool:
        """Add the result of the ended process; start the next one if the file has tests left, and say whether."""
        process = task.process
        assert process is not None
        seconds = time.monotonic() - task.started
        proc.end_group(process, signal.SIGKILL)  # what the tests left running
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        if code != 0:
            self.runner.check()
        output = self._output(task).read_text(encoding="utf-8", errors="replace")
        record = read(self._events(task))
        part = result(task.job.file, record, Ending(code, output, seconds, self._timeout(task.job)))
        if self.options.leaks:  # each test ran several times
            part = replace(part, cases=tuple(combine(part.cases).values()))
        task.parts.append(part)
        task.process = None
        if not _died_in_test(record, part):
            return False
        task.seen |= record.seen()
        if len(task.parts) >= PARTS:
            text = f"{PARTS} processes died or hung in this file; the rest of its tests did not run"
            whole = Case(task.job.file, Status.CRASHED, part.seconds, text)
            task.parts[-1] = replace(part, cases=(whole, *part.cases[1:]))
            return False
        self._start(task)
        return True


def _died_in_test(record: Record, part: FileResult) -> bool:
    return record.outcome is None and bool(record.open) and part.whole.status is Status.PASSED


def merge(file: str, parts: Sequence[FileResult]) -> FileResult:
    """One result out of those of the processes that a file needed (more than one after a crash or hang)."""
    if len(parts) == 1:
        return parts[0]
    wholes = [part.whole for part in parts]
    # The process after the last crash may have nothing left to run.
    told = [case for case in wholes if case.status not in (Status.NO_TESTS, Status.SKIPPED)] or wholes[:1]
    worst = next(iter(combine(told).values()))
    seconds = sum(part.seconds for part in parts)
    cases = [case for part in parts for case in part.cases[1:]]
    changed = any(part.environment_changed for part in parts)
    return FileResult(file, (replace(worst, seconds=seconds), *cases), seconds, changed)


def work_dir(subject: Subject) -> Path:
    """build/suite/<variant>: where the processes of a variant leave events and output."""
    return paths.build_dir() / "suite" / subject.variant
