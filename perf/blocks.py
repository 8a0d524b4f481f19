"""Blocks of the A/B experiment: which process runs when, with which seed; and what one block's processes gave.

A cell is one benchmark in one block: six fresh processes in a palindrome of the three arms, such as `BACCAB`.
A is the baseline, B the candidate, C the control (the baseline again). Without C what is left is ABBA or BAAB, and
without B it is ACCA or CAAC, so a drift that is linear over the cell cancels in both contrasts; which role stands
outside is drawn at random, so that what is not linear averages out. The whole plan follows from one recorded seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import ResultDamagedError
from perf.worker import Status

ARMS = "ABC"
HASHSEED_LIMIT = 2**32  # PYTHONHASHSEED is 0 to 2**32 - 1; 0 would switch randomisation off


@dataclass(frozen=True, slots=True)
class Cell:
    """One benchmark in one block, as planned: `order` of the six arms and the hash seed of either half."""

    block: int
    pair: int
    benchmark: str
    order: str
    seeds: tuple[int, int]

    def runs(self) -> list[tuple[str, int]]:
        """The six (arm, hash seed) in order; all arms of one half share its seed."""
        half = len(self.order) // 2
        return [(arm, self.seeds[position >= half]) for position, arm in enumerate(self.order)]


@dataclass(frozen=True, slots=True)
class Unit:
    """One fresh process: mean log seconds of its values if OK, else what went wrong; `raw` is pyperf's own JSON."""

    arm: str
    seed: int
    loops: int
    status: Status
    mean_log: float | None
    detail: str = ""
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A cell with its processes in the order in which they ran; the first that failed ends the cell."""

    cell: Cell
    units: tuple[Unit, ...]

    @property
    def failure(self) -> Unit | None:
        """The process that failed, if one did."""
        return next((unit for unit in self.units if unit.status is not Status.OK), None)

    def log_times(self) -> dict[str, list[float]]:
        """Mean log seconds of each arm's two processes; only for a cell without failure."""
        times: dict[str, list[float]] = {arm: [] for arm in ARMS}
        for unit in self.units:
            if unit.mean_log is not None:
                times[unit.arm].append(unit.mean_log)
        return times


# (arm, build pair, benchmark, hash seed) -> what the process gave
Timer = Callable[[str, int, str, int], Unit]


def draw_block(seed: int | str, block: int, pair: int, benchmarks: Sequence[str]) -> list[Cell]:
    """The cells of block number `block`, benchmarks shuffled; the same arguments always give the same block."""
    rng = random.Random(f"{seed}/{block}")
    names = sorted(benchmarks)
    rng.shuffle(names)
    cells = []
    for name in names:
        outer = "".join(rng.sample(ARMS, len(ARMS)))
        first, second = rng.sample(range(1, HASHSEED_LIMIT), 2)
        cells.append(Cell(block, pair, name, outer + outer[::-1], (first, second)))
    return cells


def measure(cell: Cell, timer: Timer) -> Measured:
    """Run the processes of a cell one after the other, up to the first failure."""
    units: list[Unit] = []
    for arm, seed in cell.runs():
        units.append(timer(arm, cell.pair, cell.benchmark, seed))
        if units[-1].status is not Status.OK:
            break
    return Measured(cell, tuple(units))


# --- as stored -----------------------------------------------------------------------------------------------------


def to_json(measured: Measured) -> dict[str, Any]:
    """The JSON object of a measured cell."""
    cell = measured.cell
    return {
        "schema": 1,
        "block": cell.block,
        "pair": cell.pair,
        "benchmark": cell.benchmark,
        "order": cell.order,
        "seeds": list(cell.seeds),
        "units": [
            {
                "arm": unit.arm,
                "seed": unit.seed,
                "loops": unit.loops,
                "status": unit.status.value,
                "mean_log": unit.mean_log,
                "detail": unit.detail,
                "raw": unit.raw,
            }
            for unit in measured.units
        ],
    }


def from_json(value: Mapping[str, Any], where: object) -> Measured:
    """The cell stored in `value`; ResultDamagedError names `where` if it is not one, or if its arms are unequal."""
    try:
        seeds = (int(value["seeds"][0]), int(value["seeds"][1]))
        cell = Cell(int(value["block"]), int(value["pair"]), str(value["benchmark"]), str(value["order"]), seeds)
        units = tuple(_unit(unit) for unit in value["units"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ResultDamagedError(f"{where} is not a measured cell: {type(error).__name__}: {error}") from None
    measured = Measured(cell, units)
    problem = _unequal(measured)
    if problem:
        raise ResultDamagedError(f"{where}: {problem}")
    return measured


def _unit(value: Mapping[str, Any]) -> Unit:
    status = Status(value["status"])
    mean_log = None if status is not Status.OK else float(value["mean_log"])
    detail = str(value.get("detail", ""))
    return Unit(
        str(value["arm"]), int(value["seed"]), int(value["loops"]), status, mean_log, detail, value.get("raw")
    )


def _unequal(measured: Measured) -> str:
    """Why the arms of a cell may not be compared, or an empty text."""
    cell, units = measured.cell, measured.units
    if cell.order != cell.order[::-1] or sorted(cell.order) != sorted(ARMS * 2):
        return f"the order {cell.order!r} is no palindrome of the three arms"
    if measured.failure is None and len(units) != len(cell.order):
        return f"unequal arms: {len(units)} of {len(cell.order)} processes are there and none failed"
    for unit, (arm, seed) in zip(units, cell.runs(), strict=False):
        if (unit.arm, unit.seed) != (arm, seed):
            return f"process {unit.arm} with hash seed {unit.seed} stands where {arm} with {seed} was planned"
    loops = sorted({unit.loops for unit in units})
    if len(loops) > 1:
        return f"unequal arms: loop counts {loops} in one cell"
    return ""
