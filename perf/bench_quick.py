"""`bench quick`: our benchmarks on upstream and fork, in the gate's blocks, as a table of ratios with intervals.

It measures as the gate does and decides nothing: few blocks, no error spending, no second look.
"""

from __future__ import annotations

import argparse
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.console import console, out, progress, say
from harness.errors import BenchmarkFailedError, Exit
from perf import bench_sides, bench_store, blocks, machine, stats, suites, worker
from perf.bench_sides import Side
from perf.bench_store import Store
from perf.blocks import Unit
from perf.suites import Benchmark
from perf.worker import Status

KIND = "quick"
BLOCKS = (4, 2)  # full, fast
LEVEL = 0.025  # each side of a 95% interval


@dataclass(frozen=True, slots=True)
class Ratio:
    """Fork time over upstream time with its 95% interval (None: too few blocks), or why there is none."""

    name: str
    ratio: float | None
    low: float | None
    high: float | None
    blocks: int
    error: str | None

    def to_json(self) -> dict[str, Any]:
        """The ratio as a JSON object."""
        return {field: getattr(self, field) for field in self.__slots__}


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is measured on what: both sides, the benchmarks, where it is stored, the core that is timed."""

    upstream: Side
    fork: Side
    benchmarks: Sequence[Benchmark]
    store: Store
    core: int

    def plan(self) -> dict[str, Any]:
        """Seed, loop counts and calibration failures: drawn and measured once, then stored."""
        stored = self.store.get("plan")
        if stored is not None:
            return stored
        loops, failed = {}, {}
        for benchmark in self.benchmarks:
            try:
                loops[benchmark.name] = worker.calibrate(
                    self.upstream.runner, self.upstream.python, benchmark, core=self.core, raw=self.store.raw
                )
            except BenchmarkFailedError as problem:
                failed[benchmark.name] = str(problem)
        plan = {"seed": secrets.randbits(32), "loops": loops, "failed": failed}
        self.store.put("plan", plan)
        return plan

    def time(self, arm: str, benchmark: Benchmark, seed: int, loops: int) -> Unit:
        """One process of an arm: A and C are upstream, B is the fork."""
        side = self.fork if arm == "B" else self.upstream
        sample = worker.run_worker(
            side.runner,
            side.python,
            benchmark,
            loops=loops,
            hashseed=seed,
            core=self.core,
            raw=self.store.raw,
        )
        raw = {"file": Path(sample.raw).name, "values": list(sample.values)}
        return Unit(arm, seed, loops, sample.status, sample.mean_log, sample.error or "", raw)


def measure(experiment: Experiment, count: int) -> dict[str, list[blocks.Measured]]:
    """The cells of `count` blocks by benchmark; those stored already are read, the rest measured."""
    plan = experiment.plan()
    by_name = {benchmark.name: benchmark for benchmark in experiment.benchmarks}
    names = sorted(plan["loops"])
    found: dict[str, list[blocks.Measured]] = {name: [] for name in names}
    with progress() as shown:
        task = shown.add_task(KIND, total=count * len(names))
        for number in range(count):
            for cell in blocks.draw_block(plan["seed"], number, 0, names) if names else []:
                shown.update(task, description=f"block {number + 1}/{count} {cell.benchmark}")
                found[cell.benchmark].append(_cell(experiment, cell, by_name, plan["loops"]))
                shown.advance(task)
    return found


def _cell(
    experiment: Experiment, cell: blocks.Cell, by_name: Mapping[str, Benchmark], loops: Mapping[str, int]
) -> blocks.Measured:
    key = f"{cell.benchmark}-{cell.block}"
    stored = experiment.store.get(key)
    if stored is not None:
        return blocks.from_json(stored, experiment.store.folder / key)
    measured = blocks.measure(
        cell, lambda arm, _pair, name, seed: experiment.time(arm, by_name[name], seed, int(loops[name]))
    )
    experiment.store.put(key, blocks.to_json(measured))
    return measured


def compare(name: str, cells: Sequence[blocks.Measured]) -> Ratio:
    """The ratio of one benchmark over its cells; a cell that failed makes it an error."""
    for cell in cells:
        failure = cell.failure
        if failure is not None:
            side = "fork" if failure.arm == "B" else "upstream"
            return Ratio(name, None, None, None, len(cells), f"{side} {failure.status}: {failure.detail}")
    return _ratio(name, [stats.contrast(cell.log_times())[0] for cell in cells])


def _ratio(name: str, effects: Sequence[float]) -> Ratio:
    if not effects:
        return Ratio(name, None, None, None, 0, "no blocks")
    if len(effects) == 1:
        return Ratio(name, math.exp(effects[0]), None, None, 1, None)
    estimate = stats.estimate(effects)
    low, high = estimate.interval(LEVEL)
    return Ratio(name, math.exp(estimate.mean), math.exp(low), math.exp(high), len(effects), None)


def over_suite(found: Mapping[str, Sequence[blocks.Measured]], count: int) -> Ratio:
    """The geometric mean over the benchmarks that succeeded, block by block; how many failed is in `error`."""
    good = {name: cells for name, cells in found.items() if compare(name, cells).error is None}
    if not good:
        return Ratio("geometric mean", None, None, None, 0, "no benchmark succeeded")
    means = [
        sum(stats.contrast(cells[number].log_times())[0] for cells in good.values()) / len(good)
        for number in range(count)
    ]
    return _ratio("geometric mean", means)


def _rows(found: Mapping[str, Sequence[blocks.Measured]]) -> list[dict[str, Any]]:
    """Median seconds a loop by benchmark and implementation, in the form of the other suites' rows."""
    rows = []
    for name, cells in found.items():
        for implementation, arms in (("upstream", "AC"), ("fork", "B")):
            units = [unit for cell in cells for unit in cell.units if unit.arm in arms]
            good = [math.exp(unit.mean_log) for unit in units if unit.mean_log is not None]
            bad = [unit.detail for unit in units if unit.status is not Status.OK]
            rows.append(
                {
                    "workload": name,
                    "implementation": implementation,
                    "mode": "sequential",
                    "workers": 1,
                    "seconds": good,
                    "rate": len(good) / sum(good) if good else None,
                    "unit": "loops/s",
                    "speedup": None,
                    "error": bad[0] if bad else None,
                }
            )
    return rows


