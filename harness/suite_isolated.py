"""`test --isolated`: the suite of the fork in its main interpreter against an interpreter with its own GIL.

Each test file runs twice, each time in a fresh process: as ever, and with all of regrtest inside an own-GIL
interpreter (`suite_isolated_driver.py`). What passes in main and does not pass there is a difference. Each needs a
cause in suite_isolated.toml, and a share of the files, given there, has to pass whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness import paths, results, suite_exceptions, suite_install, suite_isolated_show, suite_sets
from harness.console import say
from harness.lock import clone_lock
from harness.runner import RunsCommands
from harness.suite import Request
from harness.suite_confirm import Confirmation
from harness.suite_diff import Difference, compare
from harness.suite_exceptions import Explained, Table
from harness.suite_isolated_show import ISOLATED, Fates, Outcome
from harness.suite_model import FileResult, Options, Status, Subject, combine
from harness.suite_side import Side
from harness.suite_store import Store, key
from harness.variants import Variant


def run_isolated(wanted: Request) -> tuple[Path, bool]:
    """Build the fork if need be, run the files on both sides; the result folder (with isolated.json), the verdict."""
    from harness.build import build
    from harness.runner import open_runner

    mounts = [wanted.testdir] if wanted.testdir else []
    with clone_lock("test"), open_runner(docker=wanted.docker, mounts=mounts) as runner:
        built = build(Variant.FORK, wanted.profile, runner=runner)
        suite_install.complete(built.prefix, paths.source_tree(Variant.FORK))
        subject = Subject(str(Variant.FORK), built.python, built.provenance)
        return isolate(subject, runner, wanted, kind=runner.kind)


def isolate(
    fork: Subject, runner: RunsCommands, wanted: Request, *, kind: str, table: Table | None = None
) -> tuple[Path, bool]:
    """Run the files of `fork` by `runner` in main and isolated; the result folder, and is all as it should be?"""
    table = table or suite_exceptions.read()
    options = wanted.options()
    known = suite_sets.listed(runner, fork, options.testdir)
    selection = suite_sets.select(wanted.set_name, wanted.tests, known)
    main = _side(fork, runner, options)
    inner = _side(replace(fork, variant=ISOLATED), runner, replace(options, isolated=True, ignore=table.waits()))
    main.load(selection.files, settled=False)
    main.load(selection.files, settled=True)
    main.run(selection.files)
    main.settle()
    inner.load(selection.files, settled=False)
    inner.run(selection.files)
    outcome = _judge(main, inner, table)
    folder = results.new(ISOLATED)
    context = suite_isolated_show.Context(selection.name, kind, str(wanted.profile), inner.options)
    suite_isolated_show.conclude(folder, outcome, main, inner, context)
    for side in (main, inner):
        if side.store is not None:
            side.store.clear()
    return folder, outcome.good


def _side(subject: Subject, runner: RunsCommands, options: Options) -> Side:
    store = None
    if not options.match:
        folder = paths.build_dir() / "suite" / f"{subject.variant}-{key(subject, options, exact=True)}"
        store = Store(folder, {"variant": subject.variant, "provenance": dict(subject.provenance)})
    return Side(subject, runner, options, store)


def _judge(main: Side, inner: Side, table: Table) -> Outcome:
    comparison = compare(main.results.values(), inner.results.values())
    # What the table explains does not run again: it is no suspect.
    explained, comparison.suspects = table.split(comparison.suspects)
    if comparison.suspects:
        say(f"{len(comparison.suspects)} differences that nothing explains run again, alone")
    cases = {file: combine(result.cases) for file, result in main.results.items()}
    confirmation = Confirmation(inner.alone(), main.alone(), lambda file: file in main.stored)
    confirmation.sort(comparison, lambda file, test: cases.get(file, {}).get(test))
    # A file that main skips as well (no Tk on this machine) says nothing about its entries.
    ran = {file for file in inner.results if main.results[file].whole.status not in (Status.SKIPPED, Status.NO_TESTS)}
    return Outcome(comparison, explained, table, _fates(main, comparison.new_failures, explained), ran)


def _fates(main: Side, unexplained: Iterable[Difference], explained: Iterable[Explained]) -> Fates:
    """What becomes of the files that pass in main: by rule a test may fail, or a file not start at all."""
    there = {result.file for result in main.results.values() if passes(result)}
    bad = {item.file for item in unexplained if _fails(item)}
    bad |= {one.item.file for one in explained if _fails(one.item) and not one.entry.rule}
    ruled = {one.item.file for one in explained if _fails(one.item) and one.entry.rule}
    absent = {one.item.file for one in explained if one.item.is_file and one.entry.rule}
    return Fates(there, failing=there & bad, by_rule=there & ruled - bad - absent, left_out=there & absent - bad)


def passes(result: FileResult) -> bool:
    """Did the file run and nothing in it fail? A file that is skipped or has no tests does not count."""
    return result.whole.status is Status.PASSED and not result.bad()


def _fails(item: Difference) -> bool:
    """Does the file fail because of this? A method that is skipped fails nothing; a file that is skipped does."""
    return item.is_file or item.case.status.bad or item.case.status is Status.MISSING
