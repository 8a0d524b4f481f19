"""Interpreters against processes in turns: plan, ratio with its interval, failures, what is taken up again."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_fake import PYTHON, side

from harness.errors import ResultDamagedError
from perf import bench, bench_ceiling, bench_cells, bench_parallel, bench_store
from perf.bench_cells import Cell, Script
from perf.bench_store import Store

LOOPS = {"compute": 90, "mixed": 7}  # of a measurement; a turn has a sixteenth


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path / "results"))
    return bench_store.opened("multicore", {"a": 1})


def plans(count: int) -> dict[str, list[bench_ceiling.Block]]:
    return {"fork": bench_ceiling.blocks(side("fork"), LOOPS, 2, count, "seed")}


def answer(ratios: list[float]) -> dict[str, Any]:
    """Turns of a machine that gets slower all the time, in which interpreters reach `ratios` of processes."""
    processes = [0.03 * 1.1**number for number in range(len(ratios))]
    interpreters = [seconds / ratio for seconds, ratio in zip(processes, ratios, strict=True)]
    return {"seconds": 1.0, "rate": 1.0, "unit": "work/s", "processes": processes, "interpreters": interpreters}


def measured(monkeypatch: pytest.MonkeyPatch, found: Callable[[Cell], dict[str, Any]]) -> list[tuple[Cell, Script]]:
    """What is measured from now on; `found` makes the answers."""
    seen: list[tuple[Cell, Script]] = []

    def measure(cell: Cell, _: object, script: Script) -> dict[str, Any]:
        made = found(cell)
        seen.append((cell, script))
        return made

    monkeypatch.setattr(bench_cells, "measure", measure)
    return seen


def test_a_plan_follows_from_its_seed_and_turns_are_short() -> None:
    made = plans(20)["fork"]
    assert made == plans(20)["fork"]
    orders = [tuple(block.cell.workload for block in made[at : at + 2]) for at in range(0, 40, 2)]
    assert {frozenset(order) for order in orders} == {frozenset(LOOPS)} and len(set(orders)) == 2
    assert len({block.key for block in made}) == len(made) == 20 * 2
    assert {(cell.workload, cell.loops) for cell in (block.cell for block in made)} == {("compute", 5), ("mixed", 1)}
    assert all(block.cell.workers == 2 and block.cell.mode == "turns" for block in made)


def test_the_ratio_is_the_mean_of_pairs_and_a_drift_cancels(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = measured(monkeypatch, lambda _: answer([0.97 * 2, 0.97 / 2, 0.97]))
    bench_ceiling.measure([side("fork")], plans(4), store)
    assert len(seen) == 4 * 2 and {script.name for _, script in seen} == {"turns.py"}
    for row in bench_ceiling.rows(plans(4), store):
        assert row["ratio"] == pytest.approx(0.97) and row["blocks"] == 4 and row["error"] is None
        assert row["low"] <= row["ratio"] <= row["high"] and row["high"] - row["low"] < 1e-9
        assert row["block_ratios"] == pytest.approx([0.97] * 4)


def test_the_interval_is_that_of_the_blocks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ratios = iter([0.9, 0.9, 1.0, 1.0, 1.1, 1.1])
    measured(monkeypatch, lambda _: answer([next(ratios)] * 5))
    bench_ceiling.measure([side("fork")], plans(3), store)
    for row in bench_ceiling.rows(plans(3), store):
        logs = [math.log(one) for one in (0.9, 1.0, 1.1)]
        half = 4.302653 * statistics.stdev(logs) / math.sqrt(3)  # t of two degrees of freedom
        assert row["high"] == pytest.approx(math.exp(statistics.fmean(logs) + half), rel=1e-5)
        assert row["low"] == pytest.approx(math.exp(statistics.fmean(logs) - half), rel=1e-5)


def test_a_failure_is_an_error_of_its_row(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    crashed = {"error": "crashed by SIGSEGV"}
    measured(monkeypatch, lambda cell: crashed if cell.workload == "mixed" else answer([1.0]))
    bench_ceiling.measure([side("fork")], plans(3), store)
    compute, mixed = bench_ceiling.rows(plans(3), store)
    assert compute["ratio"] == 1.0 and compute["error"] is None
    assert mixed["ratio"] is None and mixed["error"] == "crashed by SIGSEGV"
    columns = bench_ceiling.table([compute, mixed]).columns
    assert list(columns[3].cells) == ["1.0000", "[red]failed[/]"]


@pytest.mark.parametrize("change", [{"interpreters": [0.1]}, {"processes": None}, {"processes": [0.0, 0.1]}])
def test_turns_that_are_no_pairs_are_damage(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    measured(monkeypatch, lambda _: answer([1.0, 1.0]) | change)
    bench_ceiling.measure([side("fork")], plans(2), store)
    with pytest.raises(ResultDamagedError, match="no pairs of turns"):
        list(bench_ceiling.rows(plans(2), store))


def test_what_was_measured_before_an_interruption_is_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Cell) -> dict[str, Any]:
        if len(seen) == 3:
            raise KeyboardInterrupt
        return answer([1.0])

    seen = measured(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench_ceiling.measure([side("fork")], plans(3), store)
    with pytest.raises(ResultDamagedError, match="was not measured"):
        list(bench_ceiling.rows(plans(3), store))
    again = measured(monkeypatch, lambda _: answer([1.0]))
    bench_ceiling.measure([side("fork")], plans(3), store)
    assert len(again) == 3


def test_both_arms_really_take_turns() -> None:
    found = bench_cells.measure(Cell("compute", "fork", "turns", 2, 3), side("fork"), bench_ceiling.SCRIPT)
    assert "error" not in found, found
    assert len(found["processes"]) == len(found["interpreters"]) == 40
    seconds = [*found["processes"], *found["interpreters"]]
    assert min(seconds) > 0 and found["seconds"] == pytest.approx(sum(seconds))
    assert found["rate"] == pytest.approx(2 * 40 * 3 * 2 / found["seconds"])


@pytest.mark.parametrize(("arm", "thing"), [("processes", "threading.Thread"), ("interpreters", "interp_api.find")])
def test_a_worker_that_fails_is_told_and_not_waited_for(tmp_path: Path, arm: str, thing: str) -> None:
    """The block runs with a copy of the scripts in which the process of one arm cannot start its work."""
    for one in bench_cells.WORKLOADS.glob("*.py"):
        (tmp_path / one.name).write_text(one.read_text(encoding="utf-8"), encoding="utf-8")
    broken = tmp_path / ("turn_worker.py" if arm == "processes" else "turns.py")
    within = "def main() -> None:" if arm == "processes" else "def _served("
    head, tail = broken.read_text(encoding="utf-8").split(within)
    broken.write_text(head + within + tail.replace(thing, "missing", 1), encoding="utf-8")
    command = [str(PYTHON), str(tmp_path / "turns.py"), "compute", "turns", "--loops", "3", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "a worker ended before it had begun" in done.stderr


def test_upstream_does_not_run_and_the_result_holds_the_ratios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    def found(cell: Cell) -> dict[str, Any]:
        return answer([0.5]) if cell.mode == "turns" else {"seconds": 1.0, "rate": 1.0, "unit": "work/s"}

    seen = measured(monkeypatch, found)
    given = ["--upstream", str(PYTHON), "--fork", str(PYTHON), "--repeats", "1", "--ceiling-blocks", "2"]
    options: argparse.Namespace = bench.parser().parse_args(["multicore", "--fast", *given])
    bench_parallel.run("multicore", options)
    [main] = (tmp_path / "results").glob("*-multicore-*/multicore.json")
    ceiling = json.loads(main.read_text(encoding="utf-8"))["ceiling"]
    assert [(row["workload"], row["implementation"]) for row in ceiling] == [("compute", "fork"), ("mixed", "fork")]
    assert [cell.implementation for cell, _ in seen if cell.mode == "turns"] == ["fork"] * 4
    assert all(row["ratio"] == pytest.approx(0.5) for row in ceiling)


@pytest.mark.parametrize("count", ["1", "-2", "x"])
def test_a_number_of_blocks_that_gives_no_interval_is_refused(count: str) -> None:
    with pytest.raises(SystemExit):
        bench.parser().parse_args(["multicore", "--ceiling-blocks", count])


def test_fast_runs_time_no_pairs_unless_they_are_asked_for() -> None:
    wanted = {"--fast": 0, "--fresh": 20, "--ceiling-blocks=4": 4}
    for option, blocks in wanted.items():
        options = bench.parser().parse_args(["multicore", option])
        assert bench_parallel._pairs("multicore", options) == blocks
        assert bench_parallel._pairs("messaging", options) == 0