def table(ratios: Sequence[Ratio]) -> Table:
    """One line a benchmark: fork time over upstream time, below 1 is faster."""
    shown = Table(title="fork / upstream (below 1 is faster)")
    for heading in ("benchmark", "ratio", "95% interval", "blocks"):
        shown.add_column(heading, justify="left" if heading == "benchmark" else "right")
    for one in ratios:
        interval = "" if one.low is None or one.high is None else f"{one.low:.3f} - {one.high:.3f}"
        ratio = "[red]failed[/]" if one.ratio is None else f"{one.ratio:.3f}"
        shown.add_row(one.name, ratio, interval, str(one.blocks))
    return shown


def run(options: argparse.Namespace) -> int:
    """Measure, store and show; exit code 5 if a benchmark failed."""
    wanted = options.benchmarks.split(",") if options.benchmarks else None
    listed = suites.select(suites.load_suite(options.suite), wanted)
    count = options.blocks or BLOCKS[options.fast]
    with bench_sides.opened(options) as (upstream, fork):
        inputs = {
            "suite": options.suite,
            "benchmarks": [benchmark.name for benchmark in listed],
            "blocks": count,
            "binaries": {side.name: side.identity() for side in (upstream, fork)},
        }
        store = bench_store.opened(KIND, inputs, fresh=options.fresh)
        state = machine.state()
        experiment = Experiment(upstream, fork, listed, store, machine.timing_core(state))
        found = measure(experiment, count)
        failed = experiment.plan()["failed"]
        provenance = {side.name: dict(side.provenance) for side in (upstream, fork)}
    ratios = [compare(name, cells) for name, cells in found.items()]
    ratios += [Ratio(name, None, None, None, 0, reason) for name, reason in failed.items()]
    suite = over_suite(found, count)
    main = store.finish(
        {
            "suite": suite.to_json(),
            "benchmarks": [one.to_json() for one in ratios],
            "rows": _rows(found),
            "machine": state,
            "provenance": provenance,
        }
    )
    out.print(table([*ratios, suite]))
    broken = [one for one in ratios if one.error]
    for one in broken:
        console.print(f"[bold red]failed:[/] {escape(one.name)}: {escape(one.error or '')}")
    say(f"result: {main}")
    return int(Exit.MISSING if broken else Exit.OK)
