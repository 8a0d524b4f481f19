"""The tests that patches name in their `Test:` trailers, run on one build and counted for the ledger and bisect."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from harness import suite, suite_junit
from harness.build import Built
from harness.errors import UsageError
from harness.runner import Runner
from harness.suite import Named
from harness.suite_model import Status

DOTTED = re.compile(r"test_\w+(\.\w+)*")


def dotted(name: str) -> str:
    """The dotted name of a CPython test given as `test.test_x.C.m`, `test_x` or `Lib/test/test_x.py::C::m`.

    UsageError for what is none (a path outside Lib/test, another module).
    """
    path, _, rest = name.partition("::")
    if path.endswith(".py"):
        parts = PurePosixPath(path).with_suffix("").parts
        module = parts[2:] if parts[:2] == ("Lib", "test") else (path,)
        found = ".".join([*module, *rest.split("::")] if rest else module)
    else:
        found = name.removeprefix("test.")
    if not DOTTED.fullmatch(found) or ".py" in found:
        raise UsageError(f"{name!r} is no test of CPython's suite (test_x, test_x.Class.method, Lib/test/test_x.py)")
    return found


def run_named(names: Sequence[str], built: Built, tree: Path, runner: Runner) -> dict[str, Any]:
    """Run the tests and count: {passed, failed, skipped, missing, failures: [name: what happened]}.

    A test counts as missing if the build has no such file or no such test in it; the ledger takes that for a failure.
    """
    found = suite.run_fork_tests([dotted(name) for name in names], built.prefix, tree=tree, runner=runner)
    return count(found, built.prefix)


def count(found: Sequence[Named], prefix: Path) -> dict[str, Any]:
    """Sort answers of the suite by what became of them."""
    sorts: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": [], "missing": []}
    for one in found:
        sorts[_sort(one, prefix)].append(one.name)
    told = {one.name: suite_junit.telling_line(one.message) or one.status for one in found}
    bad = [*sorts["failed"], *sorts["missing"]]
    return {name: len(listed) for name, listed in sorts.items()} | {
        "failures": [f"{name}: {told[name]}" for name in bad]
    }


def _sort(one: Named, prefix: Path) -> str:
    if one.passed:
        return "passed"
    if one.status is Status.NO_TESTS or not _exists(one.name, prefix):
        return "missing"
    return "skipped" if one.status is Status.SKIPPED else "failed"


def _exists(name: str, prefix: Path) -> bool:
    """Does the build have the file of this test?"""
    file = name.partition(".")[0]
    folders = list(prefix.glob("lib/python3.*/test"))
    return any((folder / file).is_dir() or (folder / f"{file}.py").is_file() for folder in folders)
