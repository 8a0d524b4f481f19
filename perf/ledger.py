"""`ledger`: one row a patch: applies, builds, tests, instructions, globals left, ABI, lines.

Builds the series patch by patch and keeps each measurement under the hash of the series up to there, so that an
interrupted ledger resumes and only changed patches are measured again. Exit 1 if a row is red.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import atomic, cli, paths, provenance, results, series
from harness.console import out, say, warn
from harness.errors import Exit, UsageError
from harness.lock import clone_lock
from harness.runner import open_runner
from harness.series import Patch
from perf import ledger_page
from perf.ledger_file import RowsFile
from perf.ledger_rows import Row, Store, Wanted, Workshop, part, rows
from perf.ledger_workshop import COUNTED, RealWorkshop
from perf.steps import Steps

KIND, MAIN = "ledger", "ledger.json"


def document(
    found: Sequence[Row], patches: Sequence[Patch], environment: dict[str, Any], shared: RowsFile | None = None
) -> dict[str, Any]:
    """The content of ledger.json; `elsewhere` is about prefixes of the series that this run did not measure."""
    used = 0 if shared is None else len(shared.used)
    return {
        "schema": 1,
        "kind": KIND,
        "rows": [row.to_json() for row in found],
        "ok": not any(row.red for row in found),
        "complete": len(found) == len(patches),
        "counted": list(COUNTED),
        "series_hash": series.series_hash(patches),
        "environment": environment,
        "elsewhere": {"prefixes": used, "places": [] if shared is None else shared.places()},
    }


def keep(folder: Path, told: Mapping[str, Any]) -> None:
    """Write ledger.html, ledger.md and, last, ledger.json."""
    atomic.write_text(folder / "ledger.html", ledger_page.page(told))
    atomic.write_text(folder / "ledger.md", ledger_page.markdown(told))
    atomic.write_json(folder / MAIN, told)


def collect(
    workshop: Workshop, store: Store, patches: Sequence[Patch], wanted: Wanted, chosen: range | None
) -> list[Row]:
    """Measure row by row, telling each; after Ctrl-C what was measured is in the store and the next run goes on."""
    if store.shared is not None:
        stale = store.shared.keep([store.name(workshop.key(patches[:count])) for count in range(len(patches) + 1)])
        say(f"{store.shared.path}: {len(store.shared)} of {len(patches) + 1} steps, {stale} dropped as out of date")
    found: list[Row] = []
    for row in rows(workshop, store, patches, wanted, chosen):
        found.append(row)
        say(ledger_page.line(row))
    return found


def show(told: Mapping[str, Any]) -> None:
    """Print the table (as markdown: it can be pasted) and what went wrong."""
    out.print(ledger_page.markdown(told), markup=False)
    for row in told["rows"]:
        if row["error"]:
            warn(f"{row['patch']}: {row['error']}")
    if told["elsewhere"]["prefixes"]:
        say(f"{told['elsewhere']['prefixes']} steps were measured before this run: {ledger_page.places(told)}")


def _here(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Where and when this run measures, for a file of rows."""
    told = {name: environment.get(name) for name in ("kind", "cpu", "kernel", "os", "compiler")}
    return told | {"day": f"{datetime.now(UTC):%Y-%m-%d}"}


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    made = argparse.ArgumentParser(prog="ledger", description=__doc__)
    cli.add_place(made)
    which = made.add_mutually_exclusive_group()
    which.add_argument("--only", metavar="PATCH", help="the row of this patch alone")
    which.add_argument("--part", metavar="K/N", help="the K-th of N parts of the series alone")
    made.add_argument("--no-tests", dest="tests", action="store_false", help="do not run the patches' tests")
    made.add_argument("--no-counts", dest="counts", action="store_false", help="do not count instructions")
    made.add_argument("--no-abi", dest="abi", action="store_false", help="do not compare the ABI")
    made.add_argument("--rows", type=Path, metavar="FILE", help="take what it has of this series, and add to it")
    made.add_argument(
        "--also", type=Path, action="append", default=[], metavar="FILE", help="rows of another run, to add to --rows"
    )
    made.add_argument("--jobs", "-j", type=int, help="parallel compilations")
    made.add_argument("--patches", type=Path, metavar="DIR", default=paths.PATCHES, help="a series kept elsewhere")
    return made


def _chosen(options: argparse.Namespace, patches: Sequence[Patch]) -> range | None:
    """Indices of the patches that the options name; UsageError if they name none."""
    if options.only is not None:
        index = max(0, series.position(patches, options.only) - 1)
        return range(index, index + 1)
    try:
        return None if options.part is None else part(options.part, len(patches))
    except ValueError as error:
        raise UsageError(f"--part {error}") from None


def main(argv: list[str]) -> int:
    """Command `ledger`."""
    options = parser().parse_args(argv)
    if options.also and options.rows is None:
        raise UsageError("--also adds to the file that --rows names; give that, too")
    patches = series.load(options.patches)
    chosen = _chosen(options, patches)
    wanted = Wanted(tests=options.tests, counts=options.counts, abi=options.abi)
    with clone_lock("ledger"), open_runner(docker=options.docker) as runner:
        shared = None if options.rows is None else RowsFile(options.rows, _here(runner.description), options.also)
        workshop = RealWorkshop(Steps(patches, runner, options.jobs, options.patches.resolve()))
        found = collect(workshop, Store(paths.build_dir() / "ledger", shared), patches, wanted, chosen)
        environment = dict(runner.description) | {
            "hash": provenance.environment_hash({"environment": runner.description})
        }
    folder = results.new(KIND)
    told = document(found, patches, environment, shared)
    keep(folder, told)
    show(told)
    say(f"result: {folder / 'ledger.html'}")
    return Exit.OK if told["ok"] else Exit.FAILED
