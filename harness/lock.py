"""One run at a time in one clone: an advisory lock on the build directory that says who holds it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from harness import paths
from harness.errors import AnotherRunActiveError

# Set for child processes of the holder: `run` calls other sessions' commands while it holds the lock.
HELD = "REDWOODTJ_LOCK_HELD"


def _holder(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8").strip()
    except OSError:
        return "unknown"


@contextmanager
def clone_lock(name: str) -> Iterator[None]:
    """Hold the clone's lock while `name` runs; AnotherRunActiveError names the holder at once if it is taken."""
    directory = paths.build_dir()
    if os.environ.get(HELD) == str(directory):
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    note = directory / ".lock-holder"
    lock = filelock.FileLock(directory / ".lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise AnotherRunActiveError(f"another run is active in this clone: {_holder(note)}") from None
    os.environ[HELD] = str(directory)
    try:
        note.write_text(f"{name}, pid {os.getpid()} ({' '.join(sys.argv[:6])})\n", encoding="utf-8")
        yield
    finally:
        os.environ.pop(HELD, None)
        note.unlink(missing_ok=True)
        lock.release()
