"""`series`: the series applies without fuzz, exports back byte for byte, and every patch has its header fields.

Every problem is found in one go and listed; the table shows each patch with what it claims.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from harness import paths, series, series_export, series_rules, series_tree, source
from harness.console import out
from harness.errors import SeriesCheckError
from harness.lock import clone_lock
from harness.series import Patch, Problem
from harness.series_reject import PatchRejected
from harness.variants import Variant

SHOWN = 12  # lines of a difference in a message


def check(patches: Path, tree: Path, pristine: str) -> tuple[list[Patch], list[Problem]]:
    """The patches of the folder `patches`, and all their problems; `tree` is a repository that has `pristine`."""
    found, problems = series.read(patches)
    whole = not problems
    for patch in found:
        problems += series_rules.static_problems(patch)
    if whole:
        problems += _problems_of_applying(found, tree, pristine)
    else:
        problems.append(Problem(series.SERIES, "was not applied, for it cannot be read whole"))
    return found, problems


def _problems_of_applying(patches: Sequence[Patch], tree: Path, pristine: str) -> list[Problem]:
    with series_tree.scratch(tree, pristine, patches) as work:
        try:
            series.apply(work, patches)
        except PatchRejected as rejected:
            bad, late = patches[rejected.index], patches[rejected.index + 1 :]
            stopped = [Problem(bad.path, str(rejected).removeprefix(f"{bad.path} "))]
            stopped += [Problem(patch.path, f"was not tried, for {bad.path} does not apply") for patch in late]
            return applied_problems(patches[: rejected.index], work, pristine) + stopped
        return applied_problems(patches, work, pristine)


def applied_problems(patches: Sequence[Patch], work: Path, pristine: str) -> list[Problem]:
    """What is wrong with patches that are now the commits after `pristine` in the work tree `work`."""
    commits = series_tree.commits_between(work, pristine, "HEAD")
    exported = series_export.export(work, pristine, "HEAD")
    problems: list[Problem] = []
    for patch, commit, text in zip(patches, commits, exported, strict=True):
        if text != patch.text:
            problems.append(Problem(patch.path, difference(patch.text, text)))
        problems += series_rules.test_problems(patch, work, commit)
    return problems


def difference(stored: bytes, exported: bytes) -> str:
    """How a patch differs from its own export, shortly."""
    old, new = (text.decode("utf-8", "backslashreplace").splitlines() for text in (stored, exported))
    moved = [line for line in old if line.startswith("@@ ") and line not in new]
    shown = list(difflib.unified_diff(old, new, "patch", "export", n=0, lineterm=""))[2:]
    if not shown:
        shown = ["(only the end of the file differs)"]
    only_moved = all(re.match(r"[-+]@@ |@@ ", line) for line in shown)
    title = "applies only with an offset" if moved and only_moved else "does not export byte-identical"
    more = [f"... {len(shown) - SHOWN} lines more"] if len(shown) > SHOWN else []
    return "\n".join([f"{title}:", *shown[:SHOWN], *more])


def table(patches: Sequence[Patch], problems: Sequence[Problem]) -> Table:
    """One row a patch: what it claims, and how many problems it has."""
    shown = Table(title=f"{len(patches)} patches", title_justify="left")
    for name in ("#", "patch", "globals", "perf", ""):
        shown.add_column(name, justify="right" if name in ("#", "globals") else "left", overflow="fold")
    for number, patch in enumerate(patches, 1):
        count = sum(problem.where == patch.path for problem in problems)
        state = f"[red]{count} problem{'s' * (count != 1)}[/]" if count else "[green]ok[/]"
        values = [patch.trailers.get(name, "-").split(" ")[0] for name in ("Globals", "Perf")]
        shown.add_row(str(number), escape(patch.path), *map(escape, values), state)
    return shown


def main(argv: list[str]) -> int:
    """`series`: check the patch series; exit 1 with every problem listed if it is not as it must be."""
    argparse.ArgumentParser(prog="series", description=main.__doc__).parse_args(argv)
    with clone_lock("series"):
        origin = source.pristine()
        tree = paths.source_tree(Variant.FORK)
        state = series_tree.open_tree(tree, origin.tarball, origin.sha256)
        found, problems = check(paths.PATCHES, tree, state.pristine)
    out.print(table(found, problems))
    if problems:
        raise SeriesCheckError(series.listing("the series is not as it must be", problems))
    removed = -sum(series_rules.listed_globals(patch) for patch in found)
    out.print(f"{len(found)} patches apply and export byte-identical; {removed} globals moved")
    out.print(f"series hash {series.series_hash(found)}")
    return 0
