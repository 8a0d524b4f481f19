"""`bisect`: which patch broke a test or slowed a benchmark; binary search over the series, built step by step.

The ends are checked first: upstream must be good, the whole series bad (`--good`, `--bad` choose others). A step that
does not build is left out, as git bisect skip does. What was judged is kept, so that an interrupted search resumes.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness import atomic, cli, paths, provenance, results, series
from harness.build import Built
from harness.console import out, say
from harness.errors import BuildFailedError, Exit, ResultDamagedError, ResultMissingError, SeriesRejectedError
from harness.lock import clone_lock
from harness.runner import Runner, open_runner
from harness.source import Tree
from perf import machine
from perf.bisect_judge import ByCount, ByTest, ByTime, Judge, Opinion
from perf.bisect_search import Finding, Judgement, search
from perf.steps import Steps
from perf.suites import Benchmark, load_suite, select

KIND, MAIN = "bisect", "bisect.json"
SUITE = "wide"


class BuildsSteps(Protocol):
    """What the search needs of perf.steps.Steps."""

    def built(self, count: int) -> Built:
        """The interpreter with `count` patches."""
        ...

    def tree(self, count: int) -> Tree:
        """Its source."""
        ...

    def hash(self, count: int) -> str:
        """The hash of the first `count` patches."""
        ...

    def name(self, count: int) -> str:
        """What to call the step."""
        ...


@dataclass(slots=True)
class Log:
    """Every judgement as it is made, in a result file; judgements of earlier runs by key in build/bisect."""

    folder: Path
    target: str
    environment: str
    entries: list[dict[str, Any]] = field(default_factory=list)

    def known(self, step_hash: str) -> Opinion | None:
        """The judgement of an earlier run of the same step in the same environment."""
        try:
            found = atomic.read_json(self._path(step_hash))
            return Opinion(Judgement(found["judgement"]), str(found["reason"]))
        except (ResultMissingError, ResultDamagedError, KeyError, ValueError):
            return None

    def _path(self, step_hash: str) -> Path:
        key = hashlib.sha256(f"{self.target}\0{step_hash}\0{self.environment}".encode()).hexdigest()
        return paths.build_dir() / "bisect" / f"{key[:24]}.json"

    def add(self, position: int, name: str, step_hash: str, opinion: Opinion, *, fresh: bool) -> None:
        """Tell a judgement; keep it for later runs unless it is a skip (which may be mended)."""
        said = {"judgement": str(opinion.judgement), "reason": opinion.reason}
        self.entries.append({"position": position, "patch": name, **said, "stored": not fresh})
        if fresh and opinion.judgement is not Judgement.SKIP:
            atomic.write_json(self._path(step_hash), said)
        say(f"{opinion.judgement}: {name}: {opinion.reason.splitlines()[0]}{'' if fresh else ' (stored)'}")
        self.write(None)

    def write(self, finding: dict[str, Any] | None) -> None:
        """Write the result file as it is now."""
        atomic.write_json(
            self.folder / MAIN,
            {"schema": 1, "kind": KIND, "target": self.target, "log": self.entries, "finding": finding},
        )


def examine(steps: BuildsSteps, judge: Judge, log: Log) -> Callable[[int], Judgement]:
    """The function that `search` asks: build the step (unless it was judged before), judge it, write it down."""

    def ask(position: int) -> Judgement:
        step_hash = steps.hash(position)
        opinion = log.known(step_hash)
        fresh = opinion is None
        if opinion is None:
            try:
                opinion = judge(steps.built(position), steps.tree(position).path)
            except (BuildFailedError, SeriesRejectedError) as problem:
                opinion = Opinion(Judgement.SKIP, f"does not build: {problem}")
        log.add(position, steps.name(position), step_hash, opinion, fresh=fresh)
        return opinion.judgement

    return ask


def tell(finding: Finding, names: Sequence[str]) -> str:
    """The answer: one patch, or the patches among which it is."""
    suspects = names[finding.first - 1 : finding.last]
    if finding.certain:
        return f"{suspects[0]} is the first bad patch"
    return "steps between could not be judged; the first bad patch is one of: " + ", ".join(suspects)


def share(text: str) -> float:
    """`2%` or `0.02` as 0.02; it must be above zero."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 2% or 0.02") from None
    if not 0 < value < 10:
        raise argparse.ArgumentTypeError(f"{text} is no slowdown to look for: give a share such as 2%")
    return value


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    made = argparse.ArgumentParser(prog="bisect", description=__doc__)
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument("--test", metavar="NAME", help="test_x, test_x.Class.method, or a path as in a Test: trailer")
    what.add_argument("--benchmark", metavar="NAME", help="a benchmark of perf/suites.toml")
    made.add_argument("--threshold", type=share, default=0.02, help="slower than upstream by more is bad (2%%)")
    made.add_argument("--instructions", action="store_true", help="count instructions instead of timing")
    made.add_argument("--good", metavar="PATCH", default="0", help="known good position (default: upstream)")
    made.add_argument("--bad", metavar="PATCH", help="known bad position (default: the whole series)")
    cli.add_place(made)
    made.add_argument("--jobs", "-j", type=int, help="parallel compilations")
    made.add_argument("--patches", type=Path, metavar="DIR", default=paths.PATCHES, help="a series kept elsewhere")
    return made


def make_judge(options: argparse.Namespace, steps: Steps, runner: Runner, benchmark: Benchmark | None) -> Judge:
    """The judge that the options ask for."""
    if benchmark is None:
        return ByTest(options.test, runner)
    upstream = steps.built(0).python
    if options.instructions:
        return ByCount(benchmark, options.threshold, upstream, runner)
    return ByTime(benchmark, options.threshold, upstream, runner, machine.timing_core(machine.state()))


def main(argv: list[str]) -> int:
    """Command `bisect`."""
    options = parser().parse_args(argv)
    benchmark = select(load_suite(SUITE), [options.benchmark])[0] if options.benchmark else None
    patches = series.load(options.patches)
    good = series.position(patches, options.good)
    bad = len(patches) if options.bad is None else series.position(patches, options.bad)
    with clone_lock("bisect"), open_runner(docker=options.docker) as runner:
        steps = Steps(patches, runner, options.jobs, options.patches.resolve())
        judge = make_judge(options, steps, runner, benchmark)
        environment = provenance.environment_hash({"environment": runner.description})
        log = Log(results.new(KIND), judge.target, environment)
        log.write(None)
        say(f"bisecting {judge.target}; log: {log.folder / MAIN}")
        finding = search(good, bad, examine(steps, judge, log))
    names = [patch.path for patch in patches]
    answer = tell(finding, names)
    suspects = names[finding.first - 1 : finding.last]
    log.write({"certain": finding.certain, "patches": suspects, "answer": answer})
    out.print(answer, markup=False)
    if finding.certain:
        out.print(f"  {patches[finding.first - 1].subject}", markup=False)
    return Exit.OK if finding.certain else Exit.INCONCLUSIVE
