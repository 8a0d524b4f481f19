"""The self-proof: scenarios, tables, rates, real gates kept as they end and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gate_fake import LIMITS

from harness.errors import Exit, PlantedError, UsageError
from perf import gate_noise, selfproof, selfproof_simulated, selfproof_table


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RESULTS", "CACHE", "BUILD"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))


def verdict(said: str = "PASS", ratio: float | None = 1.001) -> dict[str, Any]:
    suite = {"ratio": ratio, "low": 0.998, "high": 1.004, "mde": 0.012, "blocks": 10}
    return {
        "verdict": said,
        "reasons": ["because"],
        "seconds": 70.0,
        "machine": {"id": "here"},
        "warnings": [],
        "suite": None if ratio is None else suite,
        "benchmarks": [{"name": "one", "ratio": ratio, "status": "same"}],
    }


def test_scenarios_cover_what_the_specification_asks() -> None:
    told = " ".join(scenario.what for scenario in selfproof_simulated.SCENARIOS)
    for part in ("nothing changed", "1.5% slower", "3% slower", "10% slower", "control arm", "pairs"):
        assert part in told


def test_a_scenario_is_a_row() -> None:
    row = selfproof_simulated.row(selfproof_simulated.SCENARIOS[7], LIMITS, 5)
    assert row["runs"] == 5
    assert sum(row["verdicts"].values()) == 5
    table = selfproof_table.simulated([row])
    assert table.splitlines()[0].startswith("| simulated | runs | PASS | FAIL |")
    assert "| everything 3% slower | 5 | 0.0% | 100.0% |" in table


def test_no_two_scenarios_share_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfproof_simulated, "SCENARIOS", selfproof_simulated.SCENARIOS[:3])
    rows = selfproof_simulated.rows(LIMITS, 2, lambda: None)
    seeds = [row["seed"] + step for row in rows for step in range(row["runs"])]
    assert len(set(seeds)) == 6


def test_rates_are_given_with_what_so_few_runs_can_say() -> None:
    gates = [selfproof.summary(verdict()) for _ in range(19)] + [selfproof.summary(verdict("FAIL", 1.02))]
    rates = selfproof_table.rates(gates)
    assert (rates["runs"], rates["false_alarms"], rates["passed"], rates["void"]) == (20, 1, 19, 0)
    assert rates["false_alarm_rate_at_most"] == pytest.approx(0.216, abs=0.001)
    assert rates["intervals_that_held_1"] == 20


def test_the_table_of_real_gates() -> None:
    groups = {"nothing changed": [selfproof.summary(verdict()), selfproof.summary(verdict("MISSING", None))]}
    assert "| nothing changed | 2 | 1 | 0 | 0 | 0 | 1 | 1.0010 to 1.0010 | 1.20% |" in selfproof_table.real(groups)


def started(runs: int) -> selfproof.Proof:
    return selfproof.opened({"real": runs})


def test_gates_are_kept_as_they_end_and_the_next_run_goes_on() -> None:
    calls = 0

    def twice() -> dict[str, Any]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return verdict()

    proof = started(4)
    with pytest.raises(KeyboardInterrupt):
        selfproof.hold_until(proof, "nothing changed", 4, twice)
    again = started(4)
    assert again.folder == proof.folder
    assert len(again.gates["nothing changed"]) == 2
    selfproof.hold_until(again, "nothing changed", 4, twice)
    again.finish()
    stored = json.loads((again.folder / "selfproof.json").read_text(encoding="utf-8"))
    assert stored["rates"]["runs"] == 4
    assert "nothing changed" in (again.folder / "selfproof.md").read_text(encoding="utf-8")
    assert started(4).folder != proof.folder  # that one is finished


def test_noise_is_learned_from_enough_gates() -> None:
    gates = [selfproof.summary(verdict(ratio=1 + step / 1000)) for step in range(6)]
    selfproof.learn(gates[:4])
    assert gate_noise.load("here") == {}
    selfproof.learn(gates)
    assert 0.005 < gate_noise.load("here")["one"] < 0.05


def test_the_command_simulates_and_stores(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selfproof_simulated, "SCENARIOS", selfproof_simulated.SCENARIOS[:2])
    assert selfproof.main(["--simulated", "3", "--real", "0", "--planted", "none"]) == Exit.OK
    assert "nothing changed, loud machine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--real", "-1"], UsageError, "cannot be negative"),
        (["--planted", "99%"], PlantedError, "no planted slowdown '99%'"),
    ],
)
def test_bad_arguments(arguments: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        selfproof.main(arguments)


def test_the_small_gates_take_benchmarks_that_exist() -> None:
    from perf.suites import load_suite, select

    names = selfproof.BENCHMARKS.split(",")
    assert len(select(load_suite(selfproof.SUITE), names)) == len(names)
