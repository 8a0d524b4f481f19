"""The bench command on real interpreters: every suite ends with its result, and Ctrl-C loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import paths
from perf import bench, bench_parallel, bench_sides, suites, worker

if TYPE_CHECKING:
    from harness.build import Built

HERE = ["--native", "--upstream", sys.executable, "--fork", sys.executable]


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A results folder below the clone's own, so that a container sees it too."""
    folder = paths.results_dir() / f"test-{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def result(results: Path, kind: str) -> dict[str, Any]:
    [main] = results.glob(f"*-{kind}-*/{kind}.json")
    found: dict[str, Any] = json.loads(main.read_text(encoding="utf-8"))
    assert found["schema"] == 1 and found["kind"] == kind
    assert set(found["provenance"]) >= {"upstream", "fork"}
    return found


def failed(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{row['workload']} {row['implementation']} {row['mode']}: {row['error']}" for row in rows if row["error"]
    ]


@pytest.mark.build
def test_every_benchmark_of_quick_runs_on_both_builds(
    built_upstream_fast: Built, built_fork_fast: Built, results: Path
) -> None:
    with bench_sides.opened(bench.parser().parse_args(["quick"])) as sides:
        assert [side.python for side in sides] == [built_upstream_fast.python, built_fork_fast.python]
        samples = [
            worker.run_worker(
                side.runner, side.python, one, loops=1, values=1, warmups=0, hashseed=1, raw=results / "raw"
            )
            for side in sides
            for one in suites.load_suite("quick")
        ]
    assert not [sample.error for sample in samples if not sample.ok]


@pytest.mark.build
def test_quick_compares_both_builds(built_upstream_fast: Built, built_fork_fast: Built, results: Path) -> None:
    assert bench.main(["quick", "--blocks", "2", "--benchmarks", "call_method,float_text,startup"]) == 0
    found = result(results, "quick")
    assert {one["name"] for one in found["benchmarks"]} == {"call_method", "float_text", "startup"}
    for one in [*found["benchmarks"], found["suite"]]:
        assert one["error"] is None and 0.3 < one["ratio"] < 3 and one["low"] <= one["ratio"] <= one["high"]
    assert found["provenance"]["fork"]["series_hash"] == built_fork_fast.provenance["series_hash"]


@pytest.mark.build
def test_multicore_shows_what_processes_gain(
    built_upstream_fast: Built, built_fork_fast: Built, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_parallel, "FAST_WORK", ("compute",))
    assert bench.main(["multicore", "--fast", "--repeats", "1"]) == 0
    rows = result(results, "multicore")["rows"]
    assert failed(rows) == []
    modes = {(row["implementation"], row["mode"], row["workers"]) for row in rows}
    assert {(one, mode, 1) for one in ("upstream", "fork") for mode in bench_parallel.MULTICORE_MODES} <= modes
    assert all(len(row["seconds"]) == 1 and row["speedup"] > 0 for row in rows)
    assert {row["gil"] for row in rows if row["implementation"] == "upstream" and row["mode"] == "interpreters"} == {
        "shared"
    }


@pytest.mark.build
def test_lifecycle_has_a_row_for_every_kind_of_worker(
    built_upstream_fast: Built, built_fork_fast: Built, results: Path
) -> None:
    assert bench.main(["lifecycle", "--fast", "--repeats", "1"]) == 0
    rows = result(results, "lifecycle")["rows"]
    at = {(row["workload"], row["mode"]): row for row in rows if row["implementation"] == "upstream"}
    assert at["pool_start", "interpreters"]["error"].startswith(
        "not available: concurrent.futures has no Interpreter"
    )
    assert at["create", "interpreters"]["unit"] == "ms each" and at["create", "interpreters"]["rate"] > 0
    assert 0 < at["memory", "interpreters"]["rate"] < 50 and at["memory", "spawn"]["unit"] == "MiB each"


@pytest.mark.build
def test_messaging_has_a_row_for_every_transport(
    built_upstream_fast: Built, built_fork_fast: Built, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_parallel, "MESSAGES", {"one_way_ints": 200, "round_trip": 50, "bytes_64mib": 1})
    monkeypatch.setattr(bench_parallel, "POLLED", 10)
    monkeypatch.setattr(bench_parallel, "POOL_TASKS", 400)
    monkeypatch.setattr(bench_parallel, "MAPPED", {"mapped_ints": 1000, "mapped_blocks": 4})
    assert bench.main(["messaging", "--fast", "--repeats", "1"]) == 0
    rows = result(results, "messaging")["rows"]
    unavailable = [row for row in rows if row["error"]]
    pools = {*bench_parallel.POOL_WORK, *bench_parallel.MAPPED}
    assert {(row["workload"], row["mode"]) for row in unavailable} <= {(work, "interpreters") for work in pools}
    assert {row["workload"].split(".")[0] for row in rows} == {"one_way_ints", "round_trip", "bytes_64mib", *pools}


@pytest.mark.build
@pytest.mark.slow
def test_pyperformance_runs_without_network_after_one_fetch(
    built_upstream_fast: Built, built_fork_fast: Built, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.main(["pyperformance", "--fast", "--benchmarks", "crypto_pyaes"]) == 0
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/none")  # nothing listens there
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert bench.main(["pyperformance", "--fast", "--benchmarks", "crypto_pyaes"]) == 0
    for main in results.glob("*-pyperformance-*/pyperformance.json"):
        found = json.loads(main.read_text(encoding="utf-8"))
        [one] = found["benchmarks"]
        assert one["name"] == "crypto_pyaes" and one["error"] is None and one["low"] < one["ratio"] < one["high"]


def test_ctrl_c_in_bench_keeps_what_is_done_and_the_same_command_resumes(tmp_path: Path) -> None:
    environment = {**os.environ, "REDWOODTJ_RESULTS": str(tmp_path / "r"), "REDWOODTJ_BUILD": str(tmp_path / "b")}
    chosen = ["--blocks", "3", "--benchmarks", "call_method,dict_ops,sort"]
    command = [sys.executable, "-m", "perf", "bench", "quick", *chosen, *HERE]
    first = subprocess.Popen(command, env=environment, cwd=paths.ROOT, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while len(list((tmp_path / "r").glob("*-quick-*/parts/*-0.json"))) < 2:
        assert first.poll() is None and time.monotonic() < until, (
            "it ended, or measured nothing, before it was stopped"
        )
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 130 and "the same command resumes" in said
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "r").glob("*/parts/*.json")}
    assert len(kept) >= 3 and not list((tmp_path / "r").glob("*/quick.json"))
    again = subprocess.run(command, env=environment, cwd=paths.ROOT, capture_output=True, text=True, check=True)
    assert "resuming" in again.stderr
    [main] = (tmp_path / "r").glob("*-quick-*/quick.json")
    assert [one["blocks"] for one in json.loads(main.read_text(encoding="utf-8"))["benchmarks"]] == [3, 3, 3]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "nothing that was done is measured again"
