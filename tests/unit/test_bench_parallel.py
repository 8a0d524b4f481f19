"""multicore, lifecycle, messaging: cells, rows, failures, Ctrl-C and the run that is taken up again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from bench_fake import PYTHON, side

from harness.atomic import write_text
from harness.errors import InterpreterUnusableError, ResultDamagedError
from harness.proc import Done
from perf import bench, bench_cells, bench_parallel, bench_sides, bench_store
from perf.bench_cells import Cell, Script
from perf.bench_store import Store

MISBEHAVING = """
import ctypes, json, sys, time
workload, mode = sys.argv[1:3]
if mode == "segfault":
    ctypes.string_at(0)
if mode == "hang":
    print("was here", flush=True)
    time.sleep(60)
if mode == "unavailable":
    print(json.dumps({"unavailable": "no such thing in this Python"}))
elif mode == "talk":
    print("no json")
elif mode == "zero":
    print(json.dumps({"seconds": 0.0, "rate": 1.0, "unit": "1/s"}))
else:
    print("something else first")
    print(json.dumps({"seconds": 0.5, "rate": 2.0, "unit": "1/s", "gil": "own"}))
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(bench_cells, "WORKLOADS", tmp_path)
    (tmp_path / "made.py").write_text(MISBEHAVING, encoding="utf-8")
    return bench_store.opened("multicore", {"a": 1})


def cell(mode: str, workers: int = 1) -> Cell:
    return Cell("work", "fork", mode, workers, 10)


EXPECTED = {
    "segfault": "crashed by SIGSEGV",
    "hang": "no result within 1 s\nwas here",
    "unavailable": "not available: no such thing in this Python",
    "talk": "no usable answer",
    "zero": "impossible result",
}


@pytest.mark.parametrize("mode", list(EXPECTED))
def test_what_fails_is_a_row_with_its_reason(mode: str, store: Store) -> None:
    bench_cells.run([cell(mode), cell("good")], [side("fork")], Script("made.py", 1.0), 1, store)
    bad, good = (bench_cells.row(one, store, 1) for one in (cell(mode), cell("good")))
    assert bad["error"] is not None and EXPECTED[mode] in bad["error"]
    assert bad["seconds"] == [] and bad["rate"] is None
    assert good["error"] is None and good["rate"] == 2.0 and good["gil"] == "own"
    assert [one["mode"] for one in bench_cells.failures([bad, good])] == ([] if mode == "unavailable" else [mode])


