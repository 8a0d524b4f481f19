"""`globals`: what is left of the process-wide variables, by the analyzer's list and by the built binaries.

The list (globals-to-fix.tsv, 1,190 rows in 3.11.2) is read at each step of the series; the writable symbols of both
fast builds say whether its rows are true. Exit 1: a new variable that no list excuses, a row removed although its
variable is still there, an ignored row without a reason, or a `Globals:` trailer that does not add up.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import atomic, build, cli, results, runner, series, source
from harness import burndown_check as check
from harness import burndown_lists as lists
from harness import burndown_symbols as symbols
from harness.burndown_lists import Step
from harness.burndown_view import show
from harness.console import out, say
from harness.errors import Exit
from harness.lock import clone_lock
from harness.variants import Profile, Variant

KIND, MAIN = "globals", "globals.json"


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the verdict is made of: the lists, the steps of the series, the symbols of both builds."""

    lists: check.Lists
    steps: Sequence[Step]
    upstream: Sequence[symbols.Symbol]
    fork: Sequence[symbols.Symbol]


def evaluate(inputs: Inputs) -> dict[str, Any]:
    """The content of globals.json without provenance: counts, burn-down, findings; `ok` is the verdict."""
    both = inputs.lists
    mapped = check.coverage(both.upstream_to_fix, inputs.upstream)
    gone = both.upstream_to_fix.keys() - both.fork_to_fix.keys()
    new = check.new_symbols(inputs.upstream, inputs.fork, both)
    claims = check.broken_claims(inputs.fork, both)
    ignored = check.unexplained_ignores(both)
    trailers = check.wrong_trailers(inputs.steps)
    return {
        "schema": 1,
        "kind": KIND,
        "ok": not (new or claims or ignored or trailers),
        "total": len(both.upstream_to_fix),
        "left": len(both.fork_to_fix),
        "unexplained": sum(not lists.explained(reason) for reason in both.fork_to_fix.values()),
        "by_patch": [
            {
                "patch": step.patch,
                "removed": len(step.removed),
                "added": [str(row) for row in sorted(step.added, key=str)],
                "left": step.left,
            }
            for step in inputs.steps
        ],
        "by_folder": lists.by_folder(both.upstream_to_fix, both.fork_to_fix),
        "new": [_entry(symbol) for symbol in new],
        "claimed_but_present": [
            {"row": str(row), "object": s.object, "section": s.section, "size": s.size} for row, s in claims
        ],
        "ignored_without_reason": [str(row) for row in ignored],
        "wrong_trailers": trailers,
        "coverage": {"built": len(mapped.built), "absent": [str(row) for row in mapped.absent]},
        "removed_but_never_built": sorted(str(row) for row in gone & set(mapped.absent)),
        "done_but_listed": [str(row) for row in check.done_but_listed(mapped, inputs.fork, both)],
        "grown": check.grown(inputs.upstream, inputs.fork),
        "writable": {"upstream": check.totals(inputs.upstream), "fork": check.totals(inputs.fork)},
    }


def _entry(symbol: symbols.Symbol) -> dict[str, object]:
    entry: dict[str, object] = asdict(symbol)
    entry["symbol"] = entry.pop("name")
    return entry


def read_prefix(prefix: Path) -> list[symbols.Symbol]:
    """The writable variables of everything installed in `prefix`."""
    return [symbol for path in symbols.binaries(prefix) for symbol in symbols.read(path)]


def read_lists(upstream: Path, fork: Path, allowed: Path = lists.ALLOWED) -> check.Lists:
    """The lists of both source trees and ours."""
    return check.Lists(
        upstream_to_fix=lists.read_tree(upstream, lists.TO_FIX),
        fork_to_fix=lists.read_tree(fork, lists.TO_FIX),
        upstream_ignored=lists.read_tree(upstream, lists.IGNORED),
        fork_ignored=lists.read_tree(fork, lists.IGNORED),
        allowed=lists.read_allowed(allowed),
    )


def read_steps(fork: source.Tree) -> list[Step]:
    """The burn-down list after each patch that is applied in the fork's tree."""
    trailers = {patch.path: patch.trailers["Globals"] for patch in series.load() if "Globals" in patch.trailers}
    return lists.history(fork.path, fork.patches, trailers)


def run(*, docker: bool | None = None, jobs: int | None = None) -> Path:
    """Make or reuse both fast builds, evaluate, and return the result folder."""
    with clone_lock("globals"):
        trees = {variant: source.ensure_tree(variant) for variant in Variant}
        with runner.open_runner(docker=docker) as where:
            built = {variant: build.build(variant, Profile.FAST, runner=where, jobs=jobs) for variant in Variant}
        say("reading the symbols of both builds")
        inputs = Inputs(
            lists=read_lists(trees[Variant.UPSTREAM].path, trees[Variant.FORK].path),
            steps=read_steps(trees[Variant.FORK]),
            upstream=read_prefix(built[Variant.UPSTREAM].prefix),
            fork=read_prefix(built[Variant.FORK].prefix),
        )
        verdict = evaluate(inputs)
    verdict["provenance"] = {str(variant): built[variant].provenance for variant in Variant}
    folder = results.new(KIND)
    atomic.write_json(folder / MAIN, verdict)
    return folder


def main(argv: list[str]) -> int:
    """Command `globals`."""
    parser = argparse.ArgumentParser(prog="globals", description=__doc__)
    cli.add_place(parser)
    parser.add_argument("--jobs", type=int, help="parallel jobs of the builds")
    parser.add_argument("--allowed", action="store_true", help="print the list of exceptions with their reasons")
    options = parser.parse_args(argv)
    if options.allowed:
        for row, reason in lists.read_allowed().items():
            out.print(f"{row}  {reason}", markup=False)
        return Exit.OK
    folder = run(docker=options.docker, jobs=options.jobs)
    verdict = atomic.read_json(folder / MAIN)
    show(verdict)
    say(f"result: {folder / MAIN}")
    return Exit.OK if verdict["ok"] else Exit.FAILED
