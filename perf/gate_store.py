"""The folder of one gate: its plan, each cell as it was measured, and the gate to be resumed.

A cell is written whole when its last process ended, so a gate that is stopped loses one cell at most, and that one is
measured again in whole: its palindrome of processes has to stand together in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness import atomic, paths, results
from harness.errors import ResultDamagedError
from perf import blocks
from perf.blocks import Cell, Measured

KIND = "gate"  # the fork against its baseline; other comparisons have kinds of their own, so that reports do not
SAME = "aa"  # take a baseline against itself
PLANTED = "planted"  # or a slowdown that was put there for the fork's verdict
PLAN = "plan.json"
VERDICT = "verdict.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a gate measures. Two invocations with equal `inputs` are the same gate, and the second resumes the first.

    `seed` draws the blocks; `loops` are the loop counts by benchmark; `failed` are benchmarks that could not even be
    calibrated, with the reason; `machine` is its state when the gate began.
    """

    inputs: Mapping[str, Any]
    seed: int
    loops: Mapping[str, int]
    failed: Mapping[str, str]
    machine: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Store:
    """A gate's results folder."""

    folder: Path

    def save_plan(self, plan: Plan) -> None:
        """Write the plan, once, before the first process."""
        atomic.write_json(self.folder / PLAN, {"schema": 1, **asdict(plan)})

    def plan(self) -> Plan:
        """Read the plan back; ResultMissingError or ResultDamagedError if it is not there or cut short."""
        value = atomic.read_json(self.folder / PLAN)
        try:
            return Plan(value["inputs"], int(value["seed"]), value["loops"], value["failed"], value["machine"])
        except (KeyError, TypeError, ValueError) as error:
            raise ResultDamagedError(f"{self.folder / PLAN} is not a plan: {error!r}") from None

    def path(self, series: str, cell: Cell) -> Path:
        """Where a cell of `series` (blocks, or rerun) is stored."""
        return self.folder / series / f"{cell.block:02d}" / f"{cell.benchmark}.json"

    def save(self, series: str, measured: Measured) -> None:
        """Write a cell as soon as it is measured."""
        atomic.write_json(self.path(series, measured.cell), blocks.to_json(measured))

    def load(self, series: str, cell: Cell) -> Measured | None:
        """The stored cell, None if it was not measured yet.

        ResultDamagedError names the file if it is cut short, unequal within, or not of the cell that was planned.
        """
        path = self.path(series, cell)
        if not path.exists():
            return None
        measured = blocks.from_json(atomic.read_json(path), path)
        if measured.cell != cell:
            raise ResultDamagedError(f"{path} holds another cell than the plan of this gate: {measured.cell}")
        return measured

    def save_verdict(self, verdict: Mapping[str, Any]) -> Path:
        """Write verdict.json, last: a folder that has one is complete."""
        atomic.write_json(self.folder / VERDICT, verdict)
        return self.folder / VERDICT


def resumable(kind: str, inputs: Mapping[str, Any]) -> Store | None:
    """The newest gate of `kind` that was stopped before its verdict and measured the same `inputs`, or None."""
    for path in sorted(paths.results_dir().glob(f"*-{kind}-*/{PLAN}"), reverse=True):
        store = Store(path.parent)
        if not (path.parent / VERDICT).exists() and store.plan().inputs == dict(inputs):
            return store
    return None


def new(kind: str) -> Store:
    """The store of a new gate of `kind`."""
    return Store(results.new(kind))
