"""Simulated gates: invented machines whose truth is known, run through the gate's own code, to count its errors.

The noise is meant to be unkind: each process has its own offset with heavy tails (one in fifty is hit by something),
blocks drift, the machine has a slope within a cell, and a slot of the cell may be biased.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from scipy import stats

from perf.blocks import Timer, Unit
from perf.gate_decide import Verdict
from perf.gate_run import Conducted, Experiment, conduct
from perf.gate_thresholds import Thresholds
from perf.worker import Status

BENCHMARKS = 24
CELL = 6  # processes of a cell


@dataclass(frozen=True, slots=True)
class Machine:
    """Truth and noise of an invented machine, all as log ratios.

    `effect` slows the candidate in every benchmark, `single` in the named ones too; `process` is the standard
    deviation between processes, `spike` the size of rare interruptions, `drift` the slope over one cell, `slot` a
    bias of each cell's first process, `control` slows the control arm (a machine not to be trusted), `pair` is the
    standard deviation between builds of one source, `layout` that of one benchmark between link orders.
    """

    effect: float = 0.0
    single: Mapping[str, float] = field(default_factory=dict)
    process: float = 0.01
    spike: float = 0.05
    drift: float = 0.003
    slot: float = 0.003
    control: float = 0.0
    pair: float = 0.0
    layout: float = 0.0


def names(count: int = BENCHMARKS) -> tuple[str, ...]:
    """Names of invented benchmarks."""
    return tuple(f"bm{index:02d}" for index in range(count))


def timer(machine: Machine, seed: int, layouts: int = 1) -> Timer:
    """A timer of `machine`, with so many layouts a build; the same seed and order of calls give the same times."""
    rng = random.Random(seed)
    builds: dict[tuple[int, str], float] = {}
    places: dict[tuple[int, str, str], float] = {}
    calls = 0
    level = 0.0

    def build(executable: int, arm: str, benchmark: str) -> float:
        variant = "candidate" if arm == "B" else "baseline"
        common = builds.setdefault((executable // layouts, variant), rng.gauss(0.0, machine.pair))
        return common + places.setdefault((executable, variant, benchmark), rng.gauss(0.0, machine.layout))

    def time_one(arm: str, executable: int, benchmark: str, hashseed: int) -> Unit:
        nonlocal calls, level
        position = calls % CELL
        calls += 1
        level += rng.gauss(0.0, machine.drift / CELL)
        log = level + machine.drift * position / CELL + build(executable, arm, benchmark)
        log += rng.gauss(0.0, machine.process)
        if rng.random() < 0.02:
            log += rng.expovariate(1 / machine.spike)
        if position == 0:
            log += machine.slot
        if arm == "B":
            log += machine.effect + machine.single.get(benchmark, 0.0)
        if arm == "C":
            log += machine.control
        return Unit(arm, hashseed, 1, Status.OK, log)

    return time_one


def gate(
    machine: Machine, limits: Thresholds, looks: tuple[int, ...], seed: int, pairs: int = 1, layouts: int = 1
) -> Conducted:
    """One simulated gate."""
    listed = names()
    margins = dict.fromkeys(listed, limits.benchmark_margin)
    timed = timer(machine, seed, layouts)
    return conduct(Experiment(listed, seed, looks, limits, margins, timed, pairs=pairs, layouts=layouts))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of `runs` simulated gates ended how; `reported` counts gates that confirmed a slower benchmark."""

    runs: int
    verdicts: Mapping[str, int]
    reported: int
    covered: int  # gates whose suite interval held the truth
    detectable: float  # mean detectable ratio - 1 at the end

    def rate(self, verdict: Verdict) -> float:
        """Share of gates that ended so."""
        return self.verdicts.get(verdict.value, 0) / self.runs


def tally(
    machine: Machine,
    limits: Thresholds,
    looks: tuple[int, ...],
    runs: int,
    seed: int = 1,
    pairs: int = 1,
    layouts: int = 1,
) -> Tally:
    """Run `runs` simulated gates of `machine`, with seeds from `seed` on."""
    truth = machine.effect + sum(machine.single.values()) / BENCHMARKS - machine.control / 2
    verdicts: Counter[str] = Counter()
    reported = covered = 0
    detectable = 0.0
    for number in range(runs):
        done = gate(machine, limits, looks, seed + number, pairs, layouts)
        verdicts[done.outcome.verdict.value] += 1
        reported += any(rerun.confirmed for rerun in done.reruns.values())
        if done.reading is not None:
            low, high = done.reading.suite.interval
            covered += low <= truth <= high
            detectable += math.expm1(done.reading.detectable)
    return Tally(runs, dict(verdicts), reported, covered, detectable / runs)


def upper_limit(count: int, runs: int, level: float = 0.05) -> float:
    """Clopper and Pearson's upper limit of a rate of which `count` of `runs` were seen, at one-sided `level`."""
    return 1.0 if count >= runs else float(stats.beta.isf(level, count + 1, runs - count))
