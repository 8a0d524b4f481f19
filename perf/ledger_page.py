"""The ledger for people: cells, a line, a markdown table and a self-contained HTML page (in the report's style)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.report.page import TEMPLATES as STYLES
from perf.ledger_rows import Row

TEMPLATES = Path(__file__).resolve().parent / "templates"
DASH = "–"
HEADINGS = ("applies", "builds", "tests", "instructions", "globals left", "ABI", "lines")


def yes(value: bool | None) -> str:
    """A word for a check that may not have been made."""
    return DASH if value is None else "yes" if value else "no"


def percent(value: float | None) -> str:
    """A signed share: 0.0123 -> +1.230%."""
    return DASH if value is None else f"{100 * value:+.3f}%"


def tests(value: Mapping[str, Any] | None) -> str:
    """Passed of all, or what failed."""
    if value is None:
        return DASH
    if value["failed"]:
        return f"{value['failed']} failed"
    return f"{value['passed']} passed" + (f", {value['skipped']} skipped" if value["skipped"] else "")


def abi(value: Mapping[str, Any] | None) -> str:
    """Compatible or not, and how many symbols were added."""
    if value is None:
        return DASH
    if not value["compatible"]:
        return f"broken: {value['removed']} removed, {value['changed']} changed"
    return f"compatible, {value['added']} added"


def lines(value: Mapping[str, int]) -> str:
    """Lines added and removed."""
    return f"+{value['added']} −{value['removed']}" if value else DASH


def cells(row: Row) -> tuple[str, ...]:
    """What HEADINGS name, as text."""
    left = DASH if row.globals_left is None else f"{row.globals_left:,}"
    return (
        yes(row.applies),
        yes(row.builds),
        tests(row.tests),
        percent(row.instructions_delta),
        left,
        abi(row.abi),
        lines(row.lines),
    )


def places(told: Mapping[str, Any]) -> str:
    """When and where the steps that a run did not measure were measured."""
    found = told["elsewhere"]["places"]
    return "; ".join(", ".join(str(place.get(name)) for name in ("day", "cpu", "kernel")) for place in found)


def line(row: Row) -> str:
    """One line of progress."""
    told = ", ".join(f"{name} {cell}" for name, cell in zip(HEADINGS, cells(row), strict=True) if cell != DASH)
    return f"{row.patch}: {'RED: ' if row.red else ''}{told}"


def markdown(told: Mapping[str, Any]) -> str:
    """A table for a merge request."""
    head = ["| patch | " + " | ".join(HEADINGS) + " |", "|---|" + "---|" * len(HEADINGS)]
    body = []
    for row in map(Row.from_json, told["rows"]):
        mark = "🔴 " if row.red else ""
        body.append(f"| {mark}`{row.patch}` | " + " | ".join(cells(row)).replace("\n", " ") + " |")
    errors = [f"- `{row['patch']}`: {_first_line(row['error'])}" for row in told["rows"] if row["error"]]
    return "\n".join(["## Ledger", "", *head, *body, *(["", *errors] if errors else []), ""])


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def page(told: Mapping[str, Any]) -> str:
    """The HTML page; nothing in it is fetched from anywhere."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    found = [Row.from_json(row) for row in told["rows"]]
    style = Markup((STYLES / "style.css").read_text(encoding="utf-8"))
    scale = max((abs(ratio - 1) for row in found for ratio in row.instructions.values()), default=0.0)
    return environment.get_template("ledger.html.j2").render(
        told=told,
        places=places(told),
        rows=[(row, dict(zip(HEADINGS, cells(row), strict=True))) for row in found],
        headings=HEADINGS,
        style=style,
        scale=max(scale, 0.001),
        percent=percent,
        red=sum(row.red for row in found),
    )
