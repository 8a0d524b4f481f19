"""The directory that holds pyperf for the interpreters under test: a pure-python copy, compiled once, no network.

The copy comes from the harness's own environment, so that its version is the pinned one. Its name holds the hash of
what is in it and the interpreter's bytecode magic number: two builds that disagree about bytecode never share it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import paths
from harness.errors import CommandFailedError, EnvironmentFailure, InterpreterUnusableError
from harness.runner import Runner, run_in

PROBE = (
    "import importlib.util, sys; print(importlib.util.MAGIC_NUMBER.hex(), '.'.join(map(str, sys.version_info[:3])))"
)
PACKAGE = "pyperf"
TIMEOUT = 60.0  # seconds for one start of an interpreter


@dataclass(frozen=True, slots=True)
class Probe:
    """What an interpreter says about itself: bytecode magic number (hex) and version ("3.11.2")."""

    magic: str
    version: str


def probe(runner: Runner, python: Path) -> Probe:
    """Start `python` once; InterpreterUnusableError if it does not answer."""
    done = run_in(runner, [python, "-I", "-S", "-c", PROBE], timeout=TIMEOUT)
    words = done.stdout.split()
    if done.failed or len(words) != 2:
        raise InterpreterUnusableError(
            f"{python} does not start (exit {done.returncode}): {done.stdout.strip()[-500:]}"
        )
    return Probe(words[0], words[1])


def _files() -> list[tuple[str, Path]]:
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise EnvironmentFailure(f"{PACKAGE} is not installed", remedy="Run `./noxw` once: it installs it.") from None
    listed = [
        (str(file), Path(str(distribution.locate_file(file))))
        for file in distribution.files or ()
        if file.parts[0] == PACKAGE and file.suffix == ".py" and "tests" not in file.parts
    ]
    return sorted(listed)


@functools.cache
def _digest() -> str:
    total = hashlib.sha256()
    for name, path in _files():
        total.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def _copy_to(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".site-"))
    try:
        for name, path in _files():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, temporary / name)
        temporary.chmod(0o755)
        temporary.rename(target)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        if not target.is_dir():  # else another process made the same one first
            raise


def ensure(runner: Runner, python: Path) -> Path:
    """Return the directory to put on `python`'s PYTHONPATH, made and compiled if it is not there yet."""
    key = f"{_digest()}-{probe(runner, python).magic}"
    target = paths.cache_dir() / f"site-{key}"
    ready = target / "compiled"
    if not target.is_dir():
        _copy_to(target)
    if not ready.exists():
        compiling = [str(python), "-m", "compileall", "-q", str(target)]
        run_in(runner, compiling, timeout=10 * TIMEOUT, error=CommandFailedError)
        ready.write_text(f"by {os.fspath(python)}\n", encoding="utf-8")
    return target
