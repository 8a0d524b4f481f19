"""The `gate` command: is the candidate slower than the baseline? Its exit code is the verdict's (docs/gate.md)."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness import cli
from harness.console import console, out, say, warn
from harness.errors import UsageError
from harness.lock import clone_lock
from harness.runner import open_runner
from harness.variants import Profile, parse_profile
from perf import gate_run, gate_session, gate_sides, gate_store, gate_thresholds, gate_verdict
from perf.gate_session import Session, Setting
from perf.gate_sides import Wanted
from perf.gate_thresholds import Thresholds
from perf.suites import load_suite, select


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    made = argparse.ArgumentParser(prog="gate", description=__doc__)
    made.add_argument("--profile", default="fast", help="fast (default) or release")
    made.add_argument(
        "--suite", default="quick", help="the benchmarks: quick (default) or another of perf/suites.toml"
    )
    made.add_argument("--benchmarks", metavar="A,B", help="only these of the suite (then it is no merge verdict)")
    made.add_argument("--baseline", metavar="REV", help="the series at this git revision (default: upstream)")
    what = made.add_mutually_exclusive_group()
    what.add_argument("--planted", metavar="NAME", help="gate a known slowdown: 1.5%%, 3%%, 10%% (perf/planted/)")
    what.add_argument("--aa", action="store_true", help="gate the baseline against itself")
    what.add_argument("--analyse", type=Path, metavar="FOLDER", help="read a stored gate again; time nothing")
    made.add_argument(
        "--pairs",
        type=int,
        help="independent build pairs (default: 1; release: perf/thresholds.toml, 3 at least to merge)",
    )
    made.add_argument("--layouts", type=int, help="link orders of each build (default: one a block; release 1)")
    made.add_argument("--blocks", type=int, help="blocks before the first look (default: perf/thresholds.toml)")
    made.add_argument("--max-blocks", type=int, help="blocks at which an undecided gate is INCONCLUSIVE")
    made.add_argument(
        "--time-limit", type=float, metavar="SECONDS", help="start no block that would end later (0: none)"
    )
    made.add_argument(
        "--build-only", action="store_true", help="build what the gate needs and time nothing: that wants no quiet"
    )
    made.add_argument("--no-instructions", action="store_true", help="leave out the instruction counts")
    cli.add_place(made)
    return made


def setting(options: argparse.Namespace, limits: Thresholds) -> Setting:
    """The benchmarks and sizes that the options ask for; UsageError if they make no sense."""
    pairs = _pairs(options, limits)
    if options.layouts is not None and options.layouts < 1:
        raise UsageError(f"--layouts {options.layouts}: one layout or more")
    listed = load_suite(options.suite)
    chosen = select(listed, options.benchmarks.split(",") if options.benchmarks else None)
    return Setting(
        suite=options.suite,
        benchmarks=tuple(chosen),
        looks=gate_run.look_sizes(limits, options.blocks, options.max_blocks, pairs),
        profile=parse_profile(options.profile).value,
        seconds=_seconds(options.time_limit, limits),
        count=not options.no_instructions,
        whole_suite=len(chosen) == len(listed),
    )


def _pairs(options: argparse.Namespace, limits: Thresholds) -> int:
    """How many build pairs: what is asked for, else one, or of profile-guided builds those of the limits."""
    asked: int | None = options.pairs
    if asked is None:
        return limits.pairs_release if parse_profile(options.profile) is Profile.RELEASE else 1
    if asked < 1:
        raise UsageError(f"--pairs {asked}: one pair or more")
    return asked


def _seconds(asked: float | None, limits: Thresholds) -> float | None:
    """The time limit: what is asked for, that of the thresholds if nothing is, none for 0."""
    return (limits.blocks_seconds if asked is None else asked) or None


def kind(wanted: Wanted) -> str:
    """The kind of result: only the fork as it is against a baseline is a `gate`."""
    if wanted.same:
        return gate_store.SAME
    return gate_store.KIND if wanted.planted is None else gate_store.PLANTED


def main(argv: list[str]) -> int:
    """Hold a gate, or read a stored one again; print its table and its line; return the verdict's exit code."""
    options = parser().parse_args(argv)
    limits = gate_thresholds.load()
    if options.analyse is not None:
        if options.build_only:
            raise UsageError("--build-only and --analyse: a stored gate needs no builds")
        return _analyse(options.analyse, limits)
    asked = setting(options, limits)
    profile = parse_profile(options.profile)
    layouts = gate_sides.layouts(profile, options.layouts, asked.looks[-1], limits)
    wanted = Wanted(profile, options.baseline, options.planted, options.aa, _pairs(options, limits), layouts)
    with clone_lock("gate"), open_runner(docker=options.docker) as runner:
        sides = gate_sides.prepare(wanted, runner)
        if options.build_only:
            say(f"{len(sides.executables)} executables a side are there, none is timed")
            return 0
        store, verdict = gate_session.hold(Session(runner, sides, asked, limits, kind(wanted)))
    for warning in verdict["warnings"]:
        warn(warning)
    console.print(gate_verdict.table(verdict))
    say(f"stored in {store.folder}")
    out.print(gate_verdict.line(verdict), markup=False)
    return int(verdict["exit_code"])


def _analyse(folder: Path, limits: Thresholds) -> int:
    done, _plan = gate_session.analyse(folder, limits)
    for reason in done.outcome.reasons:
        say(reason)
    out.print(done.outcome.verdict.value)
    return int(done.outcome.verdict.exit_code)
