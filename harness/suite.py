"""The `test` session: run CPython's own suite on upstream and fork, diff it per test method, fail on a new failure.

`run_diff` does the whole; `run_fork_tests` runs a few named tests on one interpreter, for the ledger and bisect.
docs/testing.md says what counts as what.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import cli, paths, results, suite_install, suite_junit, suite_sets, suite_show
from harness.console import say
from harness.errors import ResultMissingError, UsageError
from harness.lock import clone_lock
from harness.runner import RunsCommands, available_cores
from harness.suite_confirm import Confirmation
from harness.suite_diff import Comparison, Difference, compare, same_files
from harness.suite_model import Case, FileResult, Options, Status, Subject, combine
from harness.suite_run import Job, Pool, work_dir
from harness.suite_side import Side
from harness.suite_store import Store, key
from harness.variants import Profile, Variant, parse_profile


@dataclass(frozen=True, slots=True)
class Request:
    """What to run: a set or tests, on which build, how."""

    set_name: str = "quick"
    tests: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    profile: Profile = Profile.FAST
    workers: int | None = None
    timeout: float | None = None  # seconds a file
    cache: bool = True
    docker: bool | None = None
    testdir: Path | None = None
    leaks: bool = False

    def options(self) -> Options:
        """The options of the runs."""
        workers = self.workers or available_cores()
        return suite_sets.options(
            workers=workers, timeout=self.timeout, testdir=self.testdir, match=self.match, leaks=self.leaks
        )


# --- the diff --------------------------------------------------------------------------------------------------


def run_diff(set_name: str = "quick", *, request: Request | None = None) -> Path:
    """Build both variants if need be, run the set on both, compare, and return the result folder (with diff.json).

    Files that an earlier, interrupted run has finished are not run again. `request` says more than a set's name.
    """
    from harness.build import build
    from harness.runner import open_runner

    wanted = request or Request(set_name)
    mounts = [wanted.testdir] if wanted.testdir else []
    with clone_lock("test"), open_runner(docker=wanted.docker, mounts=mounts) as runner:
        subjects = []
        for variant in (Variant.UPSTREAM, Variant.FORK):
            built = build(variant, wanted.profile, runner=runner)
            suite_install.complete(built.prefix, paths.source_tree(variant))
            subjects.append(Subject(str(variant), built.python, built.provenance))
        suite_install.level([subject.python.parent.parent for subject in subjects])
        return diff(subjects[0], subjects[1], runner, wanted, kind=runner.kind)


def diff(upstream: Subject, fork: Subject, runner: RunsCommands, wanted: Request, *, kind: str) -> Path:
    """Run both interpreters' suites by `runner` and compare them; return the result folder."""
    options = wanted.options()
    known = [suite_sets.listed(runner, subject, options.testdir) for subject in (upstream, fork)]
    selection = suite_sets.select(wanted.set_name, wanted.tests, [*known[0], *known[1]])
    left = Side(upstream, runner, options, _store(upstream, options, wanted))
    right = Side(fork, runner, options, _store(fork, options, wanted))
    theirs = [file for file in selection.files if file in known[0]]

    left.load(theirs, settled=False)
    left.load(theirs, settled=True)
    left.run(theirs)
    left.settle()
    right.load(selection.files, settled=False)
    right.run(selection.files)

    comparison = _confirmed(left, right)
    context = suite_show.Context(fork, options, kind, str(wanted.profile))
    return _conclude(selection.name, left, right, comparison, context)


def _store(subject: Subject, options: Options, wanted: Request) -> Store | None:
    """Upstream's store serves all clones on this machine; the fork's serves to resume a run that was stopped."""
    if options.match or (subject.variant == "upstream" and not wanted.cache):
        return None
    exact = subject.variant != "upstream"
    root = paths.build_dir() if exact else paths.cache_dir()
    folder = root / "suite" / f"{subject.variant}-{key(subject, options, exact=exact)}"
    return Store(folder, {"variant": subject.variant, "provenance": dict(subject.provenance)})


def _confirmed(left: Side, right: Side) -> Comparison:
    comparison = compare(left.results.values(), right.results.values(), suite_sets.accepted())
    cases = {file: combine(result.cases) for file, result in left.results.items()}
    confirmation = Confirmation(right.alone(), left.alone(), lambda file: file in left.stored)
    if comparison.suspects:
        say(f"{len(comparison.suspects)} apparent new failures run again, alone")
    confirmation.sort(comparison, lambda file, test: cases.get(file, {}).get(test))
    for file in confirmation.doubted:
        if left.store is not None:
            left.store.drop(file)
    return comparison


