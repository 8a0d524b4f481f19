"""NumPy's wheel in interpreters with a GIL of their own: arrays over the same memory."""

from __future__ import annotations

import pytest
from fork_kit import python, with_numpy

from harness import paths
from harness.build import Built

pytestmark = [pytest.mark.build]

PROGRAM = paths.ROOT / "tests" / "fork" / "numpy_shared.py"


def test_a_shared_buffer_is_an_array_on_both_sides_without_a_copy(built_fork_fast: Built) -> None:
    """Both see the other's writes, at the same address, and 256 MiB take the memory once."""
    told = python(built_fork_fast, "-X", "faulthandler", PROGRAM, env=with_numpy(), timeout=120)
    assert told == "shared\n"
