"""The `run` command: every step from pristine source to a verdict and a report, in one go.

A step is a command of the project, called with its own arguments. Source, series and builds must succeed; the steps
after them are independent, so each runs whatever the others said, and the report shows all of it. The exit code is
the gate's; where the gate passed, it is that of the first other step that did not.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from harness import cli
from harness.console import console, say
from harness.errors import Exit, HarnessError
from harness.lock import clone_lock


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name, the command's module and arguments, and whether the later ones need it."""

    name: str
    module: str
    argv: tuple[str, ...]
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step: its exit code and wall seconds."""

    step: Step
    code: int
    seconds: float


def steps(where: Sequence[str], quick: bool = False) -> tuple[Step, ...]:
    """The steps in order; `where` is () or ('--docker',) or ('--native',), given to each that runs something."""
    built = ("fast", *where)
    gate = ("--blocks", "4", "--max-blocks", "4") if quick else ()
    return (
        Step("source", "harness.source", (), needed=True),
        Step("series", "harness.series_check", (), needed=True),
        Step("build upstream", "harness.build", ("upstream", *built), needed=True),
        Step("build fork", "harness.build", ("fork", *built), needed=True),
        Step("globals", "harness.burndown", tuple(where)),
        Step("multicore", "perf.bench", ("multicore", "--fast", *where)),
        Step("test quick", "harness.suite", ("--set", "quick", *where)),
        Step("gate", "perf.gate", (*gate, *where)),
    )


def call(step: Step) -> Outcome:
    """Run one step; a failure that it raises is printed and becomes its exit code."""
    say(f"{step.name} ...")
    started = time.monotonic()
    try:
        code = int(importlib.import_module(step.module).main(list(step.argv)))
    except HarnessError as problem:
        cli.report(problem)
        code = int(problem.exit_code)
    return Outcome(step, code, time.monotonic() - started)


def run_steps(wanted: Sequence[Step]) -> list[Outcome]:
    """Run the steps in order; a needed one that fails ends the list."""
    outcomes = []
    for step in wanted:
        outcomes.append(call(step))
        if step.needed and outcomes[-1].code != 0:
            break
    return outcomes


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The gate's exit code; where it is 0 or the gate was not reached, the first other non-zero one."""
    gate = [outcome.code for outcome in outcomes if outcome.step.name == "gate"]
    others = [outcome.code for outcome in outcomes if outcome.code != 0]
    if gate and gate[0] != 0:
        return gate[0]
    return others[0] if others else Exit.OK


def _summary(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="run")
    table.add_column("step")
    table.add_column("exit", justify="right")
    table.add_column("seconds", justify="right")
    for outcome in outcomes:
        colour = "green" if outcome.code == 0 else "red"
        table.add_row(outcome.step.name, f"[{colour}]{outcome.code}[/]", f"{outcome.seconds:.0f}")
    return table


def main(argv: list[str]) -> int:
    """Run everything; see the module's first paragraph for the exit code."""
    parser = argparse.ArgumentParser(prog="run", description="source to verdict and report")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--docker", action="store_const", dest="where", const=("--docker",), default=())
    place.add_argument("--native", action="store_const", dest="where", const=("--native",))
    parser.add_argument("--smoke", action="store_true", help="4 gate blocks only: shows the way, decides nothing")
    options = parser.parse_args(argv)
    with clone_lock("run"):
        outcomes = run_steps(steps(options.where, options.smoke))
        if all(outcome.code == 0 for outcome in outcomes if outcome.step.needed):
            outcomes.append(call(Step("report", "harness.report", ())))
    console.print(_summary(outcomes))
    return exit_code(outcomes)