def _conclude(name: str, left: Side, right: Side, comparison: Comparison, context: suite_show.Context) -> Path:
    ours, theirs = list(right.results.values()), list(left.results.values())
    head: dict[str, Any] = {
        "set": name,
        "upstream": suite_show.totals(theirs, len(left.stored)),
        "fork": suite_show.totals(ours, len(right.stored)),
        "provenance": {"upstream": dict(left.subject.provenance), "fork": dict(right.subject.provenance)},
    }
    lists = suite_show.document(comparison, ours, context)
    folder = results.new("test")
    suite_show.write(folder, head, lists, theirs, ours)
    if right.store is not None:
        right.store.clear()
    suite_show.show(head, lists, folder)
    return folder


# --- stored results --------------------------------------------------------------------------------------------


def compare_files(upstream: Path, fork: Path) -> Comparison:
    """Compare two JUnit files of earlier runs; nothing runs again, so every suspect counts.

    ResultDamagedError for one that is cut short, UnequalTestResultsError if they do not cover the same files.
    """
    left, right = suite_junit.read(upstream), suite_junit.read(fork)
    same_files(left, right)
    comparison = compare(left, right, suite_sets.accepted())
    comparison.new_failures, comparison.suspects = comparison.suspects, []
    context = suite_show.Context(Subject("fork", Path("python3"), {}), Options(), "native", "")
    head = {
        "set": f"{upstream.name} against {fork.name}",
        "upstream": suite_show.totals(left, 0),
        "fork": suite_show.totals(right, 0),
    }
    suite_show.show(head, suite_show.document(comparison, right, context), None)
    return comparison


# --- named tests -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """What became of a test that was asked for by name; `passed` only if it ran and nothing in it failed."""

    name: str
    passed: bool
    status: Status
    message: str
    command: str


def run_fork_tests(
    names: Sequence[str],
    prefix: Path,
    *,
    tree: Path | None = None,
    runner: RunsCommands | None = None,
    timeout: float | None = None,
) -> list[Named]:
    """Run tests named as in a patch's `Test:` trailer on the interpreter in `prefix`; one answer a name, in order.

    A name is a test file (`test_dict`), a class or a method in it (`test_capi.test_misc.Tests.test_x`), with or
    without a leading `test.`. A name that matches no test, and one whose tests are all skipped, has not passed.
    Names of one file run in one process, as many files at once as there are cores; what fails there runs again alone.
    `tree` is the source tree of the build, for the test packages that `make install` leaves out (default: that of
    the usual place of a build). `timeout` is in seconds a file.
    """
    from harness.build import PYTHON
    from harness.runner import for_build

    source = tree or suite_install.source_of(prefix)
    if source is not None:
        suite_install.complete(prefix, source)
    if not (prefix / "bin" / PYTHON).exists():
        raise ResultMissingError(f"no interpreter is built in {prefix}", remedy="Run `./noxw -s build` first.")
    subject = Subject(prefix.parent.name, prefix / "bin" / "python3", {})
    options = suite_sets.options(workers=available_cores(), timeout=timeout)
    if runner is not None:
        return _run_named(names, subject, runner, options)
    with for_build(prefix) as own:
        return _run_named(names, subject, own, options)


def _run_named(names: Sequence[str], subject: Subject, runner: RunsCommands, options: Options) -> list[Named]:
    pool = Pool(runner, subject, options, work_dir(subject))
    wanted: dict[str, list[str]] = {}
    for name in names:
        file, only = _split(name)
        wanted.setdefault(file, []).append(only)
    together = {result.file: result for result in pool.run(_job(file, *only) for file, only in wanted.items())}
    return [_named(pool, name, together) for name in names]


def _split(name: str) -> tuple[str, str]:
    """The file of a name, and regrtest's name of the test or class in it, "" for the whole file."""
    file, _, rest = name.removeprefix("test.").partition(".")
    return file, f"test.{file}.{rest}" if rest else ""


def _job(file: str, *only: str) -> Job:
    """A class stands for its methods; a name that is the whole file, for all."""
    return Job(file, only=() if "" in only else tuple(one for name in only for one in (name, f"{name}.*")))


def _cases(result: FileResult, only: str) -> list[Case]:
    return [case for case in result.cases[1:] if not only or case.test == only or case.test.startswith(f"{only}.")]


