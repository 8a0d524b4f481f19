"""Objects that are shared bear what code compiled for stock 3.11 does to their counts, immortal or not yet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fork_kit import python

from harness import paths, proc
from harness.build import Built
from harness.runner import for_build

pytestmark = [pytest.mark.build]

SOURCE = Path(__file__).parent / "ext" / "stray.c"
UNPAIRED = {"increment": 10**9, "decrement": -(10**9)}

USE = """
import gc, stray, sys
import _xxsubinterpreters as interpreters
{first}
stray.count({references})
things = [None] * 1000 + [int("5") for _ in range(1000)]
del things
gc.collect()
assert None is (lambda: None)() and isinstance(5, int) and int("7") == 7
one = interpreters.create(own_gil=True)
interpreters.run_string(one, "assert None is (lambda: None)() and int('7') == 7")
interpreters.destroy(one)
print(sys.getrefcount(None) > 2**61, sys.getrefcount(int) > 2**61)
"""
# What makes these objects immortal: an interpreter with a GIL of its own, before the references or after them.
FIRST = {"counted": "", "immortal": "interpreters.destroy(interpreters.create(own_gil=True))"}


@pytest.fixture(scope="module")
def folder(built_upstream_fast: Built) -> Iterator[Path]:
    """A directory that the runner sees, with the extension compiled against upstream's headers."""
    paths.build_dir().mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=paths.build_dir(), prefix="test-stray-") as name,
        for_build(built_upstream_fast.prefix) as runner,
    ):
        shutil.copy(SOURCE, name)
        include = built_upstream_fast.prefix / "include" / "python3.11"
        command = ["gcc", "-O2", "-shared", "-fPIC", f"-I{include}", "-o", "stray.so", SOURCE.name]
        proc.run(runner.argv(command, cwd=Path(name)), echo=False, timeout=120)
        yield Path(name)


@pytest.mark.parametrize("function", list(UNPAIRED))
@pytest.mark.parametrize("first", list(FIRST))
def test_a_billion_unpaired_references_do_no_harm(
    built_fork_fast: Built, folder: Path, function: str, first: str
) -> None:
    code = USE.format(references=UNPAIRED[function], first=FIRST[first])
    assert python(built_fork_fast, "-c", code, env={"PYTHONPATH": str(folder)}) == "True True\n"
