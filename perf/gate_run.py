"""Conducts the experiment: blocks up to each look, a reading, more blocks or a stop, then reruns and the outcome.

It knows neither processes nor files: a timer gives what a process gave, a record keeps cells, so the simulation of
the gate (perf/simulate.py) runs this very code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perf import gate_decide
from perf.blocks import Cell, Measured, Timer, Unit, draw_block, measure
from perf.gate_decide import Outcome, Reading, Rerun, Verdict
from perf.gate_thresholds import Thresholds
from perf.worker import Status

MAIN = "blocks"
RERUN = "rerun"
FEWEST = 2  # blocks that are measured whatever the time limit: fewer have no interval


class Record(Protocol):
    """Keeps cells; gives back those that an earlier, stopped run of the same gate measured."""

    def load(self, series: str, cell: Cell) -> Measured | None:
        """The cell if it is there."""

    def save(self, series: str, measured: Measured) -> None:
        """Keep a cell."""


class Forget:
    """A record that keeps nothing."""

    def load(self, series: str, cell: Cell) -> Measured | None:
        """Nothing is ever there."""
        return None

    def save(self, series: str, measured: Measured) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is measured and by which rules.

    `pairs` are independent builds and `layouts` the executables of each. `looks` are numbers of blocks, `margins`
    each benchmark's excess over 1, `failed` benchmarks that could not be calibrated (name -> reason), `seconds` the
    time limit and `most` the number of blocks that can be had (None: no limit). `notice(series, measured)` is told of
    each cell.
    """

    names: tuple[str, ...]
    seed: int
    looks: tuple[int, ...]
    limits: Thresholds
    margins: Mapping[str, float]
    timer: Timer
    pairs: int = 1
    layouts: int = 1
    failed: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    most: int | None = None
    record: Record = field(default_factory=Forget)
    notice: Callable[[str, Measured], None] = lambda _series, _measured: None

    def executable(self, block: int, *, again: bool = False) -> int:
        """Which executable pair a block times: the build pairs in turn, each in its next layout.

        A rerun takes the layouts from the last to the first, so that it does not confirm an accident of the layouts
        that raised the suspicion.
        """
        layout = (block // self.pairs) % self.layouts
        return (block % self.pairs) * self.layouts + (self.layouts - 1 - layout if again else layout)


@dataclass(frozen=True, slots=True)
class Conducted:
    """All that a gate found. `reading`: None if no benchmark gave data. `stopped`: why it ended before its cap."""

    outcome: Outcome
    reading: Reading | None
    failures: Mapping[str, Unit]
    reruns: Mapping[str, Rerun]
    stopped: str


def conduct(experiment: Experiment) -> Conducted:
    """Run the experiment to its outcome."""
    return _Run(experiment).to_the_end()


class _Run:
    """The state of one experiment under way."""

    def __init__(self, experiment: Experiment) -> None:
        self.plan = experiment
        self.cells: list[Measured] = []
        self.failures = {
            name: Unit("A", 0, 0, Status.MISSING, None, f"not calibrated: {reason}")
            for name, reason in experiment.failed.items()
        }
        self.blocks = 0
        self.block_seconds: list[float] = []
        self.started = time.monotonic()
        self.stopped = ""

    def to_the_end(self) -> Conducted:
        reading = self._read_looks()
        reruns = self._reruns(reading) if reading is not None else {}
        outcome = gate_decide.conclude(reading, self.failures, reruns, self.plan.limits)
        return Conducted(outcome, reading, self.failures, reruns, self.stopped)

    def _alive(self) -> list[str]:
        return [name for name in self.plan.names if name not in self.failures]

    def _read_looks(self) -> Reading | None:
        """Blocks up to each look until suite and control decide, data is lost, time is up or the cap is reached."""
        reading: Reading | None = None
        for look, blocks in enumerate(self.plan.looks):
            if look and not self._time_for(blocks - self.blocks):
                break
            self._measure_blocks(blocks)
            reading = self._read(look)
            if reading is None or self.failures or not reading.open:
                break
        return reading

    def _measure_blocks(self, until: int) -> None:
        while self.blocks < until and self._alive():
            if self.blocks >= FEWEST * self.plan.pairs and not self._time_for(1):
                break
            began = time.monotonic()
            executable = self.plan.executable(self.blocks)
            for cell in draw_block(self.plan.seed, self.blocks, executable, self.plan.names):
                if cell.benchmark not in self.failures:
                    self._take(MAIN, cell, self.cells)
            self.blocks += 1
            self.block_seconds.append(time.monotonic() - began)

    def _take(self, series: str, cell: Cell, into: list[Measured]) -> None:
        measured = self.plan.record.load(series, cell)
        if measured is None:
            measured = measure(cell, self.plan.timer)
            self.plan.record.save(series, measured)
        self.plan.notice(series, measured)
        failure = measured.failure
        if failure is None:
            into.append(measured)
        else:
            self.failures[cell.benchmark] = failure

    def _time_for(self, blocks: int) -> bool:
        """Whether `blocks` more can be had and fit into the time limit, judged by the longest so far."""
        if self.plan.most is not None and self.blocks + blocks > self.plan.most:
            self.stopped = f"the gate was ended after {self.blocks} blocks"
            return False
        if self.plan.seconds is None or not self.block_seconds:
            return True
        spent = time.monotonic() - self.started
        fits = spent + blocks * max(self.block_seconds) <= self.plan.seconds
        if not fits:
            self.stopped = f"the time limit of {self.plan.seconds:g} s ended the gate after {self.blocks} blocks"
        return fits

    def _read(self, look: int) -> Reading | None:
        names = self._alive()
        if not names:
            return None
        arranged = gate_decide.arrange(self.cells, names, self.blocks, self.plan.layouts)
        return gate_decide.read(arranged, self.plan.limits, self.plan.looks, look, self.plan.margins)

    def _reruns(self, reading: Reading) -> dict[str, Rerun]:
        """Fresh blocks for apparent regressions, worst first; beyond `rerun_most` only while none is confirmed."""
        reruns: dict[str, Rerun] = {}
        if self.failures or reading.control.reason or self.blocks < self.plan.limits.blocks_least:
            return reruns
        for one in reading.apparent:
            decided = reading.verdict is Verdict.FAIL or any(rerun.confirmed for rerun in reruns.values())
            if decided and len(reruns) >= self.plan.limits.rerun_most:
                break
            rerun = self._rerun(one.name, one.margin)
            if rerun is not None:
                reruns[one.name] = rerun
        return reruns

    def _rerun(self, name: str, margin: float) -> Rerun | None:
        pairs = self.plan.pairs
        blocks = -(-self.plan.limits.rerun_blocks // pairs) * pairs
        cells: list[Measured] = []
        for block in range(blocks):
            executable = self.plan.executable(block, again=True)
            (cell,) = draw_block(f"{self.plan.seed}/rerun/{name}", block, executable, [name])
            self._take(RERUN, cell, cells)
            if name in self.failures:
                return None
        arranged = gate_decide.arrange(cells, [name], blocks, self.plan.layouts)
        return gate_decide.confirm(arranged, margin, self.plan.limits)


def look_sizes(limits: Thresholds, first: int | None, most: int | None, pairs: int) -> tuple[int, ...]:
    """The looks of a gate as multiples of its build pairs, at least two blocks a pair."""
    sizes: Sequence[int] = limits.looks(first, most, pairs)
    return tuple(sorted({max(size, FEWEST * pairs) for size in sizes}))
