"""The statistics of the gate as pure functions: intervals over block means, error spending, Holm, detectable effect.

All functions work on natural logarithms of time ratios (candidate over baseline: above zero is slower) and know
nothing of files or processes. docs/gate.md derives what is used here; perf/simulate.py measures its error rates.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

GRID = 2001  # points of the density that carries the error rate from one look to the next
REACH = 8.0  # standard deviations that the grid covers


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean log ratio with its standard error and degrees of freedom (n - 1 over `n` blocks or build pairs)."""

    mean: float
    se: float
    df: int

    def interval(self, level: float) -> tuple[float, float]:
        """The log interval that each side of the truth leaves with probability `level` (0.025: the 95% interval)."""
        reach = float(stats.t.isf(level, self.df)) * self.se
        return self.mean - reach, self.mean + reach

    def p_above(self, bound: float) -> float:
        """One-sided p-value against the hypothesis that the true log ratio is at most `bound`."""
        return _tail(self.mean - bound, self.se, self.df)

    def p_below(self, bound: float) -> float:
        """One-sided p-value against the hypothesis that the true log ratio is at least `bound`."""
        return _tail(bound - self.mean, self.se, self.df)


def _tail(distance: float, se: float, df: int) -> float:
    if se == 0.0:
        return 0.0 if distance > 0 else 1.0
    return float(stats.t.sf(distance / se, df))


def estimate(values: Sequence[float]) -> Estimate:
    """The t estimate over independent block means; ValueError for fewer than two or a value that is not finite."""
    data = np.asarray(values, dtype=float)
    if data.ndim != 1 or data.size < 2:
        raise ValueError(f"an interval needs at least two blocks, got {data.size}")
    if not np.all(np.isfinite(data)):
        raise ValueError("a block mean is not finite")
    return Estimate(float(data.mean()), float(data.std(ddof=1) / math.sqrt(data.size)), data.size - 1)


def clustered(groups: Sequence[Sequence[float]]) -> Estimate:
    """The estimate over build pairs: `groups` holds the block means of each pair.

    Builds of one source differ from each other (PGO by about a percent), so with two pairs or more the pair is the
    independent unit and its mean the datum; with one pair the block is, and the verdict is about that one build.
    """
    if len(groups) == 1:
        return estimate(groups[0])
    return estimate([float(np.mean(group)) for group in groups])


def contrast(times: dict[str, list[float]]) -> tuple[float, float]:
    """The two log ratios of one cell, from the log times of its arms A and C (baseline twice) and B (candidate).

    The effect is B against the mean of A and C; the control is C against A. The two are orthogonal: for equal and
    independent noise, what the control says is independent of what the effect says.
    """
    a, b, c = (float(np.mean(times[arm])) for arm in "ABC")
    return b - (a + c) / 2, c - a


# --- error spent over the looks ------------------------------------------------------------------------------------


def spent(alpha: float, fraction: float) -> float:
    """The error rate spent when `fraction` of the largest number of blocks is in (Lan and DeMets, Pocock type)."""
    return alpha * math.log1p((math.e - 1) * min(fraction, 1.0))


@functools.cache
def look_levels(alpha: float, looks: tuple[int, ...]) -> tuple[float, ...]:
    """Nominal one-sided levels at each look (numbers of blocks, rising) whose union errs with probability `alpha`.

    At look k the tests compare with t quantiles at the nominal level. The levels are exact for normal means with
    independent increments and were checked for t by simulation (docs/gate.md).
    """
    if not looks or any(b <= a for a, b in itertools.pairwise(looks)) or looks[0] < 2:
        raise ValueError(f"looks must rise and start at two blocks or more: {list(looks)}")
    levels: list[float] = []
    before, last_n = 0.0, 0
    carried: _Carried | None = None
    for n in looks:
        total = spent(alpha, n / looks[-1])
        bound = _bound(carried, n, last_n, total - before)
        levels.append(float(stats.norm.sf(bound / math.sqrt(n))))
        carried = _carry(carried, n, last_n, bound)
        before, last_n = total, n
    return tuple(levels)


@dataclass(frozen=True, slots=True)
class _Carried:
    """Sub-density of the running sum on the paths that crossed no bound so far: points and weighted mass at each."""

    points: NDArray[np.float64]
    mass: NDArray[np.float64]


def _crossing(carried: _Carried | None, n: int, last_n: int, bound: float) -> float:
    if carried is None:
        return float(stats.norm.sf(bound / math.sqrt(n)))
    return float(np.sum(carried.mass * stats.norm.sf((bound - carried.points) / math.sqrt(n - last_n))))


def _bound(carried: _Carried | None, n: int, last_n: int, increment: float) -> float:
    reach = REACH * math.sqrt(n)
    return float(optimize.brentq(lambda b: _crossing(carried, n, last_n, b) - increment, -reach, reach))


def _carry(carried: _Carried | None, n: int, last_n: int, bound: float) -> _Carried:
    points, step = np.linspace(-REACH * math.sqrt(n), bound, GRID, retstep=True)
    if carried is None:
        density = stats.norm.pdf(points, scale=math.sqrt(n))
    else:
        kernel = stats.norm.pdf(points[:, None] - carried.points[None, :], scale=math.sqrt(n - last_n))
        density = kernel @ carried.mass
    weights = np.full(GRID, step)
    weights[[0, -1]] = step / 2
    return _Carried(points, density * weights)


# --- many benchmarks -----------------------------------------------------------------------------------------------


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: reject where at most alpha, and the family errs with alpha."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


# --- what could have been seen -------------------------------------------------------------------------------------


def detectable(est: Estimate, level: float, bound: float, power: float = 0.8) -> float:
    """The smallest true log ratio whose lower limit at `level` would exceed `bound` with probability `power`."""
    if est.se == 0.0:
        return bound
    critical = float(stats.t.isf(level, est.df))

    def shortfall(noncentrality: float) -> float:
        return float(stats.nct.sf(critical, est.df, noncentrality)) - power

    upper = critical + 1.0
    while shortfall(upper) < 0:
        upper *= 2
    return bound + float(optimize.brentq(shortfall, 0.0, upper)) * est.se
