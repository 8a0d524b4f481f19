"""Made machines, cells and interpreters for the tests of the gate."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from perf import gate_thresholds
from perf.blocks import Timer, Unit
from perf.gate_run import Conducted, Experiment, conduct
from perf.worker import Status

LIMITS = gate_thresholds.load()
NAMES = tuple(f"bm{n}" for n in range(6))
LOOKS = (10, 15, 20)


def timing(
    effect: Mapping[str, float] | float = 0.0,
    *,
    control: float = 0.0,
    noise: float = 0.002,
    broken: Mapping[tuple[str, str], Status] | None = None,
    seed: int = 1,
) -> Timer:
    """A timer whose candidate is slower by `effect` (log; of one benchmark or all); `broken`: (name, arm) -> how."""
    rng = random.Random(seed)

    def time_one(arm: str, pair: int, benchmark: str, hashseed: int) -> Unit:
        status = (broken or {}).get((benchmark, arm), Status.OK)
        if status is not Status.OK:
            return Unit(arm, hashseed, 1, status, None, "by SIGSEGV")
        own = effect if isinstance(effect, float) else effect.get(benchmark, 0.0)
        shift = {"A": 0.0, "B": own, "C": control}[arm]
        return Unit(arm, hashseed, 1, Status.OK, rng.gauss(shift, noise))

    return time_one


def counted(timer: Timer) -> tuple[Timer, Callable[[], int]]:
    """The timer, and how often it was called so far."""
    calls = 0

    def counting(arm: str, pair: int, benchmark: str, seed: int) -> Unit:
        nonlocal calls
        calls += 1
        return timer(arm, pair, benchmark, seed)

    return counting, lambda: calls


def experiment(timer: Timer, **changes: object) -> Experiment:
    """An experiment of six benchmarks under the project's own thresholds."""
    margins = dict.fromkeys(NAMES, LIMITS.benchmark_margin)
    given: dict[str, object] = {"names": NAMES, "seed": 1, "looks": LOOKS, "limits": LIMITS, "margins": margins}
    return Experiment(timer=timer, **{**given, **changes})  # type: ignore[arg-type]


def held(timer: Timer, **changes: object) -> Conducted:
    """A gate with `timer`, conducted."""
    return conduct(experiment(timer, **changes))
