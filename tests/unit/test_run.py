"""The `run` command: order of steps, what ends it, and which exit code it has."""

from __future__ import annotations

import pytest

from perf import run
from perf.run import Outcome, Step


def outcome(name: str, code: int, needed: bool = False) -> Outcome:
    return Outcome(Step(name, "m", (), needed), code, 1.0)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({"test quick": 0, "gate": 0}, 0),
        ({"test quick": 1, "gate": 0}, 1),
        ({"test quick": 1, "gate": 3}, 3),
        ({"build fork": 8}, 8),
    ],
)
def test_exit_code_is_the_gates_unless_it_passed(codes: dict[str, int], expected: int) -> None:
    assert run.exit_code([outcome(name, code) for name, code in codes.items()]) == expected


def test_needed_step_ends_the_run_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = {"a": 1, "b": 0, "c": 7, "d": 0}
    monkeypatch.setattr(run, "call", lambda step: Outcome(step, codes[step.name], 0.0))
    wanted = [Step("a", "m", ()), Step("b", "m", (), True), Step("c", "m", (), True), Step("d", "m", ())]
    assert [done.step.name for done in run.run_steps(wanted)] == ["a", "b", "c"]


def test_every_step_names_a_command_that_exists() -> None:
    for step in run.steps(("--native",)):
        assert callable(__import__(step.module, fromlist=["main"]).main), step
