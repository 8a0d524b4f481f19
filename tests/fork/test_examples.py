"""Every Python example of README.md and docs/guide.md runs on the built fork and prints what the page says."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import examples
import pytest
from examples import Example
from fork_kit import python

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


@pytest.mark.parametrize("example", examples.all_of_them(), ids=lambda example: example.name)
def test_an_example_prints_what_the_page_says(built_fork_fast: Built, folder: Path, example: Example) -> None:
    program = examples.write(example, folder)
    assert python(built_fork_fast, "-X", "faulthandler", program, timeout=120) == example.output


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_the_ten_lines_of_the_readme_use_two_cores(built_fork_fast: Built, folder: Path) -> None:
    """Processor time over the time that passes: 1 at most with a common GIL, 2 but for disturbances with two."""
    program = examples.write(examples.of("README.md")[0], folder)
    reached = 0.0
    with for_build(built_fork_fast.prefix) as runner:
        for _ in range(TRIES):
            command = ["bash", "-c", 'TIMEFORMAT="%R %U"; time "$0" "$1"', str(built_fork_fast.python), str(program)]
            told = proc.run(runner.argv(command), echo=False, timeout=120).stdout.split()
            passed, used = float(told[-2]), float(told[-1])
            reached = max(reached, used / passed)
            if reached > 1.6:
                break
    assert reached > 1.4
