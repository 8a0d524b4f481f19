"""Interpreters against processes in blocks: plan, ratio with its interval, failures, what is taken up again."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import pytest
from bench_fake import PYTHON, side

from harness.errors import ResultDamagedError
from perf import bench, bench_ceiling, bench_cells, bench_parallel, bench_store
from perf.bench_cells import Cell, Script
from perf.bench_store import Store

SCRIPT = Script("made.py", 1.0)
LOOPS = {"compute": 5, "mixed": 7}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path / "results"))
    return bench_store.opened("multicore", {"a": 1})


def plans(count: int) -> dict[str, list[bench_ceiling.Block]]:
    return {"fork": bench_ceiling.blocks(side("fork"), LOOPS, 2, count, "seed")}


def drifting(monkeypatch: pytest.MonkeyPatch, share: float) -> list[Cell]:
    """Measurements of a machine that gets slower all the time, on which interpreters reach `share` of processes."""
    measured: list[Cell] = []

    def measure(cell: Cell, *_: object) -> dict[str, Any]:
        measured.append(cell)
        rate = math.exp(-0.05 * len(measured)) * (share if cell.mode == "interpreters" else 1.0)
        return {"seconds": 1.0, "rate": rate, "unit": "work/s"}

    monkeypatch.setattr(bench_cells, "measure", measure)
    return measured


def test_a_plan_follows_from_its_seed_and_each_block_is_a_palindrome() -> None:
    made = plans(20)["fork"]
    assert made == plans(20)["fork"]
    assert {block.workload for block in made[: len(LOOPS)]} == set(LOOPS)
    orders = {tuple(cell.mode for cell in block.cells) for block in made}
    a, b = "processes", "interpreters"
    assert orders == {(a, b, b, a), (b, a, a, b)}
    keys = [key for block in made for key in block.keys]
    assert len(set(keys)) == len(keys) == 20 * 2 * 4
    assert all(cell.workers == 2 and cell.loops == LOOPS[cell.workload] for block in made for cell in block.cells)


def test_a_linear_drift_cancels(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = drifting(monkeypatch, 0.97)
    bench_ceiling.measure([side("fork")], plans(4), SCRIPT, store)
    assert len(measured) == 4 * 2 * 4
    for row in bench_ceiling.rows(plans(4), store):
        assert row["ratio"] == pytest.approx(0.97) and row["blocks"] == 4 and row["error"] is None
        assert row["low"] <= row["ratio"] <= row["high"] and row["high"] - row["low"] < 1e-9
        assert row["block_ratios"] == pytest.approx([0.97] * 4)


def test_a_failure_is_an_error_of_its_row(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"seconds": 1.0, "rate": 2.0, "unit": "work/s"}

    def measure(cell: Cell, *_: object) -> dict[str, Any]:
        broken = cell.workload == "mixed" and cell.mode == "interpreters"
        return {"error": "crashed by SIGSEGV"} if broken else good

    monkeypatch.setattr(bench_cells, "measure", measure)
    bench_ceiling.measure([side("fork")], plans(3), SCRIPT, store)
    compute, mixed = bench_ceiling.rows(plans(3), store)
    assert compute["ratio"] == 1.0 and compute["error"] is None
    assert mixed["ratio"] is None and mixed["error"] == "interpreters: crashed by SIGSEGV"
    columns = bench_ceiling.table([compute, mixed]).columns
    assert list(columns[3].cells) == ["1.0000", "[red]failed[/]"]


def test_an_interrupted_block_is_measured_again_from_its_beginning(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Cell] = []

    def measure(cell: Cell, *_: object) -> dict[str, Any]:
        if len(measured) == 6:
            raise KeyboardInterrupt
        measured.append(cell)
        return {"seconds": 1.0, "rate": 1.0, "unit": "work/s"}

    monkeypatch.setattr(bench_cells, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        bench_ceiling.measure([side("fork")], plans(1), SCRIPT, store)
    with pytest.raises(ResultDamagedError, match="was not measured"):
        list(bench_ceiling.rows(plans(1), store))
    measured.clear()
    bench_ceiling.measure([side("fork")], plans(1), SCRIPT, store)
    assert len(measured) == 4, "the first block is there, the second has no half"


def test_upstream_does_not_run_and_the_result_holds_the_ratios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    measured = drifting(monkeypatch, 0.5)
    given = ["--upstream", str(PYTHON), "--fork", str(PYTHON), "--repeats", "1", "--ceiling-blocks", "2"]
    options: argparse.Namespace = bench.parser().parse_args(["multicore", "--fast", *given])
    bench_parallel.run("multicore", options)
    [main] = (tmp_path / "results").glob("*-multicore-*/multicore.json")
    ceiling = json.loads(main.read_text(encoding="utf-8"))["ceiling"]
    assert [(row["workload"], row["implementation"]) for row in ceiling] == [("compute", "fork"), ("mixed", "fork")]
    assert {cell.implementation for cell in measured[-16:]} == {"fork"}
    assert all(row["ratio"] == pytest.approx(0.5) for row in ceiling)


@pytest.mark.parametrize("count", ["1", "-2", "x"])
def test_a_number_of_blocks_that_gives_no_interval_is_refused(count: str) -> None:
    with pytest.raises(SystemExit):
        bench.parser().parse_args(["multicore", "--ceiling-blocks", count])


def test_fast_runs_time_no_pairs_unless_they_are_asked_for() -> None:
    wanted = {"--fast": 0, "--fresh": 10, "--ceiling-blocks=4": 4}
    for option, blocks in wanted.items():
        options = bench.parser().parse_args(["multicore", option])
        assert bench_parallel._pairs("multicore", options) == blocks
        assert bench_parallel._pairs("messaging", options) == 0
