"""One gate from its two sides to verdict.json: plan (new or resumed), timing of real processes, counts, verdict."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.console import progress, say, warn
from harness.errors import BenchmarkFailedError, EnvironmentFailure, UnequalResultsError
from perf import cachegrind, gate_noise, gate_run, gate_store, gate_verdict, machine, worker
from perf.blocks import Measured, Timer, Unit
from perf.gate_run import Conducted, Experiment
from perf.gate_sides import Sides
from perf.gate_store import Plan, Store
from perf.gate_thresholds import Thresholds
from perf.gate_verdict import Facts
from perf.suites import Benchmark

if TYPE_CHECKING:
    from harness.runner import Runner

LISTEN = 2.0  # seconds over which the machine's other work is measured before a gate
PGO = "release"
FEWEST_PAIRS = 3


@dataclass(frozen=True, slots=True)
class Setting:
    """What a gate is asked to do with its sides: benchmarks, looks (blocks), time limit (s), counts or not."""

    suite: str
    benchmarks: tuple[Benchmark, ...]
    looks: tuple[int, ...]
    profile: str
    seconds: float | None = None
    count: bool = True
    whole_suite: bool = True


@dataclass(frozen=True, slots=True)
class Session:
    """A gate under way."""

    runner: Runner
    sides: Sides
    setting: Setting
    limits: Thresholds
    kind: str = gate_store.KIND

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the benchmarks."""
        return tuple(benchmark.name for benchmark in self.setting.benchmarks)


def hold(session: Session) -> tuple[Store, dict[str, Any]]:
    """Hold the gate and return where it is stored and its verdict; equal sides are not timed, except for A/A."""
    started = time.monotonic()
    hashes = _hashes(session.sides)
    if session.kind != gate_store.SAME and all(baseline == candidate for baseline, candidate in hashes):
        store = gate_store.new(session.kind)
        facts = _facts(session, {}, {}, [], {}, time.monotonic() - started)
        verdict = gate_verdict.equal_to_json(facts, session.limits)
    else:
        store, plan = _plan(session, hashes)
        verdict = _measured(session, store, plan, started)
    store.save_verdict(verdict)
    return store, verdict


def _hashes(sides: Sides) -> list[tuple[str, str]]:
    return [
        (cachegrind.interpreter_hash(baseline.python), cachegrind.interpreter_hash(candidate.python))
        for baseline, candidate in sides.executables
    ]


def _plan(session: Session, hashes: Sequence[tuple[str, str]]) -> tuple[Store, Plan]:
    """The plan of a gate that was stopped and measured the same, else a new one with freshly calibrated loops."""
    setting = session.setting
    inputs = {
        "baseline": session.sides.baseline,
        "candidate": session.sides.candidate,
        "interpreters": hashes,
        "profile": setting.profile,
        "suite": setting.suite,
        "benchmarks": {one.name: cachegrind.benchmark_hash(one) for one in setting.benchmarks},
        "looks": setting.looks,
        "layouts": session.sides.layouts,
        "runner": session.runner.kind,
        "process": {"values": worker.VALUES, "warmups": worker.WARMUPS, "seconds": _targets(setting.benchmarks)},
    }
    inputs = json.loads(json.dumps(inputs))
    store = gate_store.resumable(session.kind, inputs)
    if store is not None:
        say(f"going on with the gate in {store.folder}")
        return store, store.plan()
    found = {**machine.state(), "busy_cores": machine.busy_cores(LISTEN)}
    loops, failed = _calibrated(session, machine.timing_core(found))
    plan = Plan(inputs, secrets.randbits(63), loops, failed, found)
    store = gate_store.new(session.kind)
    store.save_plan(plan)
    return store, plan


def _targets(benchmarks: Sequence[Benchmark]) -> dict[str, float]:
    return {one.name: one.target_seconds for one in benchmarks}


def _calibrated(session: Session, core: int) -> tuple[dict[str, int], dict[str, str]]:
    """Loops by benchmark, from the first baseline; and the reason for each that could not be calibrated."""
    loops: dict[str, int] = {}
    failed: dict[str, str] = {}
    with progress() as bar:
        task = bar.add_task("calibrating", total=len(session.setting.benchmarks))
        for benchmark in session.setting.benchmarks:
            try:
                loops[benchmark.name] = worker.calibrate(
                    session.runner, session.sides.python("A", 0), benchmark, core=core
                )
            except BenchmarkFailedError as problem:
                failed[benchmark.name] = str(problem)
            bar.advance(task)
    return loops, failed


