"""`wheels --own-tests PACKAGE`: a package's own tests on upstream, in main of the fork and in an own-GIL interpreter.

The tests are those that the package's function `test` runs by default (numpy.test(): the fast set), a module of tests
in a process of its own. What passes on upstream must end in the same way in the fork, in main and in the interpreter;
`own_known` in wheels.toml says why some cannot.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness import atomic, paths, results, wheels_manifest
from harness.build import build
from harness.console import out, progress
from harness.errors import UsageError
from harness.lock import clone_lock
from harness.runner import RunsCommands, open_runner
from harness.suite_events import Ending
from harness.variants import Profile, Variant
from harness.wheels_manifest import Manifest
from harness.wheels_pool import Task, run_all

DRIVER = Path(__file__).with_name("wheels_own_driver.py")
KIND = "own"
SECONDS = 900.0  # a module of tests may take
SIDES = ("upstream", "main", "one")  # main: the fork's main interpreter; one: an own-GIL interpreter of the fork
BAD = ("failed", "error", "crashed", "hung")

Outcomes = Mapping[str, tuple[str, str]]  # name of a test: outcome, message


@dataclass(frozen=True, slots=True)
class Difference:
    """A test that ends otherwise in the fork than on upstream; `reason` if that is known."""

    side: str
    test: str
    upstream: str
    outcome: str
    message: str
    reason: str


def modules(site: Path, package: str) -> list[str]:
    """The modules of tests that the wheel holds; UsageError if it has none."""
    files = sorted((site / package).rglob("tests/**/test_*.py"))
    if not files:
        raise UsageError(f"{package} has no tests in {site}")
    return [".".join(path.relative_to(site).with_suffix("").parts) for path in files]


def read_record(path: Path, module: str, ending: Ending) -> dict[str, tuple[str, str]]:
    """What became of each test of a module; a process that died or hung leaves that to the test that it was in."""
    found: dict[str, tuple[str, str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        name, outcome, message = ast.literal_eval(line)
        if outcome != "started" and found.get(name, ("",))[0] in BAD:
            continue  # a failure stays one, whatever its teardown says
        found[name] = (outcome, message)
    ended = found.pop("", None)
    if ended is None or ending.returncode != 0:
        how = "hung" if ending.timed_out else "crashed"
        culprits = [name for name, (outcome, _message) in found.items() if outcome == "started"] or [module]
        found |= dict.fromkeys(culprits, (how, ending.describe()))
    return found


def differences(sides: Mapping[str, Outcomes], package: str, manifest: Manifest) -> Iterator[Difference]:
    """What ends otherwise in the fork than on upstream, but for a failure that is mended."""
    base = sides["upstream"]
    for side in (name for name in sides if name != "upstream"):
        for test in sorted(base.keys() | sides[side].keys()):
            before = base.get(test, ("absent", ""))[0]
            outcome, message = sides[side].get(test, ("absent", ""))
            if outcome == before or before in BAD or (before == "absent" and outcome not in BAD):
                continue
            yield Difference(side, test, before, outcome, message, manifest.own_reason(package, side, test))


class OwnTests:
    """Runs the modules of tests of `package` on each side; `work` holds records and output."""

    def __init__(self, runner: RunsCommands, pythons: Mapping[str, Path], site: Path, package: str) -> None:
        self.runner = runner
        self.pythons = pythons
        self.site = site
        self.package = package
        self.work = paths.build_dir() / "wheels" / "own"

    def run(self, names: Sequence[str], workers: int) -> dict[str, dict[str, tuple[str, str]]]:
        """The outcome of each test, by side."""
        self.work.mkdir(parents=True, exist_ok=True)
        tasks = {self._task(side, name): (side, name) for name in names for side in self.pythons}
        sides: dict[str, dict[str, tuple[str, str]]] = {side: {} for side in self.pythons}
        with progress() as display:
            bar = display.add_task("own tests", total=len(tasks))
            for task, ending in run_all(self.runner, tasks, workers):
                side, name = tasks[task]
                found = read_record(self._record(side, name), name, ending)
                # The process of a module has no name of its own among tests.
                sides[side] |= {
                    f"{name} {test}" if test == "(process)" else test: told for test, told in found.items()
                }
                display.update(bar, advance=1, description=f"own tests [dim]{name} {side}[/]")
        return sides

    def _record(self, side: str, name: str) -> Path:
        return self.work / f"{name}.{side}.record"

    def _task(self, side: str, name: str) -> Task:
        record = self._record(side, name)
        record.unlink(missing_ok=True)
        mode = "one" if side == "one" else "main"
        words = (self.pythons[side], "-X", "faulthandler", DRIVER, mode, record, self.package, name)
        # In the environment, because the tests start processes of their own.
        return Task(("env", f"PYTHONPATH={self.site}", *words), record.with_suffix(".log"), SECONDS)


def run_own_tests(
    package: str, patterns: Sequence[str], profile: Profile, *, workers: int = 1, docker: bool | None = None
) -> tuple[Path, bool]:
    """Build, fetch, run, compare; the result folder (with own.json), and whether each difference is explained."""
    manifest = wheels_manifest.read()
    site = wheels_manifest.unpack(manifest, wheels_manifest.fetch(manifest))
    names = [
        name for name in modules(site, package) if not patterns or any(fnmatchcase(name, one) for one in patterns)
    ]
    if not names:
        raise UsageError(f"no module of tests of {package} is called {' or '.join(patterns)}")
    with clone_lock("wheels"), open_runner(docker=docker) as runner:
        upstream, fork = (build(variant, profile, runner=runner) for variant in (Variant.UPSTREAM, Variant.FORK))
        pythons = {"upstream": upstream.python, "main": fork.python, "one": fork.python}
        sides = OwnTests(runner, pythons, site, package).run(names, workers)
        head = {"profile": str(profile), "provenance": dict(fork.provenance)}
    folder = results.new(KIND)
    return folder, conclude(folder, package, manifest, sides, head)


def conclude(
    folder: Path, package: str, manifest: Manifest, sides: Mapping[str, Outcomes], head: Mapping[str, Any]
) -> bool:
    """Write own.json into `folder` and show it; is each difference explained?"""
    found = list(differences(sides, package, manifest))
    counts = {side: dict(Counter(outcome for outcome, _message in tests.values())) for side, tests in sides.items()}
    document = {
        "schema": 1,
        "kind": KIND,
        **head,
        "package": package,
        "manifest": manifest.digest(),
        "counts": counts,
        "bad": {
            side: {test: list(told) for test, told in tests.items() if told[0] in BAD}
            for side, tests in sides.items()
        },
        "differences": [asdict(one) for one in found],
    }
    atomic.write_json(folder / "own.json", document)
    _show(counts, found, folder)
    return all(one.reason for one in found)


def _show(counts: Mapping[str, Mapping[str, int]], found: Sequence[Difference], folder: Path) -> None:
    outcomes = sorted({outcome for told in counts.values() for outcome in told})
    table = Table("", *counts, box=None, padding=(0, 2, 0, 0))
    for outcome in outcomes:
        table.add_row(outcome, *(str(told.get(outcome, 0)) for told in counts.values()))
    out.print(table)
    for one in found:
        style = "yellow" if one.reason else "bold red"
        out.print(f"[{style}]{one.side}[/] {escape(one.test)}: {one.upstream} -> {one.outcome}")
        out.print("  " + escape(one.reason or "\n  ".join(one.message.strip().splitlines()[-3:])))
    out.print(f"{sum(not one.reason for one in found)} differences are unexplained, {len(found)} in all")
    out.print(f"result: {escape(str(folder))}")
