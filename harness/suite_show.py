"""Write the result of a test diff: diff.json and the two JUnit files, and the table that a person reads."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness import atomic, suite_junit
from harness.console import out
from harness.suite_diff import Comparison, Difference
from harness.suite_model import FileResult, Options, Status, Subject
from harness.suite_run import leak_words, pattern

SCHEMA = 1
SHOWN = 40  # rows of a kind in the table; diff.json has them all
WIDTH = 130  # columns at least, so that names of tests stay whole where no terminal says otherwise
_MESSAGE = 4000  # characters of a message in diff.json


@dataclass(frozen=True, slots=True)
class Context:
    """What the commands that reproduce a failure need to know."""

    subject: Subject
    options: Options
    kind: str  # of the runner: docker or native
    profile: str

    def command(self, item: Difference) -> str:
        """The exact command that runs this test again on the fork as it was run here."""
        chosen = [] if item.is_file or "(" in item.case.test else [pattern(item.case.test)]
        if self.kind == "docker":
            words = ["./noxw", "-s", "test", "--", "--docker", "--profile", self.profile, "--tests", item.file]
            words += ["--leaks"] if self.options.leaks else []
            words += ["--testdir", str(self.options.testdir)] if self.options.testdir else []
            return shlex.join(words + [word for one in chosen for word in ("--match", one)])
        words = [str(self.subject.python), "-m", "test", *leak_words(self.options), "-v"]
        words += ["--testdir", str(self.options.testdir)] if self.options.testdir else []
        return shlex.join([*words, *(word for one in chosen for word in ("-m", one)), item.file])


def totals(results: Iterable[FileResult], stored: int) -> dict[str, Any]:
    """Counts of one side; a file counts as a test only where it failed as a whole."""
    files = list(results)
    cases = [case for result in files for case in result.cases[1:]]
    cases += [result.whole for result in files if result.whole.status.bad]
    count = {status: sum(case.status is status for case in cases) for status in Status}
    return {
        "files": len(files),
        "tests": len(cases),
        "passed": count[Status.PASSED],
        "failed": count[Status.FAILED],
        "errors": count[Status.ERROR] + count[Status.CRASHED] + count[Status.TIMED_OUT],
        "skipped": count[Status.SKIPPED],
        "skipped_files": sorted(result.file for result in files if result.whole.status is Status.SKIPPED),
        "environment_changed": sorted(result.file for result in files if result.environment_changed),
        "flaky": sorted(case.test for case in cases if case.flaky),
        "seconds": round(sum(result.seconds for result in files), 1),
        "cached": bool(files) and stored == len(files),
        "cached_files": stored,
    }


def _rows(items: Iterable[Difference], context: Context | None) -> list[dict[str, Any]]:
    return [_row(item, context) for item in sorted(items, key=lambda item: (item.file, item.case.test))]


def _row(item: Difference, context: Context | None) -> dict[str, Any]:
    row = {
        "test": item.case.test,
        "file": item.file,
        "status": str(item.case.status),
        "upstream": None if item.upstream is None else str(item.upstream),
        "message": (item.case.message or item.case.flaky)[:_MESSAGE],
    }
    return row if context is None else row | {"command": context.command(item)}


def document(comparison: Comparison, fork: Iterable[FileResult], context: Context) -> dict[str, Any]:
    """The lists of diff.json."""
    every = [*comparison.new_failures, *comparison.both]
    known = {(item.file, item.case.test) for item in every}
    rest = [
        Difference(result.file, case, None)
        for result in fork
        for case in result.bad()
        if (result.file, case.test) not in known
    ]
    new = {(item.file, item.case.test) for item in comparison.new_failures}

    def of(status: Status) -> list[dict[str, Any]]:
        chosen = [item for item in [*every, *rest] if item.case.status is status]
        return [row | {"new": (row["file"], row["test"]) in new} for row in _rows(chosen, context)]

    return {
        "new_failures": _rows(comparison.new_failures, context),
        "fixed": _rows(comparison.fixed, None),
        "flaky": _rows(comparison.flaky, context),
        "crashed": of(Status.CRASHED),
        "timed_out": of(Status.TIMED_OUT),
        "missing": _rows((item for item in every if item.case.status is Status.MISSING), context),
        "failing_in_both": _rows(comparison.both, context),
        "accepted": _rows(comparison.accepted, None),
        "added": sorted(comparison.added),
        "added_skipped": sorted(comparison.added_skipped),
    }


def write(
    folder: Path,
    head: dict[str, Any],
    lists: dict[str, Any],
    upstream: Sequence[FileResult],
    fork: Sequence[FileResult],
) -> None:
    """Write junit-upstream.xml, junit-fork.xml and, last, diff.json into a result folder."""
    suite_junit.write(folder / "junit-upstream.xml", upstream)
    suite_junit.write(folder / "junit-fork.xml", fork)
    atomic.write_json(folder / "diff.json", {"schema": SCHEMA, "kind": "test", **head, **lists})


_STYLES = (
    ("new_failures", "new failure", "bold red"),
    ("flaky", "flaky", "yellow"),
    ("failing_in_both", "fails in both", "dim"),
    ("accepted", "absent by design", "dim"),
    ("fixed", "fixed", "green"),
)


def show(head: dict[str, Any], lists: dict[str, Any], folder: Path | None) -> None:
    """Print totals, differences with the commands that reproduce them, and the verdict."""
    sides = {variant + _stored(head[variant]): head[variant] for variant in ("upstream", "fork")}
    out.print(totals_table(head["set"], sides))
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("what", "status", "test"):
        table.add_column(title, no_wrap=title != "test", overflow="fold")
    for kind, title, style in _STYLES:
        for row in lists[kind][:SHOWN]:
            status = row["status"] if row["upstream"] is None else f"{row['upstream']} -> {row['status']}"
            table.add_row(f"[{style}]{title}[/]", status, escape(row["test"]))
        if len(lists[kind]) > SHOWN:
            table.add_row(f"[{style}]{title}[/]", "", f"and {len(lists[kind]) - SHOWN} more in diff.json")
    for test in lists["added_skipped"][:SHOWN]:
        table.add_row("[yellow]new, but skipped[/]", "skipped", escape(test))
    if table.row_count:
        out.print(table, soft_wrap=False, width=max(out.width, WIDTH), crop=False)
    for row in lists["new_failures"][:SHOWN]:
        show_failure(row, row["status"])
    _show_verdict(len(lists["new_failures"]), len(lists["added"]), folder)


def show_failure(row: dict[str, Any], status: str) -> None:
    """Print a failed test, the part of its message that tells most, and the command that runs it again."""
    told = [line for line in row["message"].strip().splitlines() if line.strip()]
    last = told[-1] if "Traceback (most recent call last)" in row["message"] else "\n  ".join(told[:8])
    out.print(f"\n[bold red]{escape(row['test'])}[/]: {status}\n  {escape(last) if told else ''}")
    out.print(f"  [bold]$ {escape(row['command'])}[/]")


def _show_verdict(new: int, added: int, folder: Path | None) -> None:
    verdict = f"[bold red]{new} new failures[/]" if new else "[bold green]no new failure[/]"
    where = f"; result: {escape(str(folder))}" if folder else ""
    out.print(f"\n{verdict}; {added} tests exist only in the fork{where}")


def _stored(side: dict[str, Any]) -> str:
    return f" [dim]({side['cached_files']} stored)[/]" if side["cached_files"] else ""


def totals_table(name: str, sides: dict[str, dict[str, Any]]) -> Table:
    """The totals of the sides of a run of the set `name`, a line each, by the markup that names them."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    names = ("files", "tests", "passed", "failed", "errors", "skipped", "seconds")
    table.add_column(f"set {name}")
    for column in names:
        table.add_column(column, justify="right")
    for title, side in sides.items():
        table.add_row(title, *(str(side[column]) for column in names))
    return table
