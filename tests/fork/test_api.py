"""The fork passes the whole conformance suite of the Python API; what it has not is a failure, never "absent"."""

from __future__ import annotations

import pytest

from harness import conformance
from harness.build import Built
from harness.runner import for_build

pytestmark = [pytest.mark.build, pytest.mark.slow]

AREAS = {"names", "life", "exec", "call", "main", "sharing", "queues", "unbound", "pool"}
CASES = 300  # so that no area is lost unnoticed


def test_the_fork_passes_every_case(built_fork_fast: Built) -> None:
    with for_build(built_fork_fast.prefix) as runner:
        subject = conformance.Subject(conformance.FORK, built_fork_fast.python, runner, built_fork_fast.provenance)
        told = conformance.run_suite(subject)
    bad = {name: one for name, one in told.cases.items() if one["status"] != "passed"}
    assert not bad, "\n".join(f"{name}: {one['status']}\n{one['message']}" for name, one in bad.items())
    assert told.identity["api"] == "concurrent.interpreters"
    assert {name.partition(".")[0] for name in told.cases} == AREAS
    assert len(told.cases) >= CASES
