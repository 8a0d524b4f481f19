"""The `conformance` session: run tests/api/ in the fork and in other Pythons, and say which passes what.

The suite itself (tests/api/api_run.py) runs inside each interpreter. The fork has to pass every case; what a peer
(--peer) lacks is `absent` there. docs/testing.md says how to read the table.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness import atomic, cli, paths, results
from harness.console import out, say
from harness.errors import Exit, InterpreterUnusableError, ResultDamagedError
from harness.lock import clone_lock
from harness.runner import Runner, run_in
from harness.variants import Variant, parse_profile

SUITE = paths.ROOT / "tests" / "api" / "api_run.py"
FORK = "fork"
TIMEOUT = 1800.0  # seconds for the whole suite in one interpreter; each case has a limit of its own
STATUSES = ("passed", "failed", "crashed", "timed out", "skipped", "absent")
SHOWN = 30  # cases listed in the terminal; all are in conformance.json


@dataclass(frozen=True, slots=True)
class Subject:
    """An interpreter to be tested: its name in the table, where it runs, what it is."""

    name: str
    python: Path
    runner: Runner
    provenance: Mapping[str, Any]


@dataclass(slots=True)
class Told:
    """What the suite said of one interpreter: version and place of the API, and the outcome of each case by name."""

    identity: dict[str, Any]
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """How many cases have which status."""
        found = Counter(one["status"] for one in self.cases.values())
        return {status: found[status] for status in STATUSES}


def read(text: str) -> Told:
    """The suite's output, one JSON object a line; ResultDamagedError if it is cut short."""
    try:
        first, *lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        told = Told({"version": first["version"], "implementation": first["implementation"], "api": first["api"]})
        for line in lines:
            told.cases[line.pop("case")] = line
    except (ValueError, KeyError) as problem:
        raise ResultDamagedError(
            f"the conformance suite said no usable result ({problem!r}): {text[-500:]}"
        ) from None
    return told


def run_suite(subject: Subject, patterns: Sequence[str] = ()) -> Told:
    """Run the suite in one interpreter; the runner's environment is small, so the cases see nothing of this one's."""
    done = run_in(subject.runner, [subject.python, SUITE, "--json", *patterns], timeout=TIMEOUT)
    if done.returncode not in (0, 1) or done.timed_out:
        how = "timed out" if done.timed_out else f"exited with {done.returncode}"
        raise InterpreterUnusableError(
            f"{subject.python}: the conformance suite {how}: {done.stdout.strip()[-1500:]}"
        )
    return read(done.stdout)


def document(told: Mapping[str, Told], subjects: Sequence[Subject]) -> dict[str, Any]:
    """What conformance.json holds: who passes what, by case."""
    names = list(dict.fromkeys(case for one in told.values() for case in one.cases))
    return {
        "schema": 1,
        "kind": "conformance",
        "implementations": {name: {**one.identity, "counts": one.counts()} for name, one in told.items()},
        "cases": [{"case": case, **_case(case, told)} for case in names],
        "provenance": {subject.name: dict(subject.provenance) for subject in subjects},
    }


def _case(case: str, told: Mapping[str, Told]) -> dict[str, Any]:
    found = {name: one.cases[case] for name, one in told.items() if case in one.cases}
    beyond = next((one["beyond"] for one in found.values() if "beyond" in one), None)
    outcomes = {name: {key: one[key] for key in ("status", "message", "seconds")} for name, one in found.items()}
    return {"beyond": beyond, "outcomes": outcomes}


def title(name: str, one: Mapping[str, Any]) -> str:
    """An implementation's name, with its version."""
    return name if name.endswith(one["version"]) else f"{name} {one['version']}"


