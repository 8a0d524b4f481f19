"""The built fork behaves as its patches say: each patch's own test passes there, and what they promise holds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fork_kit import python

from harness import proc, series, series_rules
from harness.build import Built
from harness.runner import for_build
from perf import fork_tests

pytestmark = [pytest.mark.build]

# What patches that name test_what_stays_has_a_reason promise, and the one that looks at every row.
LISTED = (
    *("system", "urandom", "once", "atomic", "names"),
    *("constants", "configuration_names", "environment", "module_definitions", "tracemalloc"),
    *("singletons", "argument_parsers"),
)


def run(built: Built, code: str, *options: str) -> str:
    """What `code` prints in the built interpreter."""
    return python(built, *options, "-c", code, timeout=120)


def names(patches: Sequence[series.Patch]) -> list[str]:
    return sorted({name for patch in patches for name in series_rules.cpython_tests(patch)})


def test_every_patch_passes_its_own_test(built_fork_fast: Built) -> None:
    from harness.source import ensure_tree
    from harness.variants import Variant

    tree = ensure_tree(Variant.FORK)
    wanted = names(series.load())
    assert wanted
    with for_build(built_fork_fast.prefix) as runner:
        found = fork_tests.run_named(wanted, built_fork_fast, tree.path, runner)
    assert found["failures"] == []
    assert found["passed"] == len(wanted)


def test_what_stays_has_a_reason(built_fork_fast: Built) -> None:
    """Tests that read the analyzer's lists, which no installation has: they run from the source tree."""
    from harness.source import ensure_tree
    from harness.variants import Variant

    library = ensure_tree(Variant.FORK).path / "Lib"
    environment = {"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"}
    tests = [f"test.test_interpstate.GlobalsListTests.test_{name}" for name in LISTED]
    command = [str(built_fork_fast.python), "-m", "unittest", *tests]
    with for_build(built_fork_fast.prefix) as runner:
        done = proc.run(runner.argv(command, env=environment), echo=False, check=False, timeout=300)
    assert done.returncode == 0, done.stdout
    assert f"Ran {len(LISTED)} tests" in done.stdout
    assert done.stdout.rstrip().endswith("OK"), done.stdout  # and none was skipped


def test_upstream_fails_them(built_upstream_fast: Built) -> None:
    """A patch's test that passes on upstream too would prove nothing (or only that nothing was broken)."""
    from harness.source import ensure_tree
    from harness.variants import Variant

    tree = ensure_tree(Variant.UPSTREAM)
    wanted = names(series.load())
    with for_build(built_upstream_fast.prefix) as runner:
        found = fork_tests.run_named(wanted, built_upstream_fast, tree.path, runner)
    # A speed-up or a clean-up is covered by a test that existed before; most patches bring one of their own.
    assert found["missing"] + found["failed"] >= len(wanted) * 3 // 4, found


def test_version_names_the_fork_and_its_series(built_fork_fast: Built, built_upstream_fast: Built) -> None:
    fork = run(built_fork_fast, "import sys; print(sys.version)")
    assert f"redwoodtj:{built_fork_fast.provenance['series_hash'][:8]}" in fork
    assert "redwoodtj" not in run(built_upstream_fast, "import sys; print(sys.version)")


FLOATS = """
import threading, _xxsubinterpreters as interpreters
CODE = "for n in range(2000): assert float(repr(n / 7 * 1e200)) == n / 7 * 1e200"
ids = [interpreters.create() for _ in range(8)]
threads = [threading.Thread(target=interpreters.run_string, args=(one, CODE)) for one in ids]
for thread in threads: thread.start()
for thread in threads: thread.join()
for one in ids: interpreters.destroy(one)
print("done", 355 / 113)
"""


def test_interpreters_in_threads_come_and_go(built_fork_fast: Built) -> None:
    """Thread state, float conversion memory, imports and argument parsers of eight interpreters in eight threads."""
    assert run(built_fork_fast, FLOATS, "-X", "faulthandler") == "done 3.1415929203539825\n"


CYCLES = """
import _xxsubinterpreters as interpreters, resource
def cycles(count):
    for _ in range(count):
        one = interpreters.create()
        interpreters.run_string(one, "float(repr(1e300 / 3))")
        interpreters.destroy(one)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = cycles(100)
print((cycles(300) - before) / 300)
"""


def test_repeated_interpreters_keep_no_more_memory_than_upstream(
    built_fork_fast: Built, built_upstream_fast: Built
) -> None:
    """What was moved into the interpreter is given back with it (in KiB a cycle; upstream itself loses some)."""
    fork, upstream = float(run(built_fork_fast, CYCLES)), float(run(built_upstream_fast, CYCLES))
    assert fork <= upstream + 1.0
