"""From measured cells to a verdict: pure functions over block means, no files and no processes.

The order in which verdicts win is MISSING, VOID, FAIL, INCONCLUSIVE, PASS: data that is not there, then an instrument
that cannot be trusted, then what it says. docs/gate.md explains each rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from harness.errors import Exit, UnequalResultsError
from perf import stats
from perf.blocks import Measured, Unit
from perf.gate_thresholds import Thresholds


class Verdict(StrEnum):
    """What a gate says."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    VOID = "VOID"
    MISSING = "MISSING"

    @property
    def exit_code(self) -> Exit:
        """The exit code of the session."""
        return _EXITS[self]


_EXITS = {
    Verdict.PASS: Exit.OK,
    Verdict.FAIL: Exit.FAILED,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Verdict.VOID: Exit.VOID,
    Verdict.MISSING: Exit.MISSING,
}


@dataclass(frozen=True, slots=True)
class Blocks:
    """Log ratios of whole blocks: `effect` and `control` are (blocks x benchmarks), `pairs` each build pair."""

    names: tuple[str, ...]
    pairs: tuple[int, ...]
    effect: NDArray[np.float64]
    control: NDArray[np.float64]

    def grouped(self, means: NDArray[np.float64]) -> list[list[float]]:
        """Block values (one a block) as one list a build pair."""
        return [
            [float(m) for m, p in zip(means, self.pairs, strict=True) if p == pair]
            for pair in sorted(set(self.pairs))
        ]


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """The suite's estimate of one contrast, its interval at the look's level, and each block's log ratio."""

    estimate: stats.Estimate
    level: float
    blocks: tuple[float, ...]

    @property
    def interval(self) -> tuple[float, float]:
        """The log interval."""
        return self.estimate.interval(self.level)


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """One benchmark: estimate and interval, margin (log), one-sided p against it, Holm's p, direction."""

    name: str
    result: SuiteResult
    margin: float
    p: float
    p_holm: float
    direction: str  # same, slower, faster; undecided below `blocks_least` blocks


@dataclass(frozen=True, slots=True)
class ControlResult:
    """The control arm: suite contrast, its two-sided p against no difference, why it voids the gate (or "").

    `loud`: it is only too wide, which more blocks can mend; a difference that it found stays.
    """

    suite: SuiteResult
    p: float
    reason: str
    loud: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the blocks of one look say, before reruns: the suite's own verdict, benchmarks, control."""

    suite: SuiteResult
    verdict: Verdict  # PASS, FAIL or INCONCLUSIVE: the suite alone
    detectable: float  # log ratio
    benchmarks: tuple[BenchmarkResult, ...]
    control: ControlResult

    @property
    def open(self) -> bool:
        """Whether more blocks can still decide: the suite does not, or the control is as yet too wide to trust it."""
        return self.verdict is Verdict.INCONCLUSIVE or self.control.loud

    @property
    def apparent(self) -> list[BenchmarkResult]:
        """Benchmarks that look slower, worst first."""
        slower = [one for one in self.benchmarks if one.direction == "slower"]
        return sorted(slower, key=lambda one: -one.result.estimate.mean)


@dataclass(frozen=True, slots=True)
class Rerun:
    """Fresh blocks of one apparent regression: estimate, one-sided p against the margin, confirmed?"""

    result: SuiteResult
    p: float
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict and every reason for it."""

    verdict: Verdict
    reasons: tuple[str, ...] = field(default=())


def arrange(cells: Sequence[Measured], names: Sequence[str], blocks: int, layouts: int = 1) -> Blocks:
    """Contrasts of `blocks` whole blocks; UnequalResultsError if one lacks a benchmark or has one twice.

    A cell's `pair` counts executables, `layouts` to a build pair.
    """
    place = {name: column for column, name in enumerate(names)}
    effect = np.full((blocks, len(names)), np.nan)
    control = np.full((blocks, len(names)), np.nan)
    pairs = [-1] * blocks
    for measured in cells:
        cell = measured.cell
        if cell.benchmark not in place or cell.block >= blocks:
            continue
        spot = cell.block, place[cell.benchmark]
        if not np.isnan(effect[spot]):
            raise UnequalResultsError(f"block {cell.block} holds {cell.benchmark} twice")
        effect[spot], control[spot] = stats.contrast(measured.log_times())
        pairs[cell.block] = cell.pair // layouts
    _whole(effect, names)
    return Blocks(tuple(names), tuple(pairs), effect, control)


def _whole(effect: NDArray[np.float64], names: Sequence[str]) -> None:
    holes = [(int(row), names[column]) for row, column in np.argwhere(np.isnan(effect))]
    if holes:
        row, name = holes[0]
        raise UnequalResultsError(
            f"unequal results: {len(holes)} of {effect.size} measurements are missing, first {name} in block {row}"
        )


def read(
    blocks: Blocks, limits: Thresholds, looks: Sequence[int], look: int, margins: Mapping[str, float]
) -> Reading:
    """What the blocks say at look number `look` of `looks`; `margins` holds each benchmark's as an excess over 1."""
    share = stats.look_levels(limits.suite_alpha, tuple(looks))[look]
    suite = _contrast(blocks, blocks.effect.mean(axis=1), share)
    bound = math.log1p(limits.suite_margin)
    return Reading(
        suite,
        _side(suite, bound),
        stats.detectable(suite.estimate, share, bound, limits.suite_power),
        _benchmarks(blocks, limits, looks, look, margins),
        _control(blocks, limits, share, margins),
    )


def _contrast(blocks: Blocks, means: NDArray[np.float64], level: float) -> SuiteResult:
    return SuiteResult(stats.clustered(blocks.grouped(means)), level, tuple(float(mean) for mean in means))


