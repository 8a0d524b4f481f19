"""What `refresh` will write: the files of the new series, what changes against the old one, and the writing itself.

Nothing is lost if the writing stops half-way: every new file is complete on disk before the first is put in place,
the order file changes after them, old files go last; and the commits they come from are still there, so that the
same command finishes the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import atomic, series

HEADER = "# The order of the patches, one name a line; `./noxw -s refresh` keeps it (patches/README.md).\n\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole new series: file contents in order, the text of `series`, and the difference from what is stored."""

    files: Mapping[str, bytes]
    order: str
    new: tuple[str, ...]
    stale: tuple[str, ...]
    removed: tuple[str, ...]
    reordered: bool
    changed: bool

    def lines(self) -> list[str]:
        """The difference, one line each."""
        named = (("new", self.new), ("stale", self.stale), ("removed", self.removed))
        shown = [f"{what:<8} {name}" for what, names in named for name in names]
        return [*shown, *(["reordered series"] if self.reordered else [])]


def make(patches: Path, files: Mapping[str, bytes]) -> Plan:
    """Compare `files` (name -> content, in order) with the folder `patches`."""
    old_text = series.read_series(patches) if (patches / series.SERIES).exists() else HEADER
    old_names, _problems = series.entries(old_text)
    names = list(files)
    stored = {name: (patches / name).read_bytes() for name in names if (patches / name).is_file()}
    both = [name for name in old_names if name in files]
    order = reorder(old_text, old_names, names)
    stale = tuple(name for name in names if name in stored and stored[name] != files[name])
    return Plan(
        files=dict(files),
        order=order,
        new=tuple(name for name in names if name not in stored),
        stale=stale,
        removed=tuple(name for name in old_names if name not in files),
        reordered=both != [name for name in names if name in both],
        changed=order != old_text or bool(stale) or len(stored) != len(names),
    )


def reorder(text: str, old: Sequence[str], new: Sequence[str]) -> str:
    """The series file `text` with the names `new`: comments stay before the name they stood before.

    A comment whose patch is gone moves to the next of the old names that is still there; what stood at the end stays
    at the end; the first block (up to an empty line) stays first.
    """
    top, before, tail = _comments(text, old, set(new))
    lines = [*top]
    for name in new:
        lines += [*before.get(name, ()), name]
    return "".join(f"{line}\n" for line in [*lines, *tail])


def _comments(text: str, old: Sequence[str], kept: set[str]) -> tuple[list[str], dict[str, list[str]], list[str]]:
    top: list[str] = []
    before: dict[str, list[str]] = {}
    waiting: list[str] = []
    started = False
    for line in text.splitlines():
        if line in old:
            started = True
            if line in kept:
                before[line], waiting = waiting, []
            continue
        waiting.append(line)
        if not started and not line.strip():
            top, waiting = [*top, *waiting], []
    return top, before, waiting


def write(patches: Path, plan: Plan) -> None:
    """Put the planned files in place, then the order, then delete what is not named any more."""
    contents = {name: plan.files[name] for name in (*plan.new, *plan.stale)}
    staged: list[tuple[Path, Path]] = []
    try:
        for name, content in (*contents.items(), (series.SERIES, plan.order.encode())):
            staged.append((atomic.stage(patches / name, content), patches / name))
        for temporary, target in staged:  # the order file is the last
            temporary.replace(target)
    finally:
        for temporary, _target in staged:
            temporary.unlink(missing_ok=True)
    for name in plan.removed:
        (patches / name).unlink(missing_ok=True)
        if not any((patches / name).parent.iterdir()):
            (patches / name).parent.rmdir()
