"""How near interpreters come to as many separate processes, which are the ceiling of the machine.

The two are timed as neighbours: in each block four fresh processes in the order ABBA or BAAB, drawn at random (A:
workers are separate commands; B: workers are interpreters of one process). A drift that is linear over the block
cancels, and the blocks are the sample of a t interval, as in the gate. Rows of the multicore suite are medians of
measurements minutes apart: good for a curve, too coarse for a difference of two percent.
"""

from __future__ import annotations

import math
import random
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

MODES = {"A": "processes", "B": "interpreters"}
LEVEL = 0.025  # what either end of the 95% interval leaves
MINIMUM = 2  # blocks of an interval


@dataclass(frozen=True, slots=True)
class Block:
    """One block of one work: the four cells in the order in which they run, and where each is stored."""

    workload: str
    cells: tuple[Cell, ...]
    keys: tuple[str, ...]


def sides_with_interpreters(sides: Sequence[Side]) -> list[Side]:
    """All but upstream, whose interpreters share a GIL and cannot come near."""
    return [side for side in sides if side.name != "upstream"]


def blocks(side: Side, loops: Mapping[str, int], workers: int, count: int, seed: str) -> list[Block]:
    """`count` times every work once, shuffled; the same arguments always give the same plan."""
    plan: list[Block] = []
    for number in range(count):
        rng = random.Random(f"{seed}/{side.name}/{number}")
        names = sorted(loops)
        rng.shuffle(names)
        plan += [_block(side, name, loops[name], workers, number, rng) for name in names]
    return plan


def _block(side: Side, name: str, loops: int, workers: int, number: int, rng: random.Random) -> Block:
    order = rng.choice(("ABBA", "BAAB"))
    cells = tuple(Cell(name, side.name, MODES[arm], workers, loops) for arm in order)
    keys = tuple(f"ceiling-{cell.key}-{number}-{position}" for position, cell in enumerate(cells))
    return Block(name, cells, keys)


def measure(sides: Sequence[Side], plans: Mapping[str, list[Block]], script: Script, store: Store) -> None:
    """Measure all blocks into `store`; what is there already is not measured again.

    A block that was stopped half-way is measured again from its beginning: its four processes are neighbours in time.
    """
    by_name = {side.name: side for side in sides}
    todo = [block for plan in plans.values() for block in plan]
    with progress() as shown:
        task = shown.add_task("ceiling", total=len(todo))
        for block in todo:
            shown.update(task, description=f"ceiling {block.workload}")
            if store.get(block.keys[-1]) is None:
                for cell, key in zip(block.cells, block.keys, strict=True):
                    store.put(key, bench_cells.measure(cell, by_name[cell.implementation], script))
            shown.advance(task)


def _ratio(block: Block, store: Store) -> float | str:
    """Log of the rate of interpreters over that of processes in one block, or why there is none."""
    logs: dict[str, list[float]] = {mode: [] for mode in MODES.values()}
    for cell, key in zip(block.cells, block.keys, strict=True):
        found = store.get(key)
        if found is None:
            raise ResultDamagedError(f"{store.folder}: {key} was not measured")
        if "error" in found:
            return f"{cell.mode}: {found['error']}"
        logs[cell.mode].append(math.log(float(found["rate"])))
    a, b = (sum(values) / len(values) for values in logs.values())
    return b - a


def rows(plans: Mapping[str, list[Block]], store: Store) -> Iterator[dict[str, Any]]:
    """A row a side and work: the ratio of rates (1: the ceiling) with its 95% interval, and the ratio of each block.

    One failed process makes the row an error: nothing is dropped.
    """
    for name, plan in plans.items():
        for work in sorted({block.workload for block in plan}):
            chosen = [block for block in plan if block.workload == work]
            found = [_ratio(block, store) for block in chosen]
            errors = [one for one in found if isinstance(one, str)]
            logs = [one for one in found if not isinstance(one, str)]
            row: dict[str, Any] = {
                "workload": work,
                "implementation": name,
                "workers": chosen[0].cells[0].workers,
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