def _named(pool: Pool, name: str, together: Mapping[str, FileResult]) -> Named:
    file, only = _split(name)
    result = together[file]
    cases = _cases(result, only)
    bad = [case for case in cases if case.status.bad]
    if bad or (result.bad() and not cases):
        result = next(pool.run([_job(file, only)]))
        cases, bad = _cases(result, only), result.bad()
    status, message = _verdict(result, cases, bad, only)
    words = [str(pool.subject.python), "-m", "test", "-v", *(["-m", f"{only}*"] if only else []), file]
    return Named(name, status is Status.PASSED, status, message, shlex.join(words))


def _verdict(result: FileResult, cases: Sequence[Case], bad: Sequence[Case], only: str) -> tuple[Status, str]:
    if bad:
        return bad[0].status, "\n".join(f"{case.test}: {case.message}" for case in bad)
    if any(case.status is Status.PASSED for case in cases):
        return Status.PASSED, ""
    if not only and result.whole.status is Status.PASSED:
        return Status.PASSED, ""
    if cases or result.whole.status is Status.SKIPPED:
        return Status.SKIPPED, "skipped: " + "; ".join({case.message for case in (*cases, result.whole)} - {""})
    return Status.NO_TESTS, f"no test matches {only or result.file}"


# --- command ---------------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    made = argparse.ArgumentParser(prog="test", description="CPython's own suite on upstream and fork, compared.")
    made.add_argument(
        "--set", help="quick (default), full (default with --isolated), or a file that lists test files"
    )
    made.add_argument("--tests", nargs="+", default=[], metavar="FILE", help="these test files instead of a set")
    made.add_argument(
        "--match", "-m", action="append", default=[], metavar="PATTERN", help="only these tests of them"
    )
    made.add_argument("--profile", help="fast (default), release, debug (default with --leaks), tsan, asan")
    made.add_argument("--workers", "-j", type=_positive, metavar="N", help="files at once (default: one a core)")
    made.add_argument("--timeout", type=_positive, metavar="SECONDS", help="for every file (default: by file)")
    made.add_argument("--no-cache", dest="cache", action="store_false", help="run upstream anew, keep nothing of it")
    made.add_argument("--testdir", type=Path, help="test files of this directory instead of CPython's")
    how = made.add_mutually_exclusive_group()
    how.add_argument(
        "--leaks", action="store_true", help="hunt for leaks of references, memory blocks and descriptors (-R 3:3)"
    )
    how.add_argument(
        "--isolated", action="store_true", help="the fork alone: its main interpreter against one with its own GIL"
    )
    made.add_argument("--compare", nargs=2, type=Path, metavar="XML", help="compare two junit-*.xml, run nothing")
    cli.add_place(made)
    return made


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _request(given: argparse.Namespace) -> Request:
    if given.testdir is not None and not given.testdir.is_dir():
        raise UsageError(f"--testdir {given.testdir} is not a directory")
    if given.match and not given.tests:
        raise UsageError("--match chooses tests of the files that --tests names; name one")
    return Request(
        set_name=_set_name(given),
        tests=tuple(given.tests),
        match=tuple(given.match),
        profile=_profile(given),
        workers=given.workers,
        timeout=given.timeout,
        cache=given.cache,
        docker=given.docker,
        testdir=None if given.testdir is None else given.testdir.resolve(),
        leaks=given.leaks,
    )


def _profile(given: argparse.Namespace) -> Profile:
    """The profile asked for; UsageError for a hunt for leaks in a build that counts no references."""
    if given.profile is None:
        return Profile.DEBUG if given.leaks else Profile.FAST
    profile = parse_profile(given.profile)
    if given.leaks and profile is not Profile.DEBUG:
        raise UsageError(f"--leaks needs the debug profile: a build of {profile} does not count references")
    return profile


def _set_name(given: argparse.Namespace) -> str:
    if given.testdir is not None and not given.tests:
        return suite_sets.FULL
    return given.set or (suite_sets.FULL if given.isolated else "quick")


def main(argv: list[str]) -> int:
    """`test [--set SET | --tests FILE ...]`: 0 if the fork has no new failure, else 1."""
    given = parser().parse_args(argv)
    if given.compare:
        return 1 if compare_files(*given.compare).new_failures else 0
    if given.isolated:
        from harness.suite_isolated import run_isolated

        return 0 if run_isolated(_request(given))[1] else 1
    from harness import atomic

    folder = run_diff(request=_request(given))
    return 1 if atomic.read_json(folder / "diff.json")["new_failures"] else 0


__all__ = ["Difference", "Named", "Request", "compare_files", "diff", "main", "run_diff", "run_fork_tests"]
