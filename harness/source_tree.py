"""The pristine tree: a tarball unpacked whole or not at all, and found to be still what was unpacked.

Beside a tree lies a note of what it was made from and of each file's size and time, so that an edited or lost file
is noticed and put back. Files that are not in the tarball (build products) are left alone. Times are the tarball's,
so that make sees no change when a tree is made again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import atomic, proc
from harness.console import say, warn
from harness.errors import CommandFailedError, DiskFullError, HarnessError, ResultDamagedError, ResultMissingError

SCHEMA = 1


def note_of(tree: Path) -> Path:
    """The note that belongs to `tree` (beside it, so that the tree itself stays pristine)."""
    return tree.with_name(f"{tree.name}.json")


def unpack(tarball: Path, target: Path, members: Iterable[str] = ()) -> None:
    """Unpack the single top directory of `tarball` as `target`; only `members` (paths below it) if any are given."""
    chosen = list(members)
    command: list[str | Path] = [
        "tar",
        "--extract",
        "--gzip",
        "--no-same-owner",
        "--strip-components=1",
        "-C",
        target,
        "-f",
        tarball,
    ]
    if chosen:
        command += ["--wildcards", "--no-wildcards-match-slash", "--verbatim-files-from", "--files-from=-"]
        wanted = "".join(f"*/{_literal(member)}\n" for member in chosen)
        proc.run(command, echo=False, stdin=wanted, error=_unpack_error)
    else:
        proc.run(command, echo=False, error=_unpack_error)


def _unpack_error(message: str) -> HarnessError:
    full = "No space left on device" in message
    return DiskFullError(message) if full else CommandFailedError(message)


def _literal(member: str) -> str:
    return "".join(f"\\{char}" if char in "*?[\\" else char for char in member)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """An empty directory beside `target` that takes its place when the block ends well, and is gone when it does not.

    What a killed run left of an earlier one goes first: only one run is active in a build directory.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}-*"):
        shutil.rmtree(left)
    incoming = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        yield incoming
        incoming.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        incoming.rename(target)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def manifest(tree: Path) -> dict[str, list[int]]:
    """path -> [size in bytes, modification time in ns] of every file below `tree`."""
    found = {}
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            found[path.relative_to(tree).as_posix()] = [status.st_size, status.st_mtime_ns]
    return found


def ensure(tree: Path, tarball: Path, sha256: str, kind: str) -> None:
    """Make `tree` the unpacked `tarball`: unpacked if it is not there or another, mended if files were changed."""
    note = note_of(tree)
    known = _read(note)
    if known.get("sha256") != sha256 or not tree.is_dir():
        say(f"unpacking {tarball.name} into {tree}")
        note.unlink(missing_ok=True)
        with replacing(tree) as incoming:
            unpack(tarball, incoming)
        files = manifest(tree)
    else:
        files = dict(known["files"])
        damaged = changed(tree, files)
        if damaged:
            warn(f"{len(damaged)} files of the pristine {tree} were changed ({damaged[0]}, ...): they are put back")
            unpack(tarball, tree, damaged)
        else:
            return
    atomic.write_json(note, {"schema": SCHEMA, "sha256": sha256, "source_kind": kind, "files": files})


def changed(tree: Path, files: dict[str, list[int]]) -> list[str]:
    """Paths of `files` (a manifest) that are missing in `tree` or have another size or time."""
    now = {}
    for name in files:
        path = tree / name
        if path.is_file():
            status = path.stat()
            now[name] = [status.st_size, status.st_mtime_ns]
    return sorted(name for name in files if now.get(name) != files[name])


def _read(note: Path) -> dict[str, Any]:
    try:
        known = atomic.read_json(note)
    except (ResultMissingError, ResultDamagedError):
        return {}
    return known if known.get("schema") == SCHEMA else {}
