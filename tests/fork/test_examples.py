"""Every Python example of README.md and docs/guide.md runs on the built fork and prints what the page says."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import examples
import pytest
from examples import Example
from fork_kit import python, with_numpy

from harness import paths, proc
from harness.build import Built
from harness.runner import for_build

pytestmark = [pytest.mark.build]

TRIES = 8  # other processes of this machine may have the second core for a while


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that the runner sees."""
    paths.build_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.build_dir(), prefix="test-example-") as name:
        yield Path(name)


def surroundings(example: Example) -> dict[str, str]:
    """The environment of a program: with NumPy if it imports it."""
    return with_numpy() if "import numpy" in example.code else {}


@pytest.mark.parametrize("example", examples.all_of_them(), ids=lambda example: example.name)
def test_an_example_prints_what_the_page_says(built_fork_fast: Built, folder: Path, example: Example) -> None:
    program = examples.write(example, folder)
    told = python(built_fork_fast, "-X", "faulthandler", program, env=surroundings(example), timeout=120)
    assert told == example.output


def seconds(built: Built, program: Path, env: Mapping[str, str] | None = None) -> float:
    """How long the program runs."""
    with for_build(built.prefix) as runner:
        return proc.run(runner.argv([str(built.python), str(program)], env=env), echo=False, timeout=120).seconds


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_the_ten_lines_of_the_readme_use_two_cores(built_fork_fast: Built, folder: Path) -> None:
    """The same program with threads of one interpreter takes twice the time but for disturbances."""
    program = examples.write(examples.of("README.md")[0], folder)
    threads = folder / "threads.py"
    threads.write_text(program.read_text(encoding="utf-8").replace("InterpreterPool", "ThreadPool"), encoding="utf-8")
    reached = 0.0
    for _ in range(TRIES):
        reached = max(reached, seconds(built_fork_fast, threads) / seconds(built_fork_fast, program))
        if reached > 1.7:
            break
    assert reached > 1.4


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_the_five_lines_with_numpy_use_two_cores(built_fork_fast: Built, folder: Path) -> None:
    """With more matrices and one interpreter it takes twice the time but for imports and disturbances."""
    (example,) = (one for one in examples.of("README.md") if "import numpy" in one.code)
    program = examples.write(example, folder)
    code, matrices = program.read_text(encoding="utf-8"), "[np.tri(1500), np.tri(1501)]"
    assert matrices in code
    program.write_text(code.replace(matrices, f"{matrices} * 4"), encoding="utf-8")
    alone = folder / "alone.py"
    alone.write_text(program.read_text(encoding="utf-8").replace("Executor(2)", "Executor(1)"), encoding="utf-8")
    env = surroundings(example)
    reached = 0.0
    for _ in range(TRIES):
        reached = max(reached, seconds(built_fork_fast, alone, env) / seconds(built_fork_fast, program, env))
        if reached > 1.5:
            break
    assert reached > 1.3
