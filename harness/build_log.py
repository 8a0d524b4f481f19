"""The log of a build: shown as progress while it grows, and turned into an error with its first causes at the end."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import Progress, TaskID

from harness.console import progress
from harness.errors import BuildFailedError, CompilerMissingError, DiskFullError, HarnessError

COMPILATION = re.compile(r"^\S*(?:gcc|cc|clang)\S* .*-c ", re.MULTILINE)
CAUSES = re.compile(
    r"(?:\berror:|\bfatal error\b|undefined reference|multiple definition|configure: error|"
    r"^make.*\*\*\* |^\w*Error: |cannot find -l|Killed|AddressSanitizer|ThreadSanitizer)",
)
NO_COMPILER = ("no acceptable C compiler found", "C compiler cannot create executables")
NO_SPACE = ("No space left on device", "Disk quota exceeded", "ENOSPC")
# setup.py goes on when a module of the standard library fails, and make then succeeds.
MODULES_FAILED = re.compile(
    r"^(?:Failed to build these modules|Following modules built successfully but were removed).*\n(?:.+\n)*",
    re.MULTILINE,
)
SHOWN = 8  # causes in the message
TICK = 0.5  # seconds between looks at the log


def compilations(text: str) -> int:
    """How many compilations a log of make shows."""
    return len(COMPILATION.findall(text))


def causes(text: str) -> list[str]:
    """The first lines of a log that say why it failed; its last lines if none does."""
    lines = text.splitlines()
    found = [line.strip() for line in lines if CAUSES.search(line)]
    return (found or [line for line in lines if line.strip()][-SHOWN:])[:SHOWN]


def failed_modules(text: str) -> str | None:
    """What setup.py says of modules that it could not build or import; None if all is well."""
    found = MODULES_FAILED.search(text)
    return None if found is None else found.group(0).strip()


def failure(step: str, log: Path) -> HarnessError:
    """The error for a failed `step` (configure, make, install) whose output is in `log`."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if any(words in text for words in NO_SPACE):
        return DiskFullError(f"the disk is full: {step} could not write its output", log=log)
    if any(words in text for words in NO_COMPILER):
        return CompilerMissingError(f"{step} found no C compiler that works", log=log)
    broken = failed_modules(text)
    told = [broken] if broken is not None and step == "make" else causes(text)
    return BuildFailedError(f"{step} failed:\n" + "\n".join(told), log=log)


class Watch:
    """Shows the compilations that `log` reports, out of `expected`, while a build runs (a context manager)."""

    def __init__(self, title: str, log: Path, expected: int | None) -> None:
        self._title = title
        self._log = log
        self._expected = expected
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="build-progress", daemon=True)
        self._progress: Progress = progress()
        self._task: TaskID | None = None
        self.count = 0

    def _follow(self) -> None:
        offset = 0
        while True:
            last = self._stop.wait(TICK)
            offset = self._read(offset)
            if last:
                return

    def _read(self, offset: int) -> int:
        try:
            with self._log.open("rb") as stream:
                stream.seek(offset)
                data = stream.read()
        except FileNotFoundError:
            return offset
        whole = data.rpartition(b"\n")[0]
        if not whole:
            return offset
        self.count += compilations(whole.decode(errors="replace"))
        if self._task is not None:
            total = None if self._expected is None else max(self._expected, self.count)
            self._progress.update(self._task, completed=self.count, total=total)
        return offset + len(whole) + 1

    def __enter__(self) -> Self:
        self._progress.__enter__()
        self._task = self._progress.add_task(self._title, total=self._expected)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._task is not None and kind is None:
            self._progress.update(self._task, completed=self.count, total=self.count)
        self._progress.__exit__(kind, value, traceback)
