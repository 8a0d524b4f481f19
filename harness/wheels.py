"""The `wheels` session: unmodified cp311 wheels, imported and exercised in main and own-GIL interpreters of the fork.

Each wheel runs in four modes, each in a process of its own that may crash or hang without harm: in main, in one
own-GIL interpreter, in four at once, in fifty one after the other. Where the build cannot isolate extension modules,
that an interpreter refuses one is a result (`refused`) and no failure.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from harness import cli, paths, results, wheels_manifest, wheels_own, wheels_show, wheels_table
from harness.build import build
from harness.console import progress
from harness.errors import UsageError
from harness.lock import clone_lock
from harness.runner import RunsCommands, open_runner
from harness.suite_events import Ending
from harness.variants import Profile, Variant, parse_profile, parse_variant
from harness.wheels_manifest import Manifest, Wheel
from harness.wheels_pool import Task, run_all
from harness.wheels_show import MODES, Cell

DRIVER = Path(__file__).with_name("wheels_driver.py")
SECONDS = 300.0  # a cell may take
HANGING_SECONDS = 60.0  # one that is known to hang


class Matrix:
    """Runs wheels in modes, `workers` processes at once; `work` holds reports and output."""

    def __init__(self, runner: RunsCommands, python: Path, site: Path, work: Path, workers: int = 1) -> None:
        self.runner = runner
        self.python = python
        self.site = site
        self.work = work
        self.workers = workers
        self.seconds = SECONDS
        self.hanging: frozenset[tuple[str, str]] = frozenset()  # (wheel, mode) known to hang

    def run(self, jobs: Sequence[tuple[Wheel, str]]) -> Generator[Cell]:
        """Yield each cell as it is done."""
        self.work.mkdir(parents=True, exist_ok=True)
        cells = {self._task(wheel, mode): (wheel, mode) for wheel, mode in jobs}
        for task, ending in run_all(self.runner, cells, self.workers):
            yield self._collect(*cells[task], ending)

    def _files(self, wheel: Wheel, mode: str) -> tuple[Path, Path]:
        report, log = (self.work / f"{wheel.name}.{mode}.{kind}" for kind in ("report", "log"))
        return report, log

    def _task(self, wheel: Wheel, mode: str) -> Task:
        report, log = self._files(wheel, mode)
        for old in self.work.glob(f"{report.name}*"):
            old.unlink()
        words = (self.python, "-X", "faulthandler", DRIVER, mode, self.site, wheel.exercise, report)
        hangs = (wheel.name, mode) in self.hanging
        return Task(words, log, min(self.seconds, HANGING_SECONDS) if hangs else self.seconds)

    def _collect(self, wheel: Wheel, mode: str, ending: Ending) -> Cell:
        found = _report(self._files(wheel, mode)[0])
        if ending.returncode == 0 and found is not None:
            return Cell(
                wheel.name, mode, found["outcome"], ending.seconds, found["text"], found["policy"], found["kib"]
            )
        outcome = "hung" if ending.timed_out else "crashed"
        return Cell(wheel.name, mode, outcome, ending.seconds, ending.describe())


def _report(path: Path) -> dict[str, Any] | None:
    try:
        found = ast.literal_eval(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, SyntaxError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def run_wheels(
    variant: Variant, profile: Profile, names: Sequence[str], *, workers: int = 1, docker: bool | None = None
) -> tuple[Path, bool]:
    """Build, fetch, run; the result folder (with wheels.json), and whether no cell failed that should not."""
    manifest = wheels_manifest.read()
    chosen = choose(manifest, names)
    site = wheels_manifest.unpack(manifest, wheels_manifest.fetch(manifest))
    with clone_lock("wheels"), open_runner(docker=docker) as runner:
        built = build(variant, profile, runner=runner)
        matrix = Matrix(runner, built.python, site, paths.build_dir() / "wheels" / "work", workers)
        matrix.hanging = frozenset((one.wheel, mode) for one in manifest.known if one.hangs for mode in one.modes)
        cells = run_matrix(matrix, chosen)
        head = {"variant": str(variant), "profile": str(profile), "provenance": dict(built.provenance)}
    folder = results.new(wheels_show.KIND)
    return folder, wheels_show.conclude(folder, manifest, chosen, cells, head)


def choose(manifest: Manifest, names: Sequence[str]) -> list[Wheel]:
    """The exercised wheels called `names` (all if none is named); UsageError for one there is not."""
    known = {wheel.name: wheel for wheel in manifest.exercised}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"no wheel {', '.join(unknown)} in the manifest; there are: {', '.join(known)}")
    return [known[name] for name in names] if names else list(known.values())


def run_matrix(matrix: Matrix, chosen: Sequence[Wheel]) -> list[Cell]:
    """Run the wheels in every mode and show how far it is."""
    jobs = [(wheel, mode) for wheel in chosen for mode in MODES]
    cells = []
    with progress() as display:
        task = display.add_task("wheels", total=len(jobs))
        for cell in matrix.run(jobs):
            cells.append(cell)
            display.update(task, advance=1, description=f"wheels [dim]{cell.wheel} {cell.mode}: {cell.outcome}[/]")
    return cells


def main(argv: list[str]) -> int:
    """`wheels [NAME ...]`: 0 if no wheel fails, else 1; `wheels --own-tests PACKAGE [MODULE ...]`: wheels_own."""
    parser = argparse.ArgumentParser(prog="wheels", description="cp311 wheels in main and own-GIL interpreters.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="these wheels only")
    parser.add_argument(
        "--own-tests",
        metavar="PACKAGE",
        help="run the tests of this package, NAMEs being modules of them, on upstream, in main and in an interpreter",
    )
    parser.add_argument(
        "--table",
        nargs="?",
        const="",
        metavar="FOLDER",
        help="run nothing; write this result (default: the newest) into docs/extensions.md",
    )
    parser.add_argument("--variant", default="fork", help="fork (default) or upstream")
    parser.add_argument("--profile", default="fast", help="fast (default), release, debug, tsan, asan")
    parser.add_argument("--workers", "-j", type=int, default=1, metavar="N", help="processes at once (default 1)")
    cli.add_place(parser)
    given = parser.parse_args(argv)
    if given.table is not None:
        wheels_table.write(Path(given.table) if given.table else results.latest(wheels_show.KIND, "wheels.json"))
        return 0
    variant, profile = parse_variant(given.variant), parse_profile(given.profile)
    workers = max(1, given.workers)
    if given.own_tests:
        _, good = wheels_own.run_own_tests(
            given.own_tests, given.names, profile, workers=workers, docker=given.docker
        )
    else:
        _, good = run_wheels(variant, profile, given.names, workers=workers, docker=given.docker)
    return 0 if good else 1
