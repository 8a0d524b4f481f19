"""One side of the diff: run the test files of a variant that no earlier run left behind, and keep each at once."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from rich.progress import Progress, TaskID

from harness import suite_sets
from harness.console import console, progress, say
from harness.runner import RunsCommands
from harness.suite_confirm import rerun_options, settle
from harness.suite_model import FileResult, Options, Subject
from harness.suite_run import Job, Pool, work_dir
from harness.suite_store import Store

EVERY = 25  # files between two lines of progress where no terminal shows it


@dataclass(slots=True)
class Side:
    """An interpreter, where its commands run, and what its files gave so far; `stored` came from an earlier run.

    Without a `store` every file runs, and nothing is kept for another run.
    """

    subject: Subject
    runner: RunsCommands
    options: Options
    store: Store | None = None
    results: dict[str, FileResult] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)

    def pool(self, options: Options | None = None) -> Pool:
        """A pool that runs files of this side."""
        return Pool(self.runner, self.subject, options or self.options, work_dir(self.subject))

    def alone(self) -> Pool:
        """A pool for tests that are run again, one process at a time."""
        return self.pool(rerun_options(self.options))

    def load(self, files: Sequence[str], *, settled: bool) -> None:
        """Take what the store has of `files`."""
        for file in files if self.store is not None else ():
            assert self.store is not None
            found = self.store.get(file, settled=settled)
            if found is not None:
                self.results[file] = found
                self.stored.add(file)

    def run(self, files: Sequence[str]) -> None:
        """Run what is missing of `files`, the longest first, and keep each result as it comes."""
        missing = suite_sets.longest_first([f for f in files if f not in self.results], suite_sets.durations())
        if len(missing) < len(files):
            say(f"{self.subject.variant}: {len(files) - len(missing)} of {len(files)} files were run before")
        if not missing:
            return
        shutil.rmtree(work_dir(self.subject), ignore_errors=True)
        fresh: list[FileResult] = []
        with progress() as display:
            shown = _Shown(display, self.subject.variant, len(missing))
            jobs = (Job(file) for file in missing)
            with closing(self.pool().run(jobs, started=shown.started)) as finished:
                for result in finished:
                    fresh.append(result)
                    self._keep(result)
                    shown.finished(result)
        if not self.options.match and not self.options.leaks:
            suite_sets.remember(fresh)

    def _keep(self, result: FileResult) -> None:
        self.results[result.file] = result
        if self.store is not None:
            self.store.put(result)

    def settle(self) -> None:
        """Run the failures of each file that is not settled yet again, and keep the outcome for later runs."""
        waiting = [result for file, result in sorted(self.results.items()) if not self._is_settled(file)]
        bad = [result for result in waiting if result.bad()]
        if bad:
            say(f"{self.subject.variant}: failures in {len(bad)} files run again, alone")
        for result in waiting:
            settled = settle(self.alone(), result) if result.bad() else result
            self.results[result.file] = settled
            if self.store is not None:
                self.store.put(settled, settled=True)

    def _is_settled(self, file: str) -> bool:
        return self.store is not None and file in self.stored and self.store.get(file, settled=True) is not None


class _Shown:
    """The progress line of a side: files done, failures, what runs now."""

    def __init__(self, display: Progress, variant: str, total: int) -> None:
        self.display = display
        self.variant = variant
        self.total = total
        self.running: list[str] = []
        self.done = 0
        self.failures = 0
        self.task: TaskID = display.add_task(variant, total=total)

    def started(self, file: str) -> None:
        self.running.append(file)
        self._update(0)

    def finished(self, result: FileResult) -> None:
        self.running.remove(result.file)
        self.done += 1
        self.failures += len(result.bad())
        if not console.is_terminal and self.done % EVERY == 0:
            say(f"{self.variant}: {self.done} of {self.total} files, {self.failures} failures so far")
        self._update(1)

    def _update(self, advance: int) -> None:
        failed = f" [red]{self.failures} failed[/]" if self.failures else ""
        text = f"{self.variant}{failed} [dim]{' '.join(self.running)}[/]"
        self.display.update(self.task, advance=advance, description=text)