def areas(found: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The cases by area of the API."""
    by_area: dict[str, list[Mapping[str, Any]]] = {}
    for case in found["cases"]:
        by_area.setdefault(case["case"].partition(".")[0], []).append(case)
    return by_area


def tally(cases: Sequence[Mapping[str, Any]], name: str) -> tuple[int, int, str]:
    """Of these cases, what an implementation has passed, how many it has, and what became of the rest."""
    counts = Counter(case["outcomes"][name]["status"] for case in cases if name in case["outcomes"])
    rest = ", ".join(f"{counts[status]} {status}" for status in STATUSES[1:] if counts[status])
    return counts["passed"], counts.total(), rest


def table(found: Mapping[str, Any]) -> Table:
    """One line an area of the API, one column an implementation: passed of all, and what became of the rest."""
    shown = Table(title="conformance")
    shown.add_column("area")
    for name, one in found["implementations"].items():
        shown.add_column(f"{title(name, one)}\n[dim]{one['api'] or 'no such module'}[/]", justify="right")
    by_area = areas(found)
    for area, cases in by_area.items():
        cells = [_cell(cases, name) for name in found["implementations"]]
        shown.add_row(area, *cells, end_section=area == list(by_area)[-1])
    shown.add_row("[bold]all[/]", *(_cell(found["cases"], name) for name in found["implementations"]))
    return shown


def _cell(cases: Sequence[Mapping[str, Any]], name: str) -> str:
    passed, total, rest = tally(cases, name)
    colour = "yellow" if rest else "green"
    return f"[{colour}]{passed} of {total}[/]" + (f" [dim]({rest})[/]" if rest else "")


def not_passed(found: Mapping[str, Any], name: str, *, absent: bool = True) -> list[Mapping[str, Any]]:
    """The cases that an implementation has not passed; `absent` ones are left out on demand."""
    good = ("passed",) if absent else ("passed", "absent")
    return [case for case in found["cases"] if case["outcomes"].get(name, {}).get("status", "passed") not in good]


def show(found: Mapping[str, Any]) -> None:
    """Print the table, and each case that failed with the line that says most."""
    out.print(table(found), soft_wrap=False)
    for name in found["implementations"]:
        bad = not_passed(found, name, absent=name == FORK)
        for case in bad[:SHOWN]:
            outcome = case["outcomes"][name]
            why = case["beyond"] or _telling(outcome["message"])
            out.print(f"{escape(name)}: {outcome['status']} [bold]{escape(case['case'])}[/]: {escape(why)}")
        if len(bad) > SHOWN:
            out.print(f"{escape(name)}: and {len(bad) - SHOWN} more in conformance.json")


def _telling(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


# --- command ---------------------------------------------------------------------------------------------------


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[list[Subject]]:
    from harness import build, runner

    with ExitStack() as stack:
        if options.fork is not None:
            subjects = [_given(FORK, options.fork, stack)]
        else:
            with runner.open_runner(docker=options.docker) as place:
                built = build.build(Variant.FORK, parse_profile(options.profile), runner=place)
            own = stack.enter_context(runner.for_build(built.prefix))
            subjects = [Subject(FORK, built.python, own, built.provenance)]
        for number, python in enumerate(options.peer, start=1):
            subjects.append(_given(f"peer {number}" if len(options.peer) > 1 else "peer", python, stack))
        yield subjects


def _given(name: str, python: Path, stack: ExitStack) -> Subject:
    from harness.runner import open_runner

    if not python.is_file():
        raise InterpreterUnusableError(f"there is no interpreter {python}")
    place = stack.enter_context(open_runner(docker=False))
    return Subject(name, python.absolute(), place, {"environment": place.description})


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    made = argparse.ArgumentParser(prog="conformance", description="the API suite in the fork and in other Pythons")
    made.add_argument("patterns", nargs="*", metavar="PATTERN", help="only cases whose name matches, as *timeout*")
    made.add_argument("--profile", default="fast", help="build profile of the fork (default: fast)")
    made.add_argument("--fork", type=Path, metavar="PYTHON", help="a ready interpreter of this machine as the fork")
    made.add_argument(
        "--peer", type=Path, action="append", default=[], metavar="PYTHON", help="another Python (repeatable)"
    )
    cli.add_place(made)
    return made


def main(argv: list[str]) -> int:
    """`conformance [--peer PYTHON ...] [PATTERN ...]`: 0 if the fork passes every case, else 1."""
    options = parser().parse_args(argv)
    told: dict[str, Told] = {}
    with clone_lock("conformance"), _opened(options) as subjects:
        for subject in subjects:
            say(f"{subject.name}: the conformance suite in {subject.python}")
            told[subject.name] = run_suite(subject, options.patterns)
        found = document(told, subjects)
    folder = results.new("conformance")
    atomic.write_json(folder / "conformance.json", found)
    show(found)
    say(f"result: {folder / 'conformance.json'}")
    passed = told[FORK].cases and not not_passed(found, FORK)
    return int(Exit.OK if passed else Exit.FAILED)
