"""The judges of `bisect`: is a build good or bad by one test, by a benchmark's time, or by its instruction count?"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.build import Built
from harness.runner import Runner
from perf import cachegrind, stats
from perf.bisect_search import Judgement
from perf.fork_tests import run_named
from perf.suites import Benchmark
from perf.worker import calibrate, run_worker

# Numbers of blocks after which the judge looks, and the error that it may make on each side over all looks.
LOOKS = (6, 12, 24)
ALPHA = 0.005
ORDERS = ("ABBA", "BAAB")


@dataclass(frozen=True, slots=True)
class Opinion:
    """A judgement and the reason for it."""

    judgement: Judgement
    reason: str


class Judge(Protocol):
    """`target` names what is judged, with all that the judgement depends on beside the build."""

    @property
    def target(self) -> str:
        """What is judged."""
        ...

    def __call__(self, built: Built, tree: Path) -> Opinion:
        """Judge one build and the source tree that it was made from."""
        ...


@dataclass(frozen=True, slots=True)
class ByTest:
    """Bad: the test fails. Skip: it does not exist, or is skipped, in that build."""

    name: str
    runner: Runner

    @property
    def target(self) -> str:
        """The test."""
        return f"test {self.name}"

    def __call__(self, built: Built, tree: Path) -> Opinion:
        """Run the test alone."""
        found = run_named([self.name], built, tree, self.runner)
        if found["missing"]:
            return Opinion(Judgement.SKIP, "there is no such test in this build")
        if found["failed"]:
            return Opinion(Judgement.BAD, f"failed: {', '.join(found['failures'])}")
        if not found["passed"]:
            return Opinion(Judgement.SKIP, "the test is skipped")
        return Opinion(Judgement.GOOD, "passed")


@dataclass(frozen=True, slots=True)
class ByCount:
    """Bad: instructions / upstream's instructions are above 1 + threshold."""

    benchmark: Benchmark
    threshold: float
    upstream: Path
    runner: Runner
    reference: list[int] = field(default_factory=list)

    @property
    def target(self) -> str:
        """Benchmark and threshold."""
        return f"instructions of {self.benchmark.name} > {self.threshold:+.3%}"

    def __call__(self, built: Built, tree: Path) -> Opinion:
        """Count both (upstream once)."""
        if not self.reference:
            self.reference.append(cachegrind.instructions(self.runner, self.upstream, self.benchmark))
        ratio = cachegrind.instructions(self.runner, built.python, self.benchmark) / self.reference[0]
        judgement = Judgement.BAD if ratio > 1 + self.threshold else Judgement.GOOD
        return Opinion(judgement, f"{ratio:.4f} of upstream's instructions")


@dataclass(frozen=True, slots=True)
class ByTime:
    """Bad: slower than upstream by more than the threshold, with confidence; skip: undecided after the last block."""

    benchmark: Benchmark
    threshold: float
    upstream: Path
    runner: Runner
    core: int = 0
    loops: list[int] = field(default_factory=list)

    @property
    def target(self) -> str:
        """Benchmark and threshold."""
        return f"time of {self.benchmark.name} > {self.threshold:+.3%}"

    def __call__(self, built: Built, tree: Path) -> Opinion:
        """Time both in random ABBA and BAAB blocks until it is decided."""
        if not self.loops:
            self.loops.append(calibrate(self.runner, self.upstream, self.benchmark, core=self.core))
        draw = random.Random(f"{self.target} {built.provenance['input_hash']}")
        return decide(lambda: self._block(built.python, draw), math.log1p(self.threshold))

    def _block(self, candidate: Path, draw: random.Random) -> float:
        """The log ratio of one block."""
        times: dict[str, list[float]] = {"A": [], "B": []}
        seeds = {position: draw.randrange(2**32) for position in range(2)}
        for slot, arm in enumerate(draw.choice(ORDERS)):
            sample = run_worker(
                self.runner,
                self.upstream if arm == "A" else candidate,
                self.benchmark,
                loops=self.loops[0],
                hashseed=seeds[slot // 2],
                core=self.core,
            )
            if sample.mean_log is None:
                raise BlockFailed(sample.error or "no result")
            times[arm].append(sample.mean_log)
        return sum(times["B"]) / 2 - sum(times["A"]) / 2


class BlockFailed(Exception):
    """A process of a block gave no time; its text says why."""


def decide(block: Callable[[], float], bound: float) -> Opinion:
    """Draw blocks (log ratios) until their mean is surely above or below `bound`, or the last look is past."""
    values: list[float] = []
    for look, level in zip(LOOKS, stats.look_levels(ALPHA, LOOKS), strict=True):
        try:
            while len(values) < look:
                values.append(block())
        except BlockFailed as problem:
            return Opinion(Judgement.BAD, f"the benchmark fails: {problem}")
        found = stats.estimate(values)
        low, high = (math.exp(end) for end in found.interval(0.025))
        told = f"{math.exp(found.mean):.4f} of upstream's time [{low:.4f}, {high:.4f}], {look} blocks"
        if found.p_above(bound) <= level:
            return Opinion(Judgement.BAD, told)
        if found.p_below(bound) <= level:
            return Opinion(Judgement.GOOD, told)
    return Opinion(Judgement.SKIP, f"undecided: {told}")
