"""How near interpreters come to as many separate processes, which are the ceiling of the machine.

A block is one work in a fresh process of workloads/turns.py: both kinds of workers are there at once and take turns
of some hundredths of a second, so that a drift and the neighbours of a virtual machine meet both alike. The mean of
the log ratios of a block's pairs of turns is one value, the blocks (another layout of memory each) are the sample of
a t interval, as in the gate. Rows of the multicore suite are medians of measurements minutes apart: good for a curve,
too coarse for a difference of two percent.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.console import progress
from harness.errors import ResultDamagedError
from perf import bench_cells, stats
from perf.bench_cells import Cell, Script
from perf.bench_sides import Side
from perf.bench_store import Store

SCRIPT = Script("turns.py", 180.0)
MODE = "turns"
ARMS = ("processes", "interpreters")
SHORTER = 16  # a turn's share of the work is that much less than a measurement's
LEVEL = 0.025  # what either end of the 95% interval leaves
MINIMUM = 2  # blocks of an interval


@dataclass(frozen=True, slots=True)
class Block:
    """One block of one work, and where it is stored."""

    cell: Cell
    key: str


def sides_with_interpreters(sides: Sequence[Side]) -> list[Side]:
    """All but upstream, whose interpreters share a GIL and cannot come near."""
    return [side for side in sides if side.name != "upstream"]


def blocks(side: Side, loops: Mapping[str, int], workers: int, count: int, seed: str) -> list[Block]:
    """`count` times every work once, shuffled; the same arguments always give the same plan.

    `loops` are those of a whole measurement.
    """
    plan: list[Block] = []
    for number in range(count):
        names = sorted(loops)
        random.Random(f"{seed}/{side.name}/{number}").shuffle(names)
        for name in names:
            cell = Cell(name, side.name, MODE, workers, max(1, loops[name] // SHORTER))
            plan.append(Block(cell, f"ceiling-{cell.key}-{number}"))
    return plan


def measure(sides: Sequence[Side], plans: Mapping[str, list[Block]], store: Store) -> None:
    """Measure all blocks into `store`; what is there already is not measured again."""
    by_name = {side.name: side for side in sides}
    todo = [block for plan in plans.values() for block in plan]
    with progress() as shown:
        task = shown.add_task("ceiling", total=len(todo))
        for block in todo:
            shown.update(task, description=f"ceiling {block.cell.workload}")
            if store.get(block.key) is None:
                store.put(block.key, bench_cells.measure(block.cell, by_name[block.cell.implementation], SCRIPT))
            shown.advance(task)


def _ratio(block: Block, store: Store) -> float | str:
    """Log of the rate of interpreters over that of processes in one block, or why there is none."""
    found = store.get(block.key)
    if found is None:
        raise ResultDamagedError(f"{store.folder}: {block.key} was not measured")
    if "error" in found:
        return str(found["error"])
    try:
        pairs = list(zip(*(found[arm] for arm in ARMS), strict=True))
        return statistics.fmean(math.log(processes / interpreters) for processes, interpreters in pairs)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as problem:
        raise ResultDamagedError(f"{store.folder}: {block.key} has no pairs of turns ({problem!r})") from None


def rows(plans: Mapping[str, list[Block]], store: Store) -> Iterator[dict[str, Any]]:
    """A row a side and work: the ratio of rates (1: the ceiling) with its 95% interval, and the ratio of each block.

    One failed block makes the row an error: nothing is dropped.
    """
    for name, plan in plans.items():
        for work in sorted({block.cell.workload for block in plan}):
            chosen = [block for block in plan if block.cell.workload == work]
            found = [_ratio(block, store) for block in chosen]
            errors = [one for one in found if isinstance(one, str)]
            logs = [one for one in found if not isinstance(one, str)]
            row: dict[str, Any] = {
                "workload": work,
                "implementation": name,
                "workers": chosen[0].cell.workers,
                "blocks": len(chosen),
                "block_ratios": [math.exp(one) for one in logs],
                "ratio": None,
                "low": None,
                "high": None,
                "error": errors[0] if errors else None,
            }
            if not errors and len(logs) >= MINIMUM:
                estimate = stats.estimate(logs)
                low, high = estimate.interval(LEVEL)
                row.update(ratio=math.exp(estimate.mean), low=math.exp(low), high=math.exp(high))
            yield row


def table(found: Sequence[Mapping[str, Any]]) -> Table:
    """One line a work: interpreters against as many processes."""
    shown = Table(title="interpreters against as many processes: rate, 95% interval")
    for heading in ("workload", "implementation", "workers", "ratio", "interval", "blocks"):
        shown.add_column(heading, justify="left" if heading in ("workload", "implementation") else "right")
    for row in found:
        figures = ("[red]failed[/]", escape(str(row["error"]))) if row["error"] else ("n/a", "")
        if row["ratio"] is not None:
            figures = (f"{row['ratio']:.4f}", f"{row['low']:.4f} to {row['high']:.4f}")
        shown.add_row(row["workload"], row["implementation"], str(row["workers"]), *figures, str(row["blocks"]))
    return shown