def _side(suite: SuiteResult, bound: float) -> Verdict:
    low, high = suite.interval
    if low > bound:
        return Verdict.FAIL
    return Verdict.PASS if high < bound else Verdict.INCONCLUSIVE


def _benchmarks(
    blocks: Blocks, limits: Thresholds, looks: Sequence[int], look: int, margins: Mapping[str, float]
) -> tuple[BenchmarkResult, ...]:
    level = stats.look_levels(limits.benchmark_alpha, tuple(looks))[look]
    results = [_contrast(blocks, blocks.effect[:, column], level / 2) for column in range(len(blocks.names))]
    bounds = [math.log1p(margins[name]) for name in blocks.names]
    slower = [one.estimate.p_above(bound) for one, bound in zip(results, bounds, strict=True)]
    faster = stats.holm([one.estimate.p_below(-bound) for one, bound in zip(results, bounds, strict=True)])
    few = len(blocks.effect) < limits.blocks_least
    found = []
    for name, result, bound, p, p_holm, p_faster in zip(
        blocks.names, results, bounds, slower, stats.holm(slower), faster, strict=True
    ):
        direction = "slower" if p_holm <= level else "faster" if p_faster <= level else "same"
        if few:
            direction = "undecided"
        found.append(BenchmarkResult(name, result, bound, p, p_holm, direction))
    return tuple(found)


def _control(blocks: Blocks, limits: Thresholds, level: float, margins: Mapping[str, float]) -> ControlResult:
    """The control over single blocks: both of its arms are one build, so build pairs do not cluster it."""
    means = blocks.control.mean(axis=1)
    suite = SuiteResult(stats.estimate(list(means)), level, tuple(float(mean) for mean in means))
    p = _two_sided(suite.estimate, 0.0)
    each = stats.holm(
        [
            _two_sided(stats.estimate(list(blocks.control[:, column])), math.log1p(margins[name]))
            for column, name in enumerate(blocks.names)
        ]
    )
    share = limits.control_alpha / 2  # half for the suite, half for the benchmarks
    low, high = suite.interval
    reason, loud = "", False
    if p <= share:
        reason = (
            f"the control arm, the baseline against itself, found a difference of {_percent(suite.estimate.mean)}"
        )
    elif min(each) <= share:
        reason = f"the control arm found a difference in {blocks.names[each.index(min(each))]}"
    elif max(-low, high) > math.log1p(limits.control_spread):
        reason = f"the control arm's interval reaches {_percent(max(-low, high))}: this machine is too loud"
        loud = True
    return ControlResult(suite, p, reason, loud)


def _two_sided(est: stats.Estimate, bound: float) -> float:
    return min(1.0, 2 * min(est.p_above(bound), est.p_below(-bound)))


def _percent(log_ratio: float) -> str:
    return f"{math.expm1(log_ratio):+.2%}"


def confirm(blocks: Blocks, margin: float, limits: Thresholds) -> Rerun:
    """Whether the fresh blocks of one benchmark (its only column) show it slower than `margin` (log) again."""
    result = _contrast(blocks, blocks.effect[:, 0], limits.rerun_alpha / 2)
    p = result.estimate.p_above(margin)
    return Rerun(result, p, p <= limits.rerun_alpha)


def conclude(
    reading: Reading | None,
    failures: Mapping[str, Unit],
    reruns: Mapping[str, Rerun],
    limits: Thresholds,
) -> Outcome:
    """The verdict over suite, benchmarks, control and failures; `reading` is None where no benchmark gave data."""
    arms = {"A": "baseline", "B": "candidate", "C": "baseline (control)"}
    lost = [f"{name} {unit.status} on the {arms[unit.arm]}: {unit.detail}" for name, unit in failures.items()]
    if reading is None:
        return Outcome(Verdict.MISSING, (*lost, "no benchmark gave data"))
    said = _said(reading, reruns, limits)
    if lost:
        return Outcome(Verdict.MISSING, (*lost, *said.reasons))
    if len(reading.suite.blocks) < limits.blocks_least:
        return said
    if reading.control.reason:
        return Outcome(Verdict.VOID, (reading.control.reason, *said.reasons))
    return said


def _said(reading: Reading, reruns: Mapping[str, Rerun], limits: Thresholds) -> Outcome:
    """What suite and reruns say where nothing is missing and the control holds."""
    low, high = (math.exp(bound) for bound in reading.suite.interval)
    blocks, margin = len(reading.suite.blocks), 1 + limits.suite_margin
    if blocks < limits.blocks_least:
        return Outcome(
            Verdict.INCONCLUSIVE, (f"{blocks} blocks show the way only: a verdict needs {limits.blocks_least}",)
        )
    where = f"the suite's interval {low:.4f} to {high:.4f}"
    confirmed = [name for name, rerun in reruns.items() if rerun.confirmed]
    unconfirmed = [name for name, rerun in reruns.items() if not rerun.confirmed]
    notes = [f"{name} is slower than its margin, confirmed by a rerun" for name in confirmed]
    notes += [f"{name} looked slower and did not in the rerun" for name in unconfirmed]
    if reading.verdict is Verdict.FAIL:
        return Outcome(Verdict.FAIL, (f"{where} lies above {margin:g}", *notes))
    if confirmed:
        return Outcome(Verdict.FAIL, tuple(notes))
    if reading.verdict is Verdict.PASS:
        return Outcome(Verdict.PASS, (f"{where} lies below {margin:g}", *notes))
    return Outcome(Verdict.INCONCLUSIVE, (f"{where} holds {margin:g} after {blocks} blocks", *notes))
