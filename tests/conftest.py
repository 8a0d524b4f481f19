"""What all tests share: builds made once in this clone, and the rule when a test of the engine may be skipped.

A test marked `engine` is skipped where REDWOODTJ_NO_ENGINE=1 says so, or where no engine answers on a person's
machine. In CI (CI=true) a missing engine is a failure, so that the Docker path cannot go untested unnoticed.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import pytest

from harness import engine
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.build import Built


# A session that a test runs would leave its exit code where noxw looks for that of the tests.
os.environ.pop("REDWOODTJ_EXIT_FILE", None)


@cache
def why_no_engine() -> str | None:
    """Why tests of the engine cannot run; None if they can."""
    if os.environ.get("REDWOODTJ_NO_ENGINE") == "1":
        return "REDWOODTJ_NO_ENGINE=1"
    try:
        engine.probe()
    except HarnessError as error:
        return str(error)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test of the engine where there is none."""
    reason = why_no_engine() if item.get_closest_marker("engine") else None
    if reason is None:
        return
    if os.environ.get("CI") == "true" and os.environ.get("REDWOODTJ_NO_ENGINE") != "1":
        pytest.fail(f"CI must test the Docker path: {reason}", pytrace=False)
    pytest.skip(reason)


def _built(variant: str) -> Built:
    from harness.build import build
    from harness.runner import open_runner
    from harness.variants import Profile, Variant

    with open_runner(docker=why_no_engine() is None) as runner:
        return build(Variant(variant), Profile.FAST, runner=runner)


@pytest.fixture(scope="session")
def built_upstream_fast() -> Built:
    """Upstream in profile fast, in build/ of this clone; made in Docker where an engine answers."""
    return _built("upstream")


@pytest.fixture(scope="session")
def built_fork_fast() -> Built:
    """The fork in profile fast, in build/ of this clone; made in Docker where an engine answers."""
    return _built("fork")
