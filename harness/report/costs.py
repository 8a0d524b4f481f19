"""The table of measured costs in docs/guide.md: made from a stored summary of `bench` results, between two markers.

`./noxw -s report -- --costs NAME.json` writes it from docs/results/NAME.json; a test compares page and file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import atomic, paths
from harness.errors import ResultMissingError

GUIDE = paths.ROOT / "docs" / "guide.md"
STORED = paths.ROOT / "docs" / "results"
MARKED = re.compile(r"<!-- costs: (?P<source>\S+) -->\n(?P<table>.*?)<!-- end of costs -->\n", re.DOTALL)
NONE = "none"
COLUMNS = {"threads": "threads", "interpreters": "interpreters", "processes, forked": "fork", "spawned": "spawn"}
PEER = "interpreters of the peer"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what it says, and which rows of which result hold its figures."""

    text: str
    kind: str
    workload: str
    workers: int
    speedup: bool = False


LINES = (
    Line("speed of two workers, computing", "multicore", "compute", 2, speedup=True),
    Line("the same with dicts, json and re", "multicore", "mixed", 2, speedup=True),
    Line("make and end one", "lifecycle", "create_destroy", 1),
    Line("the same with a few imports", "lifecycle", "run_import_destroy", 1),
    Line("memory", "lifecycle", "memory", 1),
    Line("integers through a queue, one way", "messaging", "one_way_ints.queue", 1),
    Line("round trips", "messaging", "round_trip.queue", 1),
    Line("64 MiB of bytes", "messaging", "bytes_64mib.queue", 1),
    Line("tasks of a pool of two", "messaging", "pool_tasks", 2),
)


def _figure(row: Mapping[str, Any] | None, line: Line) -> str:
    if row is None or row.get("rate") is None:
        return ""
    if line.speedup:
        return f"{row['speedup']:.2f}x" if row.get("speedup") else ""
    return f"{row['rate']:,.3g} {row['unit']}" if row["rate"] < 1000 else f"{row['rate']:,.0f} {row['unit']}"


def table(figures: Mapping[str, Any]) -> str:
    """The table in markdown; a line without figures is left out, as is the peer's column where there is no peer."""
    rows = {
        (kind, row["workload"], row["implementation"], row["mode"], row["workers"]): row
        for kind in ("multicore", "lifecycle", "messaging")
        for row in figures.get(kind, {}).get("rows", [])
    }
    peer = any(key[2] == "peer" for key in rows)
    columns = [(text, "fork", mode) for text, mode in COLUMNS.items()]
    columns += [(PEER, "peer", "interpreters")] if peer else []
    made = [f"| | {' | '.join(text for text, _, _ in columns)} |", f"|---|{'---:|' * len(columns)}"]
    for line in LINES:
        cells = [
            _figure(rows.get((line.kind, line.workload, who, mode, line.workers)), line) for _, who, mode in columns
        ]
        if any(cells):
            made.append(f"| {line.text} | {' | '.join(cells)} |")
    return "\n".join(made) + "\n"


def missing(figures: Mapping[str, Any]) -> list[str]:
    """The commands whose results the table wants and the summary does not hold."""
    return [f"./noxw -s bench -- {kind}" for kind in ("multicore", "lifecycle", "messaging") if kind not in figures]


def block(figures: Mapping[str, Any] | None, source: str) -> str:
    """What stands in the page from marker to marker; `figures` is None where nothing is stored."""
    inside = "" if figures is None else table(figures)
    lacking = missing(figures or {})
    if lacking:
        commands = ", ".join(f"`{command}`" for command in lacking)
        inside += f"\nNo stored result holds the rest yet; it comes from {commands}.\n"
    return f"<!-- costs: {source} -->\n{inside.lstrip()}<!-- end of costs -->\n"


def stored(source: str) -> Mapping[str, Any] | None:
    """The summary of this name in docs/results/; ResultMissingError if it is not there."""
    if source == NONE:
        return None
    path = STORED / source
    if not path.is_file():
        raise ResultMissingError(f"there is no {path}", remedy="`./noxw -s report -- --figures FILE` writes one.")
    found: Mapping[str, Any] = atomic.read_json(path)
    return found


def update(page: Path, source: str) -> None:
    """Write the table of the stored summary `source` into the page."""
    text = page.read_text(encoding="utf-8")
    made = block(stored(source), source)
    if len(MARKED.findall(text)) != 1:
        raise ResultMissingError(f"{page} has no place for the table", remedy="Put the two markers back.")
    atomic.write_text(page, MARKED.sub(lambda _: made, text))
