"""The `selfproof` command: the gate's own error rates, simulated, from real A/A gates, and from planted slowdowns.

Real gates here are small (a few benchmarks of the suite, all else as in any gate), so that twenty fit into half an
hour: less averaging over benchmarks makes them harder to pass, not easier. Whatever is done is kept after each gate;
the same command goes on after an interruption. It needs a quiet machine.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import atomic, cli, paths, results
from harness.console import out, progress, say
from harness.errors import UsageError
from harness.lock import clone_lock
from harness.runner import open_runner
from harness.series import load, series_hash
from harness.variants import Profile
from perf import (
    gate_noise,
    gate_planted,
    gate_run,
    gate_session,
    gate_sides,
    gate_store,
    gate_thresholds,
    selfproof_simulated,
    selfproof_table,
)
from perf.gate_session import Session, Setting
from perf.gate_sides import Sides, Wanted
from perf.gate_thresholds import Thresholds
from perf.suites import load_suite, select

if TYPE_CHECKING:
    from harness.runner import Runner

KIND = "selfproof"
STATE = "state.json"
MAIN = "selfproof.json"
SUITE = "quick"
BENCHMARKS = "call_method,dict_ops,generators,json_dumps,startup"
SAME = "nothing changed"


@dataclass(slots=True)
class Proof:
    """A self-proof under way: its folder, what it is asked for, and what is done so far."""

    folder: Path
    inputs: Mapping[str, Any]
    simulated: list[dict[str, Any]] = field(default_factory=list)
    gates: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def keep(self) -> None:
        """Write what is done so far."""
        atomic.write_json(
            self.folder / STATE, {"inputs": self.inputs, "simulated": self.simulated, "gates": self.gates}
        )

    def finish(self) -> None:
        """Write selfproof.json and the tables."""
        same = self.gates.get(SAME, [])
        value = {"schema": 1, "kind": KIND, "inputs": self.inputs, "simulated": self.simulated, "gates": self.gates}
        atomic.write_json(self.folder / MAIN, {**value, "rates": selfproof_table.rates(same) if same else None})
        atomic.write_text(self.folder / "selfproof.md", self.markdown() + "\n")

    def markdown(self) -> str:
        """The tables of what is done."""
        parts = [selfproof_table.simulated(self.simulated)] if self.simulated else []
        return "\n\n".join([*parts, *([selfproof_table.real(self.gates)] if self.gates else [])])


def opened(inputs: Mapping[str, Any]) -> Proof:
    """The newest self-proof of the same inputs that was stopped, else a new one."""
    for path in sorted(paths.results_dir().glob(f"*-{KIND}-*/{STATE}"), reverse=True):
        found = atomic.read_json(path)
        if not (path.parent / MAIN).exists() and found["inputs"] == dict(inputs):
            say(f"going on with {path.parent}")
            return Proof(path.parent, inputs, found["simulated"], found["gates"])
    return Proof(results.new(KIND), inputs)


def simulate_all(proof: Proof, limits: Thresholds, runs: int) -> None:
    """All scenarios, if they are not there yet."""
    if proof.simulated or runs == 0:
        return
    with progress() as bar:
        task = bar.add_task("simulating", total=len(selfproof_simulated.SCENARIOS))
        proof.simulated = selfproof_simulated.rows(limits, runs, lambda: bar.advance(task))
    proof.keep()


def hold_until(proof: Proof, what: str, runs: int, hold: Callable[[], Mapping[str, Any]]) -> None:
    """Hold gates until `runs` of kind `what` are there, each kept as it ends."""
    gates = proof.gates.setdefault(what, [])
    while len(gates) < runs:
        say(f"{what}: gate {len(gates) + 1} of {runs}")
        gates.append(summary(hold()))
        proof.keep()


def summary(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What of a gate the self-proof keeps."""
    suite = verdict["suite"] or dict.fromkeys(("ratio", "low", "high", "mde", "blocks"))
    return {
        "verdict": verdict["verdict"],
        "reasons": verdict["reasons"],
        "seconds": verdict["seconds"],
        "machine": verdict["machine"]["id"],
        "warnings": verdict["warnings"],
        "benchmarks": [
            {"name": one["name"], "ratio": one["ratio"], "status": one["status"]} for one in verdict["benchmarks"]
        ],
        **{key: suite[key] for key in ("ratio", "low", "high", "mde", "blocks")},
    }


