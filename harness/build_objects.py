"""The object directory: a copy of the source inside it, the objects, and what they were made from.

The copy lies at the same place relative to the objects in every clone and for every variant, so that compilers, and
ccache, see the same relative paths everywhere; the source tree itself stays untouched by builds. A file of the copy
gets a new time exactly when its content changes, whatever times the source tree has: make then recompiles only that.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import atomic
from harness.errors import ResultDamagedError, ResultMissingError

NOT_COPIED = frozenset({".git", ".github", "Doc", "__pycache__"})
OBJECT_SUFFIXES = (".o", ".a", ".so")


@dataclass(frozen=True, slots=True)
class Changes:
    """What a synchronisation changed: numbers of files written and removed; is any header among them?"""

    written: int
    removed: int
    headers: bool


WRITING = 5.0  # seconds: far longer than an assembler takes to write one object, on a busy machine too


class ObjectDirectory:
    """build/obj/<variant>/<profile>."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = path / "src"
        self._state = path / ".state.json"
        self._unfinished = path / ".unfinished"

    # --- state -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, str]:
        """What the objects were made from; {} if nothing is known (then nothing is kept)."""
        try:
            return {str(name): str(value) for name, value in atomic.read_json(self._state).items()}
        except (ResultMissingError, ResultDamagedError):
            return {}

    def remember(self, **values: str) -> None:
        """Add to the state. It is not synced: one that a crash damages is worth a rebuild, a slow disk is not."""
        new = self._state.with_suffix(".new")
        new.write_text(json.dumps({**self.state(), **values}), encoding="utf-8")
        new.replace(self._state)

    def prepare(self, key: str) -> None:
        """Keep what was made with the same recipe in the same environment (`key`), remove everything else."""
        if self.path.exists() and self.state().get("key") != key:
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        if "key" not in self.state():
            self.remember(key=key)

    # --- a run that was killed ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Mark that a make runs. If the mark of an earlier one is still there, drop what that one wrote."""
        self.drop_unfinished()
        self._unfinished.touch()
        os.utime(self._unfinished)

    def drop_unfinished(self) -> None:
        """Remove what a make that did not end by itself wrote last: some of it may be half an object.

        What was being written when it was killed is among the newest; WRITING seconds before the newest, everything
        was whole, and is kept, so that the build resumes.
        """
        if not self._unfinished.exists():
            return
        written = {path: path.stat().st_mtime for path in self._objects()}
        since = max(self._unfinished.stat().st_mtime - 1, max(written.values(), default=0.0) - WRITING)
        for path, when in written.items():
            if when >= since:
                path.unlink()

    def end(self) -> None:
        """Mark that make ended by itself, so that no half-written object is about."""
        self._unfinished.unlink(missing_ok=True)

    def _objects(self) -> Iterator[Path]:
        for folder, folders, names in os.walk(self.path):
            if folder == str(self.path):
                folders[:] = [name for name in folders if name != "src"]
            yield from (Path(folder) / name for name in names if name.endswith(OBJECT_SUFFIXES))

    def drop_objects(self) -> None:
        """Remove all objects: a header changed, and CPython's makefile does not know every user of every header."""
        for path in list(self._objects()):
            path.unlink()

    def drop_version(self) -> None:
        """Remove the one object that holds the version string."""
        (self.path / "Modules" / "getbuildinfo.o").unlink(missing_ok=True)

    # --- the copy of the source --------------------------------------------------------------------------------

    def synchronise(self, tree: Path) -> Changes:
        """Make the copy equal to `tree`, writing only files whose content differs."""
        wanted = set(_files(tree))
        present = set(_files(self.source)) if self.source.exists() else set()
        gone = present - wanted
        for name in gone:
            (self.source / name).unlink()
        first = not present
        changed = [name for name in wanted if _differs(tree / name, self.source / name)]
        for name in changed:
            _copy(tree / name, self.source / name, keep_time=first)
        headers = any(name.endswith(".h") for name in (*changed, *gone))
        return Changes(len(changed), len(gone), headers and not first)

    def digest(self, *names: str) -> str:
        """Hash (hex) of some files of the copy."""
        digest = hashlib.sha256()
        for name in names:
            digest.update((self.source / name).read_bytes())
        return digest.hexdigest()


def _files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_COPIED]
        inside = os.path.relpath(folder, root)
        for name in names:
            if not name.endswith((".pyc", ".orig", ".rej")):
                yield name if inside == "." else f"{inside}/{name}"


def _differs(source: Path, copy: Path) -> bool:
    try:
        before, after = source.lstat(), copy.lstat()
        if (before.st_mode & 0o111) != (after.st_mode & 0o111) or before.st_size != after.st_size:
            return True
        if source.is_symlink() or copy.is_symlink():
            return not copy.is_symlink() or os.readlink(source) != os.readlink(copy)  # noqa: PTH115
        return source.read_bytes() != copy.read_bytes()
    except FileNotFoundError:
        return True


def _copy(source: Path, copy: Path, *, keep_time: bool) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)
    if keep_time:
        shutil.copy2(source, copy, follow_symlinks=False)
    else:
        shutil.copy(source, copy, follow_symlinks=False)
