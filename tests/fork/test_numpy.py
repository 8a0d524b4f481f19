"""NumPy's wheel in interpreters with a GIL of their own: arrays over the same memory."""

from __future__ import annotations

import pytest
from fork_kit import python, site_of

from harness import paths
from harness.build import Built

pytestmark = [pytest.mark.build]

PROGRAM = paths.ROOT / "tests" / "fork" / "numpy_shared.py"


def test_a_shared_buffer_is_an_array_on_both_sides_without_a_copy(built_fork_fast: Built) -> None:
    """Both see the other's writes, at the same address, and 256 MiB take the memory once."""
    env = {"PYTHONPATH": str(site_of("numpy")), "PYTHONWARNINGS": "ignore::UserWarning"}
    told = python(built_fork_fast, "-X", "faulthandler", PROGRAM, env=env, timeout=120)
    assert told == "shared\n"