def _holder(
    runner: Runner, sides: Sides, options: argparse.Namespace, limits: Thresholds, kind: str
) -> Callable[[], Mapping[str, Any]]:
    listed = load_suite(SUITE)
    chosen = listed if options.benchmarks == "all" else select(listed, options.benchmarks.split(","))
    setting = Setting(
        suite=SUITE,
        benchmarks=tuple(chosen),
        looks=gate_run.look_sizes(limits, None, None, 1),
        profile=options.profile,
        count=False,
        whole_suite=len(chosen) == len(listed),
    )
    return lambda: gate_session.hold(Session(runner, sides, setting, limits, kind))[1]


def hold_all(proof: Proof, runner: Runner, options: argparse.Namespace, limits: Thresholds) -> None:
    """The real gates: A/A, then each planted slowdown."""
    profile = Profile(options.profile)
    layouts = gate_sides.layouts(profile, None, limits.blocks_most, limits)
    if options.real:
        sides = gate_sides.prepare(Wanted(profile, same=True, layouts=layouts), runner)
        hold_until(proof, SAME, options.real, _holder(runner, sides, options, limits, gate_store.SAME))
        learn(proof.gates[SAME])
    for name in options.planted:
        sides = gate_sides.prepare(Wanted(profile, planted=name, layouts=layouts), runner)
        what = f"{name} planted"
        hold_until(proof, what, options.planted_runs, _holder(runner, sides, options, limits, gate_store.PLANTED))


def learn(same: list[dict[str, Any]]) -> None:
    """Keep the noise of this machine, if there are gates enough to learn it from."""
    if len(same) >= gate_noise.FEWEST:
        noise = gate_noise.learn(same)
        path = gate_noise.save(same[0]["machine"], noise, len(same))
        say(f"noise of this machine: up to {max(noise.values(), default=math.nan):.2%}, kept in {path}")


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    made = argparse.ArgumentParser(prog="selfproof", description="Measure the gate's own error rates.")
    made.add_argument("--simulated", type=int, default=200, metavar="RUNS", help="gates a scenario (default 200)")
    made.add_argument("--real", type=int, default=20, metavar="RUNS", help="real A/A gates (default 20)")
    made.add_argument("--planted", default="1.5%,3%,10%", metavar="NAMES", help="slowdowns, or 'none'")
    made.add_argument("--planted-runs", type=int, default=3, metavar="RUNS", help="gates a slowdown (default 3)")
    made.add_argument("--benchmarks", default=BENCHMARKS, metavar="A,B", help="of the quick suite, or 'all'")
    made.add_argument("--profile", default="fast")
    cli.add_place(made)
    return made


def main(argv: list[str]) -> int:
    """Do what is asked of the three parts, write selfproof.json and selfproof.md, print the tables."""
    options = parser().parse_args(argv)
    if min(options.simulated, options.real, options.planted_runs) < 0:
        raise UsageError("numbers of runs cannot be negative")
    options.planted = [] if options.planted in ("", "none") else options.planted.split(",")
    for name in options.planted:
        gate_planted.find(name)
    limits = gate_thresholds.load()
    asked = {key: value for key, value in vars(options).items() if key != "docker"}
    inputs = {**asked, "thresholds": gate_thresholds.digest(), "series": series_hash(load())}
    with clone_lock("selfproof"):
        proof = opened(inputs)
        simulate_all(proof, limits, options.simulated)
        if options.real or options.planted:
            with open_runner(docker=options.docker) as runner:
                hold_all(proof, runner, options, limits)
        proof.finish()
    out.print(proof.markdown(), markup=False)
    say(f"stored in {proof.folder}")
    return 0
