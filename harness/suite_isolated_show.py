"""Write the result of `test --isolated` (isolated.json and the two JUnit files) and print what a person reads."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table as Grid

from harness import atomic, suite_junit, suite_show
from harness.console import out
from harness.suite_diff import Comparison, Difference
from harness.suite_exceptions import Entry, Explained, Table
from harness.suite_model import Options
from harness.suite_run import pattern
from harness.suite_side import Side

ISOLATED = "isolated"  # kind of the result, and name of the side that is not main
SCHEMA = 1
SHOWN = 40  # rows of a kind on the screen; isolated.json has them all
_MESSAGE = 4000  # characters


@dataclass(frozen=True, slots=True)
class Fates:
    """Files that pass in main; of them those that fail isolated, that a rule excludes in part, or as a whole."""

    main: set[str]
    failing: set[str]
    by_rule: set[str]
    left_out: set[str]

    @property
    def share(self) -> float:
        """The share that passes isolated; what a rule excludes counts as skipped, as if the suite itself said so."""
        counted = len(self.main - self.left_out)
        return (counted - len(self.failing)) / counted if counted else 1.0

    @property
    def untouched(self) -> float:
        """The share in which not a single test fails, a rule or not."""
        passing = self.main - self.failing - self.by_rule - self.left_out
        return len(passing) / len(self.main) if self.main else 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found: the comparison (its new failures are unexplained), what is explained, the files by fate."""

    comparison: Comparison
    explained: list[Explained]
    table: Table
    fates: Fates
    ran: set[str]

    @property
    def good(self) -> bool:
        """Is every difference explained and the share reached?"""
        return not self.comparison.new_failures and self.fates.share >= self.table.target

    def stale(self) -> list[Entry]:
        """Entries of the table that have become wrong."""
        items = [*(one.item for one in self.explained), *self.comparison.new_failures]
        return self.table.stale(items, self.ran)


@dataclass(frozen=True, slots=True)
class Context:
    """What was run and how, for the commands that run a test again."""

    name: str  # of the set
    kind: str  # of the runner
    profile: str
    options: Options

    def command(self, item: Difference) -> str:
        """The exact command that runs this test again on both sides."""
        words = ["./noxw", "-s", "test", "--", "--isolated", "--profile", self.profile]
        words += ["--docker" if self.kind == "docker" else "--native", "--tests", item.file]
        if self.options.testdir is not None:
            words += ["--testdir", str(self.options.testdir)]
        if not item.is_file and "(" not in item.case.test:
            words += ["--match", pattern(item.case.test)]
        return shlex.join(words)


def _row(item: Difference) -> dict[str, Any]:
    return {
        "test": item.case.test,
        "file": item.file,
        "main": None if item.upstream is None else str(item.upstream),
        "status": str(item.case.status),
        "message": (item.case.message or item.case.flaky)[:_MESSAGE],
    }


def _rows(items: Iterable[Difference]) -> list[dict[str, Any]]:
    return [_row(item) for item in sorted(items, key=lambda item: (item.file, item.case.test))]


def by_cause(explained: Iterable[Explained]) -> dict[str, list[Explained]]:
    """What is explained, by the name of its cause, the most frequent first."""
    found: dict[str, list[Explained]] = {}
    for one in explained:
        found.setdefault(one.entry.cause, []).append(one)
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])))


def document(outcome: Outcome, main: Side, inner: Side, context: Context) -> dict[str, Any]:
    """isolated.json."""
    comparison = outcome.comparison
    return {
        "schema": SCHEMA,
        "kind": ISOLATED,
        "set": context.name,
        "main": suite_show.totals(main.results.values(), len(main.stored)),
        ISOLATED: suite_show.totals(inner.results.values(), len(inner.stored)),
        "files_passed_main": len(outcome.fates.main),
        "files_failing": sorted(outcome.fates.failing),
        "files_by_rule": sorted(outcome.fates.by_rule),
        "files_left_out": sorted(outcome.fates.left_out),
        "share": round(outcome.fates.share, 5),
        "share_untouched": round(outcome.fates.untouched, 5),
        "target": outcome.table.target,
        "unexplained": [_row(item) | {"command": context.command(item)} for item in comparison.new_failures],
        "explained": [
            {
                "cause": cause,
                "rule": group[0].entry.rule,
                "reason": group[0].entry.reason,
                "files": sorted({one.item.file for one in group}),
                "tests": _rows(one.item for one in group),
            }
            for cause, group in by_cause(outcome.explained).items()
        ],
        "stale": [{"test": entry.test, "cause": entry.cause} for entry in outcome.stale()],
        "flaky": _rows(comparison.flaky),
        "failing_in_both": _rows(comparison.both),
        "passes_only_isolated": _rows(comparison.fixed),
        "provenance": dict(main.subject.provenance),
    }


def conclude(folder: Path, outcome: Outcome, main: Side, inner: Side, context: Context) -> None:
    """Write the result into `folder`, isolated.json last, and print it."""
    suite_junit.write(folder / "junit-main.xml", main.results.values())
    suite_junit.write(folder / "junit-isolated.xml", inner.results.values())
    told = document(outcome, main, inner, context)
    atomic.write_json(folder / "isolated.json", told)
    show(told, folder)


def show(told: dict[str, Any], folder: Path) -> None:
    """Print totals, causes, what nothing explains with its command, stale entries, and the verdict."""
    out.print(suite_show.totals_table(told["set"], {side: told[side] for side in ("main", ISOLATED)}))
    out.print(_causes(told))
    for row in told["unexplained"][:SHOWN]:
        suite_show.show_failure(row, f"{row['main']} -> {row['status']}")
    if len(told["unexplained"]) > SHOWN:
        out.print(f"\nand {len(told['unexplained']) - SHOWN} more in isolated.json")
    for entry in told["stale"]:
        out.print(f"[yellow]no longer true[/] ({escape(entry['cause'])}): {escape(entry['test'])} does not differ")
    new = len(told["unexplained"])
    verdict = f"[bold red]{new} unexplained[/]" if new else "[bold green]every difference is explained[/]"
    reached = told["share"] >= told["target"]
    share = f"[{'bold green' if reached else 'bold red'}]{told['share']:.1%}[/] (target {told['target']:.0%})"
    out.print(f"\n{told['files_passed_main']} files pass in main; isolated pass {share}, {_fates(told)}")
    out.print(f"{verdict}; result: {escape(str(folder))}")


def _fates(told: dict[str, Any]) -> str:
    """How the share comes about, in words."""
    return (
        f"{told['share_untouched']:.1%} without a single failure, {len(told['files_by_rule'])} but for what a rule"
        f" excludes; {len(told['files_failing'])} fail, {len(told['files_left_out'])} are excluded as a whole"
    )


def _causes(told: dict[str, Any]) -> Grid:
    grid = Grid(box=None, padding=(0, 2, 0, 0))
    grid.add_column("explained by")
    grid.add_column("")
    for name in ("tests", "files"):
        grid.add_column(name, justify="right")
    grid.add_column("because", overflow="fold")
    for cause in told["explained"]:
        kind = "[dim]rule[/]" if cause["rule"] else "[yellow]gap[/]"
        grid.add_row(
            escape(cause["cause"]), kind, str(len(cause["tests"])), str(len(cause["files"])), escape(cause["reason"])
        )
    return grid
