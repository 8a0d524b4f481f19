"""The result of the `wheels` session: wheels.json, the matrix on the screen, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness import atomic
from harness.console import out
from harness.wheels_manifest import Manifest, Wheel

KIND = "wheels"
SCHEMA = 1
MODES = ("main", "one", "four", "fifty")
GROWN = 48  # interpreters of the fifty over which the growth of memory is measured
_TEXT = 4000  # characters of a traceback in wheels.json
_STYLES = {
    "passed": "green",
    "fallback": "yellow",
    "refused": "yellow",
    "failed": "bold red",
    "crashed": "bold red",
    "hung": "bold red",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A wheel in a mode: outcome, wall seconds, what it said, the policy in force, growth in KiB (of fifty)."""

    wheel: str
    mode: str
    outcome: str  # passed, fallback, refused, failed, crashed, hung
    seconds: float
    text: str = ""
    policy: str = ""
    kib: int = 0

    @property
    def bad(self) -> bool:
        """Is this a failure? A refusal is one only where the build could have isolated the extension."""
        if self.outcome in ("refused", "fallback"):
            return self.policy == "isolate" or self.mode == "main"
        return self.outcome != "passed"


def failures(cells: Iterable[Cell], manifest: Manifest) -> list[Cell]:
    """Cells that fail, and are not known to."""
    return [cell for cell in cells if cell.bad and not manifest.reason(cell.wheel, cell.mode)]


def mended(cells: Iterable[Cell], manifest: Manifest) -> list[Cell]:
    """Cells that are known not to pass, and pass."""
    return [cell for cell in cells if cell.outcome == "passed" and manifest.reason(cell.wheel, cell.mode)]


def totals(cells: Sequence[Cell]) -> dict[str, dict[str, int]]:
    """How many wheels have which outcome, by mode."""
    return {
        mode: {name: sum(cell.mode == mode and cell.outcome == name for cell in cells) for name in _STYLES}
        for mode in MODES
    }


def conclude(
    folder: Path, manifest: Manifest, chosen: Sequence[Wheel], cells: Sequence[Cell], head: dict[str, Any]
) -> bool:
    """Write wheels.json into `folder` and print the matrix; did no cell fail that should not?"""
    bad = failures(cells, manifest)
    versions = {wheel.name: wheel.version for wheel in chosen}
    document = {
        "schema": SCHEMA,
        "kind": KIND,
        **head,
        "manifest": manifest.digest(),
        "policy": next((cell.policy for cell in cells if cell.mode != "main" and cell.policy), ""),
        "totals": totals(cells),
        "wheels": versions,
        "cells": [_row(cell, manifest) for cell in cells],
        "failures": [f"{cell.wheel} {cell.mode}" for cell in bad],
    }
    atomic.write_json(folder / "wheels.json", document)
    _show(cells, versions, manifest, folder)
    return not bad


def _row(cell: Cell, manifest: Manifest) -> dict[str, Any]:
    reason = manifest.reason(cell.wheel, cell.mode)
    row = asdict(cell) | {"seconds": round(cell.seconds, 2), "text": cell.text[-_TEXT:]}
    return row | ({"known": reason} if reason else {})


def _show(cells: Sequence[Cell], versions: dict[str, str], manifest: Manifest, folder: Path) -> None:
    found = {(cell.wheel, cell.mode): cell for cell in cells}
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("wheel", *MODES, "KiB each"):
        table.add_column(title, no_wrap=True)
    for name in versions:
        row = [found.get((name, mode)) for mode in MODES]
        last = row[-1]
        grown = f"{last.kib / GROWN:.0f}" if last is not None and last.outcome in ("passed", "fallback") else ""
        table.add_row(escape(name), *map(_cell, row), grown)
    out.print(table)
    for cell in failures(cells, manifest):
        lines = [line for line in cell.text.strip().splitlines() if line.strip()]
        last_line = lines[-1] if "Traceback" in cell.text and cell.outcome == "failed" else "\n  ".join(lines[:8])
        out.print(f"[bold red]{escape(cell.wheel)} {cell.mode}[/]: {cell.outcome}\n  {escape(last_line)}")
    for cell in mended(cells, manifest):
        out.print(f"[yellow]no longer true[/]: {escape(cell.wheel)} {cell.mode} passes")
    for mode, counts in totals(cells).items():
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        out.print(f"{mode}: {told or 'nothing'}")
    out.print(f"result: {escape(str(folder))}")


def _cell(cell: Cell | None) -> str:
    return "" if cell is None else f"[{_STYLES[cell.outcome]}]{cell.outcome}[/]"
