"""Learned noise: how far each benchmark's ratio strays on this machine when nothing differs, from stored A/A gates.

A benchmark whose own noise is larger than the common margin is judged by its noise. The noise is kept by machine id
in the cache, because it is a fact about a machine, not about the project.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from harness import atomic, paths
from harness.errors import ResultDamagedError, ResultMissingError
from perf.gate_thresholds import Thresholds

FEWEST = 5  # A/A gates from which a noise may be learned
OUTSIDE = 0.005  # share of further A/A gates that may stray beyond the noise, on either side


def file(machine: str) -> Path:
    """Where the noise of a machine is kept."""
    return paths.cache_dir() / "noise" / f"{machine}.json"


def learn(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Noise by benchmark (excess over 1) from the verdicts of A/A gates: the prediction limit for one more gate.

    With ratios r_1..r_n it is exp(t(1 - OUTSIDE, n - 1) * s * sqrt(1 + 1/n)) - 1, s their standard deviation about 1
    in logs. Benchmarks without a ratio in some gate are left out; ValueError for fewer than FEWEST gates.
    """
    if len(verdicts) < FEWEST:
        raise ValueError(f"noise is learned from {FEWEST} A/A gates or more, not from {len(verdicts)}")
    ratios: dict[str, list[float]] = {}
    for verdict in verdicts:
        for one in verdict["benchmarks"]:
            if one["ratio"] is not None:
                ratios.setdefault(one["name"], []).append(math.log(one["ratio"]))
    whole = {name: logs for name, logs in ratios.items() if len(logs) == len(verdicts)}
    n = len(verdicts)
    reach = float(stats.t.isf(OUTSIDE, n - 1)) * math.sqrt(1 + 1 / n)
    # The truth is known to be 1, so deviations are taken from it and not from the mean.
    return {name: math.expm1(reach * float(np.sqrt(np.mean(np.square(logs))))) for name, logs in whole.items()}


def save(machine: str, noise: Mapping[str, float], gates: int) -> Path:
    """Keep the noise of `machine`, learned from `gates` A/A gates."""
    atomic.write_json(file(machine), {"schema": 1, "machine": machine, "gates": gates, "noise": dict(noise)})
    return file(machine)


def load(machine: str) -> dict[str, float]:
    """The noise learned on `machine`, {} if none was."""
    try:
        value = atomic.read_json(file(machine))
    except ResultMissingError:
        return {}
    try:
        return {str(name): float(noise) for name, noise in value["noise"].items()}
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise ResultDamagedError(f"{file(machine)} holds no noise: {error!r}") from None


def margins(limits: Thresholds, names: Sequence[str], noise: Mapping[str, float]) -> dict[str, float]:
    """Each benchmark's margin (excess over 1): its own or the common one, or its noise if that is larger."""
    return {name: max(limits.margins.get(name, limits.benchmark_margin), noise.get(name, 0.0)) for name in names}
