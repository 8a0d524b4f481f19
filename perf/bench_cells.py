"""Runs a workload script many times (workload x implementation x mode x workers), interleaved, and makes the rows.

A measurement is one fresh process of perf/workloads/<script>. The order is shuffled in each repeat, so that a drift
of the machine meets all alike. What crashes, hangs or is not available is a row that says so.
"""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from harness import proc
from harness.console import console, progress
from harness.errors import ResultDamagedError
from harness.runner import run_in
from perf import worker
from perf.bench_sides import Side
from perf.bench_store import Store

WORKLOADS = Path(__file__).resolve().parent / "workloads"
NOT_AVAILABLE = "not available: "


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to measure: `loops` are units of work of each worker (or messages, or cycles)."""

    workload: str
    implementation: str
    mode: str
    workers: int
    loops: int

    @property
    def key(self) -> str:
        """Its name in files."""
        return f"{self.workload}-{self.implementation}-{self.mode}-{self.workers}"


@dataclass(frozen=True, slots=True)
class Script:
    """A script of perf/workloads and how long one of its processes may take (seconds)."""

    name: str
    timeout: float


def measure(cell: Cell, side: Side, script: Script) -> dict[str, Any]:
    """Run one process: what it printed (`seconds`, `rate`, `unit`, ...), or `error`."""
    command = ["env", "-i", "PATH=/usr/bin:/bin", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", str(side.python)]
    command += [str(WORKLOADS / script.name), cell.workload, cell.mode]
    command += ["--loops", str(cell.loops), "--workers", str(cell.workers)]
    return read_answer(run_in(side.runner, command, timeout=script.timeout), script.timeout)


def read_answer(done: proc.Done, timeout: float) -> dict[str, Any]:
    """The measurement that a workload script printed as its last line of JSON, or `error` with the reason."""
    _, error = worker.ended(done, timeout)
    if error is not None:
        return {"error": error if not done.timed_out else f"{error}\n{done.stdout.strip()[-worker.SHOWN :]}"}
    try:
        # Docker joins two streams: what C code has written to stderr can come after the answer.
        found = json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])
        if "unavailable" in found:
            return {"error": f"{NOT_AVAILABLE}{found['unavailable']}"}
        if not (found["seconds"] > 0 and found["rate"] > 0):
            return {"error": f"impossible result {found}"}
        return {**found, "seconds": float(found["seconds"]), "rate": float(found["rate"]), "unit": str(found["unit"])}
    except (IndexError, KeyError, TypeError, ValueError) as problem:
        return {"error": f"no usable answer ({problem!r}): {done.stdout.strip()[-worker.SHOWN :]!r}"}


def run(cells: Sequence[Cell], sides: Sequence[Side], script: Script, repeats: int, store: Store) -> None:
    """Measure each cell `repeats` times into `store`; what is there already is not measured again."""
    by_name = {side.name: side for side in sides}
    with progress() as shown:
        task = shown.add_task(store.kind, total=len(cells) * repeats)
        for repeat in range(repeats):
            order = list(cells)
            random.Random(f"{store.folder.name}/{repeat}").shuffle(order)
            for cell in order:
                shown.update(task, description=f"{store.kind} {repeat + 1}/{repeats} {cell.key}")
                key = f"{cell.key}-{repeat}"
                if store.get(key) is None:
                    store.put(key, measure(cell, by_name[cell.implementation], script))
                shown.advance(task)


def row(cell: Cell, store: Store, repeats: int) -> dict[str, Any]:
    """The row of a cell: seconds of every repeat that succeeded, median rate, relative spread, first error.

    ResultDamagedError if a repeat is missing: nothing is concluded from unequal numbers of measurements.
    """
    found = [store.get(f"{cell.key}-{repeat}") for repeat in range(repeats)]
    there = [one for one in found if one is not None]
    if len(there) != repeats:
        raise ResultDamagedError(f"{store.folder}: {cell.key} has {len(there)} of {repeats} measurements")
    good = [one for one in there if "error" not in one]
    errors = [str(one["error"]) for one in there if "error" in one]
    rates = [float(one["rate"]) for one in good]
    rate = statistics.median(rates) if rates else None
    return {
        "workload": cell.workload,
        "implementation": cell.implementation,
        "mode": cell.mode,
        "workers": cell.workers,
        "loops": cell.loops,
        "seconds": [float(one["seconds"]) for one in good],
        "rates": rates,
        "rate": rate,
        "spread": (max(rates) - min(rates)) / rate if rate else None,
        "unit": str(good[0]["unit"]) if good else None,
        "gil": next((one["gil"] for one in good if "gil" in one), None),
        "speedup": None,
        "error": errors[0] if errors else None,
    }


def failures(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that failed for another reason than that Python cannot do it."""
    return [one for one in rows if one["error"] and not one["error"].startswith(NOT_AVAILABLE)]


def say_failures(rows: Sequence[dict[str, Any]]) -> None:
    """Name what failed, with the reason."""
    for one in failures(rows):
        name = f"{one['workload']} {one['implementation']} {one['mode']} x{one['workers']}"
        console.print(f"[bold red]failed:[/] {name}: {escape(one['error'])}")
