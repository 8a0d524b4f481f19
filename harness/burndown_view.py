"""The burn-down on the console: one table by patch, one by folder, and what is wrong or worth knowing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.console import out

SHOWN = 40  # entries of a list shown; the result file has all


def show(verdict: Mapping[str, Any]) -> None:
    """Print the content of globals.json."""
    out.print(_by_patch(verdict))
    out.print(_by_folder(verdict))
    _writable(verdict["writable"])
    _notes(verdict)
    _findings("new writable variable that no list excuses", [_new(entry) for entry in verdict["new"]])
    _findings(
        "row removed, but the variable is still there",
        [f"{entry['row']} ({entry['object']} {entry['section']})" for entry in verdict["claimed_but_present"]],
    )
    _findings("put on the ignore list without a reason", verdict["ignored_without_reason"])
    _findings(
        "the trailer `Globals:` is not what the patch does",
        [f"{wrong['patch']}: {wrong['trailer']:+d}, rows {wrong['rows']:+d}" for wrong in verdict["wrong_trailers"]],
    )
    word = "[bold green]ok[/]" if verdict["ok"] else "[bold red]failed[/]"
    explained = verdict["left"] - verdict["unexplained"]
    out.print(
        f"globals: {word}: {verdict['left']:,} of {verdict['total']:,} rows left, {explained:,} of them explained"
    )


def _by_patch(verdict: Mapping[str, Any]) -> Table:
    table = Table(title="Rows left by patch")
    table.add_column("patch", overflow="fold")
    table.add_column("removed", justify="right")
    table.add_column("added", justify="right")
    table.add_column("left", justify="right")
    table.add_row("upstream", "", "", f"{verdict['total']:,}")
    for step in verdict["by_patch"]:
        table.add_row(escape(step["patch"]), str(step["removed"]), str(len(step["added"])), f"{step['left']:,}")
    return table


def _by_folder(verdict: Mapping[str, Any]) -> Table:
    table = Table(title="Rows left by folder")
    table.add_column("folder")
    table.add_column("upstream", justify="right")
    table.add_column("fork", justify="right")
    for row in verdict["by_folder"]:
        table.add_row(escape(row["folder"]), f"{row['total']:,}", f"{row['left']:,}")
    return table


def _writable(both: Mapping[str, Any]) -> None:
    for variant, totals in both.items():
        out.print(
            f"{variant}: {totals['symbols']:,} writable variables shared by all threads, {totals['bytes']:,} bytes; "
            f"{totals['thread_local']['symbols']:,} thread-local"
        )


def _notes(verdict: Mapping[str, Any]) -> None:
    absent = verdict["coverage"]["absent"]
    out.print(
        f"{verdict['coverage']['built']:,} of {verdict['total']:,} rows are variables of this build of upstream; "
        f"{len(absent):,} are not (other platforms, missing libraries, or gone before 3.11.2)"
    )
    for key, text in (
        ("done_but_listed", "gone from the fork's build, still listed"),
        ("removed_but_never_built", "rows removed that this build cannot confirm"),
    ):
        if verdict[key]:
            out.print(f"{text}: {len(verdict[key])}: {escape(', '.join(verdict[key][:SHOWN]))}")
    for entry in verdict["grown"][:SHOWN]:
        out.print(
            f"grew: {escape(entry['file'])}:{escape(entry['symbol'])} {entry['before']} -> {entry['after']} bytes"
        )


def _new(entry: Mapping[str, Any]) -> str:
    where = f"{entry['file']}:{entry['function']}" if entry["function"] else entry["file"] or entry["object"]
    return f"{where}.{entry['symbol']} ({entry['object']} {entry['section']}, {entry['size']} bytes)"


def _findings(title: str, lines: Sequence[str]) -> None:
    for line in lines[:SHOWN]:
        out.print(f"[bold red]{title}:[/] {escape(line)}")
    if len(lines) > SHOWN:
        out.print(f"[bold red]{title}:[/] and {len(lines) - SHOWN} more")
