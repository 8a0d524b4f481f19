"""Why a patch does not apply: which patch, which file, which hunk, and the reject itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import source_git
from harness.errors import SeriesRejectedError

if TYPE_CHECKING:
    from harness.series import Patch

SHOWN = 40  # lines of one reject in a message


@dataclass(frozen=True, slots=True)
class Reject:
    """What git apply --reject said of one patch: its report, and the .rej files it left (path -> text)."""

    report: tuple[str, ...]
    files: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        shown = []
        for path, text in self.files:
            lines = text.splitlines()
            more = [f"... {len(lines) - SHOWN} lines more"] if len(lines) > SHOWN else []
            shown.append("\n".join([f"--- reject of {path} ---", *lines[:SHOWN], *more]))
        return "\n".join([*self.report, *shown])


class PatchRejected(SeriesRejectedError):
    """SeriesRejectedError that also says which patch of the given ones it was (`index`, from 0)."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.index = index


def failed_index(repo: Path) -> int | None:
    """Which of the patches given to git am (from 0) it stopped at, or None if it is not in progress."""
    directory = Path(source_git.git(repo, "rev-parse", "--absolute-git-dir")) / "rebase-apply"
    if not (directory / "applying").exists():
        return None
    return int((directory / "next").read_text(encoding="ascii")) - 1


def leave_rejects(repo: Path) -> Reject:
    """Apply what fits of the patch at which git am stopped; leave the rest in FILE.rej and return it."""
    before = {path for path in repo.rglob("*.rej") if ".git" not in path.parts}
    for path in before:
        path.unlink()
    current = Path(source_git.git(repo, "rev-parse", "--absolute-git-dir")) / "rebase-apply" / "patch"
    done = source_git.attempt(repo, "apply", "--reject", "--whitespace=nowarn", "--verbose", current)
    report = [line for line in done.stdout.splitlines() if re.match(r"error:|Rejected hunk|Hunk #", line)]
    left = sorted(path for path in repo.rglob("*.rej") if ".git" not in path.parts)
    files = [
        (path.relative_to(repo).as_posix().removesuffix(".rej"), path.read_text(encoding="utf-8", errors="replace"))
        for path in left
    ]
    return Reject(tuple(_with_file_names(report, done.stdout)), tuple(files))


def _with_file_names(report: Sequence[str], output: str) -> list[str]:
    """git names the file once ("Applying patch X with N rejects"), then the hunks: put both on each line."""
    named, path = [], ""
    for line in output.splitlines():
        match = re.match(r"Applying patch (.+) with \d+ rejects?\.\.\.", line)
        if match:
            path = match[1]
        elif hunk := re.match(r"Rejected hunk #(\d+)", line):
            named.append(f"{path}: hunk {hunk[1]} does not fit")
    return named or [line for line in report if line.startswith("error:")]


def explain(repo: Path, patches: Sequence[Patch], said: str) -> PatchRejected | SeriesRejectedError:
    """The error for a git am that stopped in `repo`; leaves the .rej files beside what they are for."""
    index = failed_index(repo)
    if index is None:
        return SeriesRejectedError(f"git am failed: {said.strip()}")
    reject = leave_rejects(repo)
    detail = str(reject) or said.strip()
    return PatchRejected(f"{patches[index].path} does not apply:\n{detail}", index)
