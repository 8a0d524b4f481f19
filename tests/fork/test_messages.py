"""Pools, queues and interpreters last: interrupted at random moments, for many tasks, with a thousand of them."""

from __future__ import annotations

import pytest
from fork_kit import python

from harness import paths
from harness.build import Built

pytestmark = [pytest.mark.build]

FOLDER = paths.ROOT / "tests" / "fork"


def test_interrupted(built_fork_fast: Built) -> None:
    """Programs that get SIGINT at some moment end, and print nothing but that a callback has ignored one."""
    told = python(built_fork_fast, FOLDER / "interrupts.py", "--rounds", "6")
    ended, ignored = told.splitlines()
    assert ended == "pool 6 queues 6 exec 6 callback 6"
    # The program that is made to ignore one does, so that this part of the script is tested, too.
    assert int(ignored.split()[-1]) > 0, told


def test_many_tasks(built_fork_fast: Built) -> None:
    """A pool does not grow; by hand: `--tasks 10000000`."""
    told = python(built_fork_fast, "-X", "faulthandler", FOLDER / "endurance.py", "--tasks", "200000")
    assert int(told.split()[0]) >= 200000


def test_a_thousand_interpreters(built_fork_fast: Built) -> None:
    """All are alive at once, and answer."""
    told = python(built_fork_fast, "-X", "faulthandler", FOLDER / "endurance.py", "--crowd", "1000")
    assert told.startswith("1000 interpreters")


def test_nothing_is_left_of_interpreters(built_fork_fast: Built) -> None:
    """Each imports thirty modules of the library and ends; by hand: `--cycles 1000`. One arena is 10 KiB in 100."""
    told = python(built_fork_fast, "-X", "faulthandler", FOLDER / "endurance.py", "--cycles", "400")
    assert told.startswith("30 modules, 400 cycles")
