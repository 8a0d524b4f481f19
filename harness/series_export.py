"""Commits to patch files, in one canonical form: the same commit gives the same bytes on every machine.

No git version, no hash of a commit, no settings of a person and no width of a terminal shows in the result. There is
no diffstat, for its form depends on git's; author, date, message and diff are all there is.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness import source_git

FORMAT = (
    "format-patch",
    "--quiet",
    "--zero-commit",
    "--full-index",
    "--no-signature",
    "--no-numbered",
    "--subject-prefix=PATCH",
    "--numbered-files",
    "--patch",
    "--no-stat",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--no-attach",
    "--no-thread",
    "--no-cover-letter",
    "--no-notes",
    "--no-base",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--encode-email-headers",
)


def export(repo: Path, base: str, tip: str) -> list[bytes]:
    """The patches of the commits after `base` up to `tip`, oldest first (neither merges nor empty commits)."""
    with tempfile.TemporaryDirectory(prefix="redwoodtj-export-") as name:
        home = Path(name)
        source_git.git(repo, *FORMAT, f"--output-directory={home}", f"{base}..{tip}")
        files = sorted(home.iterdir(), key=lambda path: int(path.name))
        return [path.read_bytes() for path in files]


def unfit(repo: Path, base: str, tip: str) -> list[str]:
    """Commits after `base` up to `tip` that cannot be a patch, and why: merges, and those that change nothing."""
    trees = {base: source_git.git(repo, "rev-parse", f"{base}^{{tree}}")}
    wrong = []
    for line in source_git.lines(
        repo, "log", "--reverse", "--topo-order", "--format=%H|%P|%T|%h %s", f"{base}..{tip}"
    ):
        commit, parents, trees[commit], shown = line.split("|", 3)
        if len(parents.split()) != 1:
            wrong.append(f"{shown}: is a merge")
        elif trees.get(parents) == trees[commit]:
            wrong.append(f"{shown}: changes nothing")
    return wrong