def test_ctrl_c_loses_one_measurement_and_the_same_command_resumes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [cell("a"), cell("b"), cell("c")]
    measured: list[str] = []

    def measure(one: Cell, *_: object) -> dict[str, Any]:
        if len(measured) == 4:
            raise KeyboardInterrupt
        measured.append(one.mode)
        return {"seconds": 1.0, "rate": 1.0, "unit": "1/s"}

    monkeypatch.setattr(bench_cells, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        bench_cells.run(cells, [side("fork")], Script("made.py", 1.0), 2, store)
    with pytest.raises(ResultDamagedError, match=r"has \d of 2 measurements"):
        [bench_cells.row(one, store, 2) for one in cells]
    again = bench_store.opened("multicore", {"a": 1})
    assert again.folder == store.folder
    measured.clear()
    bench_cells.run(cells, [side("fork")], Script("made.py", 1.0), 2, again)
    assert len(measured) == 2, "only what was not there is measured"
    assert all(len(bench_cells.row(one, again, 2)["seconds"]) == 2 for one in cells)


def test_only_an_unfinished_run_of_equal_inputs_is_resumed(store: Store) -> None:
    assert bench_store.opened("multicore", {"a": 1}).folder == store.folder
    assert bench_store.opened("multicore", {"a": 2}).folder != store.folder
    assert bench_store.opened("messaging", {"a": 1}).folder != store.folder
    assert bench_store.opened("multicore", {"a": 1}, fresh=True).folder != store.folder
    store.finish({"rows": []})
    assert json.loads(store.main.read_text(encoding="utf-8")) == {"schema": 1, "kind": "multicore", "rows": []}
    assert bench_store.opened("multicore", {"a": 1}).folder != store.folder


def test_a_measurement_that_is_cut_short_or_misnamed_is_refused(store: Store) -> None:
    store.put("work-fork-a-1-0", {"seconds": 1.0})
    path = store.folder / "parts" / "work-fork-a-1-0.json"
    other = store.folder / "parts" / "work-fork-b-1-0.json"
    write_text(other, path.read_text(encoding="utf-8"))
    with pytest.raises(ResultDamagedError, match="not the measurement that its name says"):
        store.get("work-fork-b-1-0")
    write_text(path, path.read_text(encoding="utf-8")[:20])
    with pytest.raises(ResultDamagedError, match="cut short") as caught:
        store.get("work-fork-a-1-0")
    assert caught.value.exit_code == 5 and str(path) in str(caught.value)


def test_an_interrupted_run_with_damaged_inputs_says_which(store: Store) -> None:
    write_text(store.folder / "inputs.json", '{"a":')
    with pytest.raises(ResultDamagedError, match=r"inputs\.json is cut short"):
        bench_store.opened("multicore", {"a": 1})


def rows(rates: dict[tuple[str, int], float | None]) -> list[dict[str, Any]]:
    return [
        {"workload": "w", "implementation": "fork", "mode": mode, "workers": workers, "rate": rate}
        for (mode, workers), rate in rates.items()
    ]


def test_speedup_is_against_one_worker_in_sequence_and_the_ceiling_is_processes() -> None:
    made = rows(
        {
            ("sequential", 1): 10.0,
            ("threads", 2): 9.0,
            ("interpreters", 2): 19.0,
            ("processes", 2): 20.0,
            ("fork", 2): None,
        }
    )
    bench_parallel.add_speedups(made)
    by_mode = {one["mode"]: one for one in made}
    assert by_mode["sequential"]["speedup"] == 1.0
    assert by_mode["threads"]["speedup"] == pytest.approx(0.9)
    assert by_mode["interpreters"]["speedup"] == pytest.approx(1.9)
    assert by_mode["interpreters"]["of_processes"] == pytest.approx(0.95)
    assert by_mode["fork"]["speedup"] is None and by_mode["fork"]["of_processes"] is None


@pytest.mark.parametrize(("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_worker_counts_end_at_the_cores(cores: int, counts: list[int]) -> None:
    assert bench_parallel.worker_counts(cores) == counts


def test_the_cells_hold_every_peer_of_the_design() -> None:
    sides = [side("upstream"), side("fork"), side("peer")]
    everything = {
        "multicore": bench_parallel.multicore_cells(sides, {"compute": 5}, 2),
        "lifecycle": bench_parallel.lifecycle_cells(sides, False),
        "messaging": bench_parallel.messaging_cells(sides, False),
    }
    for cells in everything.values():
        assert {one.implementation for one in cells} == {"upstream", "fork", "peer"}
        assert {one.mode for one in cells} >= {"threads", "interpreters", "fork", "spawn", "forkserver"}
        assert len({one.key for one in cells}) == len(cells)


def test_the_table_shows_failures_and_what_is_not_available(store: Store) -> None:
    bench_cells.run(
        [cell("segfault"), cell("unavailable"), cell("good")], [side("fork")], Script("made.py", 5.0), 1, store
    )
    made = [bench_cells.row(one, store, 1) for one in (cell("segfault"), cell("unavailable"), cell("good"))]
    column = list(bench_parallel.table("multicore", made).columns[3].cells)
    assert "failed" in str(column[0]) and column[1] == "n/a" and "2 1/s" in str(column[2])


def test_calibration_is_stored_and_survives_a_failing_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(one: Cell, *_: object) -> dict[str, Any]:
        return {"error": "crashed"} if one.workload == "bad" else {"seconds": one.loops * 1e-3, "rate": 1.0}

    monkeypatch.setattr(bench_cells, "measure", measure)
    loops = bench_parallel.calibrated(store, [side("upstream")], ("good", "bad"), 0.2)
    assert loops == {"good": 200, "bad": bench_parallel.PROBE_LOOPS}
    monkeypatch.setattr(bench_cells, "measure", None)
    assert bench_parallel.calibrated(store, [side("upstream")], ("good", "bad"), 0.2) == loops


def test_a_peer_that_is_not_there_is_named(tmp_path: Path) -> None:
    options = bench.parser().parse_args(["multicore", "--peer", str(tmp_path / "no")])
    for name in ("upstream", "fork"):
        setattr(options, name, tmp_path / "no")
    with pytest.raises(InterpreterUnusableError, match="there is no interpreter"), bench_sides.opened(options):
        pass


@pytest.mark.parametrize(
    "argv", [[], ["slow"], ["quick", "--blocks", "0"], ["multicore", "--repeats", "x"], ["quick", "--peer", "p"]]
)
def test_bad_usage_is_refused_by_the_parser(argv: list[str]) -> None:
    with pytest.raises(SystemExit):
        bench.parser().parse_args(argv)


def test_an_answer_is_the_last_line_of_json(tmp_path: Path) -> None:
    good = {"seconds": 1, "rate": 2, "unit": "1/s"}
    assert bench_cells.read_answer(Done((), 0, f"noise\n{json.dumps(good)}\n", 0.1), 1.0)["seconds"] == 1.0
    # Docker has two streams, and C code a stderr of its own: its last words may come last.
    late = f"{json.dumps(good)}\n./a.c:56: warning\n"
    assert bench_cells.read_answer(Done((), 0, late, 0.1), 1.0)["seconds"] == 1.0
    assert "no usable answer" in bench_cells.read_answer(Done((), 0, "{not json\n", 0.1), 1.0)["error"]
    assert "no usable answer" in bench_cells.read_answer(Done((), 0, "", 0.1), 1.0)["error"]
    assert "no usable answer" in bench_cells.read_answer(Done((), 0, "[1]", 0.1), 1.0)["error"]


def test_the_inputs_of_a_run_change_with_the_binary(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    assert side("fork", first).identity() != side("fork", second).identity()


def test_the_whole_command_exits_5_when_something_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    def measure(one: Cell, *_: object) -> dict[str, Any]:
        broken = one.mode == "fork" and one.workload == "memory"
        return {"error": "crashed by SIGSEGV"} if broken else {"seconds": 1.0, "rate": 1.0, "unit": "ms each"}

    monkeypatch.setattr(bench_cells, "measure", measure)
    given = ["--upstream", str(PYTHON), "--fork", str(PYTHON), "--repeats", "1"]
    options: argparse.Namespace = bench.parser().parse_args(["lifecycle", "--fast", *given])
    assert bench_parallel.run("lifecycle", options) == 5
    [main] = (tmp_path / "results").glob("*-lifecycle-*/lifecycle.json")
    result = json.loads(main.read_text(encoding="utf-8"))
    bad = [row for row in result["rows"] if row["error"]]
    assert {(row["workload"], row["mode"], row["error"]) for row in bad} == {("memory", "fork", "crashed by SIGSEGV")}
    assert result["machine"]["before"]["cores"] and set(result["provenance"]) == {"upstream", "fork"}


def test_inputs_are_written_before_anything_is_measured(store: Store) -> None:
    assert json.loads((store.folder / "inputs.json").read_text(encoding="utf-8")) == {"a": 1}
    assert not (store.folder / "parts").exists()