def _measured(session: Session, store: Store, plan: Plan, started: float) -> dict[str, Any]:
    core = machine.timing_core(plan.machine)
    identity = machine.identity(plan.machine)
    noise = gate_noise.load(identity)
    margins = gate_noise.margins(session.limits, session.names, noise)
    with machine.tuned() as tuning, _Shown(session.setting.looks[-1] * len(session.names)) as shown:
        done = gate_run.conduct(
            Experiment(
                names=session.names,
                seed=plan.seed,
                looks=session.setting.looks,
                limits=session.limits,
                margins=margins,
                timer=_timer(session, plan, core, store.folder / "raw"),
                pairs=session.sides.pairs,
                layouts=session.sides.layouts,
                failed=plan.failed,
                seconds=session.setting.seconds,
                record=store,
                notice=shown.cell,
            )
        )
    after = machine.state()
    warnings = [*machine.warnings(plan.machine, after, session.limits.machine_busy), *tuning.notes]
    counts, uncounted = _counts(session) if session.setting.count else ({}, [])
    found = {
        **plan.machine,
        "id": identity,
        "core": core,
        "loadavg_after": after["loadavg"],
        "tuned": {str(path): before for path, before in tuning.changed.items()},
        "learned_noise": noise,
    }
    facts = _facts(session, margins, found, [*warnings, *uncounted], counts, time.monotonic() - started)
    return gate_verdict.to_json(done, facts, session.limits, session.names)


def _timer(session: Session, plan: Plan, core: int, raw: Path) -> Timer:
    by_name = {benchmark.name: benchmark for benchmark in session.setting.benchmarks}

    def time_one(arm: str, pair: int, benchmark: str, hashseed: int) -> Unit:
        loops = plan.loops[benchmark]
        sample = worker.run_worker(
            session.runner,
            session.sides.python(arm, pair),
            by_name[benchmark],
            loops=loops,
            hashseed=hashseed,
            core=core,
            raw=raw,
        )
        return Unit(
            arm, hashseed, loops, sample.status, sample.mean_log, sample.error or "", _taken(Path(sample.raw))
        )

    return time_one


def _taken(file: Path) -> Mapping[str, Any] | None:
    """pyperf's JSON, moved from its file into the cell; None for a process that left none, or half of one."""
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    file.unlink()
    return found


def _counts(session: Session) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Instruction counts of the first build pair; without valgrind a warning instead."""
    say("counting instructions under cachegrind")
    sides = [session.sides.python(arm, 0) for arm in "AB"]
    try:
        counted, problems = cachegrind.compare(session.runner, sides[0], sides[1], session.setting.benchmarks)
    except EnvironmentFailure as problem:
        return {}, [f"no instruction counts: {problem}"]
    return {name: one.to_json() for name, one in counted.items()}, problems


def _facts(
    session: Session,
    margins: Mapping[str, float],
    found: Mapping[str, Any],
    warnings: Sequence[str],
    counts: Mapping[str, Mapping[str, Any]],
    seconds: float,
) -> Facts:
    setting, pairs = session.setting, session.sides.pairs
    said = list(warnings)
    if setting.profile == PGO and pairs < FEWEST_PAIRS:
        said.append(
            f"not a merge verdict: profile-guided builds differ from each other; that takes --pairs {FEWEST_PAIRS}"
        )
    if not setting.whole_suite:
        said.append("not a merge verdict: only some benchmarks of the suite were timed")
    return Facts(
        profile=setting.profile,
        baseline=session.sides.baseline,
        candidate=session.sides.candidate,
        suite=setting.suite,
        build_pairs=pairs,
        layouts=session.sides.layouts,
        margins=margins,
        machine=found,
        warnings=said,
        provenance=session.sides.provenance(),
        instructions=counts,
        seconds=seconds,
    )


class _Shown:
    """The progress display of a gate."""

    def __init__(self, cells: int) -> None:
        self._bar = progress()
        self._task = self._bar.add_task("block 1", total=cells)

    def __enter__(self) -> _Shown:
        self._bar.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._bar.stop()

    def cell(self, series: str, measured: Measured) -> None:
        """One more cell is there."""
        label = f"block {measured.cell.block + 1}" if series == gate_run.MAIN else f"rerun {measured.cell.benchmark}"
        self._bar.update(self._task, description=label, advance=int(series == gate_run.MAIN))
        if measured.failure is not None:
            warn(f"{measured.cell.benchmark} {measured.failure.status}: {measured.failure.detail}")


# --- read again ----------------------------------------------------------------------------------------------------


def analyse(folder: Path, limits: Thresholds) -> tuple[Conducted, Plan]:
    """Read a stored gate again, with today's thresholds and nothing timed.

    ResultMissingError, ResultDamagedError or UnequalResultsError if the stored cells are not a whole experiment.
    """
    store = Store(folder)
    plan = store.plan()
    names = tuple(plan.inputs["benchmarks"])
    blocks = sorted(int(path.name) for path in (folder / gate_run.MAIN).glob("[0-9]*"))
    if not blocks:
        raise UnequalResultsError(f"{folder} holds no block")
    identity = machine.identity(plan.machine)
    layouts = int(plan.inputs.get("layouts", 1))
    experiment = Experiment(
        names=names,
        seed=plan.seed,
        looks=tuple(plan.inputs["looks"]),
        limits=limits,
        margins=gate_noise.margins(limits, names, gate_noise.load(identity)),
        timer=_refuse(folder),
        pairs=len(plan.inputs["interpreters"]) // layouts,
        layouts=layouts,
        failed=plan.failed,
        most=blocks[-1] + 1,
        record=store,
    )
    return gate_run.conduct(experiment), plan


def _refuse(folder: Path) -> Timer:
    def time_none(arm: str, pair: int, benchmark: str, hashseed: int) -> Unit:
        raise UnequalResultsError(f"unequal results: {folder} lacks measurements of {benchmark} that its blocks need")

    return time_none
