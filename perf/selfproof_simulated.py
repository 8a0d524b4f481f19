"""The simulated half of the self-proof: invented machines, each with what the gate ought to say about them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from perf import gate_run, simulate
from perf.gate_thresholds import Thresholds
from perf.simulate import Machine

BENCHMARK = "bm03"  # the one that is slowed alone


@dataclass(frozen=True, slots=True)
class Scenario:
    """A machine, in words, and over how many build pairs and layouts of each it is gated."""

    what: str
    machine: Machine = field(default_factory=Machine)
    pairs: int = 1
    layouts: int = 1


def _slow(percent: float) -> float:
    return math.log1p(percent / 100)


SCENARIOS = (
    Scenario("nothing changed"),
    Scenario("nothing changed, loud machine (processes stray by 3%)", Machine(process=0.03)),
    Scenario("nothing changed, strong drift and a slot bias of 1%", Machine(drift=0.01, slot=0.01)),
    Scenario("everything 0.5% slower", Machine(effect=_slow(0.5))),
    Scenario("everything 1% slower: at the margin", Machine(effect=_slow(1))),
    Scenario("everything 1.3% slower", Machine(effect=_slow(1.3))),
    Scenario("everything 1.5% slower", Machine(effect=_slow(1.5))),
    Scenario("everything 3% slower", Machine(effect=_slow(3))),
    Scenario("everything 3% slower, loud machine", Machine(effect=_slow(3), process=0.03)),
    Scenario("one benchmark of 24 3% slower", Machine(single={BENCHMARK: _slow(3)})),
    Scenario("one benchmark of 24 5% slower", Machine(single={BENCHMARK: _slow(5)})),
    Scenario("one benchmark of 24 10% slower", Machine(single={BENCHMARK: _slow(10)})),
    Scenario("control arm 0.5% slower", Machine(control=_slow(0.5))),
    Scenario("control arm 1% slower", Machine(control=_slow(1))),
    Scenario("nothing changed, builds stray by 1%, 3 pairs", Machine(pair=0.01), 3),
    Scenario("nothing changed, builds stray by 0.3%, 3 pairs", Machine(pair=0.003), 3),
    Scenario("everything 3% slower, builds stray by 0.3%, 3 pairs", Machine(effect=_slow(3), pair=0.003), 3),
    Scenario("nothing changed, link orders stray by 2%, one of them", Machine(layout=0.02)),
    Scenario("nothing changed, link orders stray by 2%, 20 of them", Machine(layout=0.02), layouts=20),
    Scenario("everything 3% slower, link orders stray by 2%, 20 of them", Machine(_slow(3), layout=0.02), layouts=20),
    Scenario(
        "one benchmark of 24 5% slower, link orders stray by 2%, 20 of them",
        Machine(single={BENCHMARK: _slow(5)}, layout=0.02),
        layouts=20,
    ),
)


def row(scenario: Scenario, limits: Thresholds, runs: int, seed: int = 1) -> dict[str, Any]:
    """`runs` simulated gates of one scenario, seeds from `seed` on: verdicts, reported benchmarks, intervals."""
    looks = gate_run.look_sizes(limits, None, None, scenario.pairs)
    pairs, layouts = scenario.pairs, scenario.layouts
    found = simulate.tally(scenario.machine, limits, looks, runs, seed=seed, pairs=pairs, layouts=layouts)
    return {
        "what": scenario.what,
        "pairs": pairs,
        "layouts": layouts,
        "looks": list(looks),
        "seed": seed,
        **asdict(found),
    }


def rows(limits: Thresholds, runs: int, done: Callable[[], None]) -> list[dict[str, Any]]:
    """All scenarios; `done` is called after each. No two share a seed, so that their counts may be added up."""
    found = []
    for number, scenario in enumerate(SCENARIOS):
        found.append(row(scenario, limits, runs, 1 + number * runs))
        done()
    return found
