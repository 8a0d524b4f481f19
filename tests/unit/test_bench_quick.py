"""bench quick: blocks of both sides to ratios; failures named; a run that is stopped is resumed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from bench_fake import PYTHON

from harness.errors import BenchmarkFailedError
from perf import bench, bench_quick, worker
from perf.suites import Benchmark
from perf.worker import Sample, Status

GIVEN = ["--native", "--upstream", str(PYTHON), "--benchmarks", "call_method,dict_ops,sort"]
SLOWER = 1.10


class Machine:
    """Stands in for processes: the fork is 10% slower; what is in `broken` fails on the fork."""

    def __init__(self, fork: Path) -> None:
        self.fork = fork
        self.broken: dict[str, Status] = {}
        self.stop_after: int | None = None
        self.runs: list[tuple[str, str, int, int]] = []

    def run_worker(self, _runner: object, python: Path, benchmark: Benchmark, **given: Any) -> Sample:  # noqa: ANN401
        if len(self.runs) == self.stop_after:
            raise KeyboardInterrupt
        arm = "fork" if python == self.fork else "upstream"
        self.runs.append((arm, benchmark.name, given["hashseed"], given["loops"]))
        status = self.broken.get(benchmark.name, Status.OK) if arm == "fork" else Status.OK
        noise = 1 + (given["hashseed"] % 7) / 1e4
        value = noise * (SLOWER if arm == "fork" else 1.0)
        ok = status is Status.OK
        return Sample(
            benchmark.name, str(python), status, (value,), math.log(value) if ok else None, given["loops"],
            given["hashseed"], given["core"], "raw.json", 0.1, None if ok else f"{status}!",
        )  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    fork = tmp_path / "python-fork"
    fork.symlink_to(PYTHON)
    made = Machine(fork)
    monkeypatch.setattr(worker, "run_worker", made.run_worker)
    monkeypatch.setattr(worker, "calibrate", lambda *_, **__: 123)
    return made


def result(tmp_path: Path) -> dict[str, Any]:
    [main] = (tmp_path / "results").glob("*-quick-*/quick.json")
    found: dict[str, Any] = json.loads(main.read_text(encoding="utf-8"))
    return found


def command(machine: Machine, *more: str) -> list[str]:
    return ["quick", *GIVEN, "--fork", str(machine.fork), *more]


def test_a_slower_fork_shows_with_its_interval(machine: Machine, tmp_path: Path) -> None:
    assert bench.main(command(machine, "--blocks", "4")) == 0
    found = result(tmp_path)
    for one in [*found["benchmarks"], found["suite"]]:
        assert one["ratio"] == pytest.approx(SLOWER, rel=1e-3)
        assert one["low"] <= one["ratio"] <= one["high"] and one["blocks"] == 4
    assert len(machine.runs) == 3 * 4 * 6
    assert {loops for *_, loops in machine.runs} == {123}
    assert {(row["workload"], row["implementation"]) for row in found["rows"]} == {
        (name, side) for name in ("call_method", "dict_ops", "sort") for side in ("upstream", "fork")
    }


@pytest.mark.parametrize("status", [Status.CRASHED, Status.TIMEOUT, Status.MISSING])
def test_a_failure_is_named_and_the_exit_code_is_5(machine: Machine, tmp_path: Path, status: Status) -> None:
    machine.broken["dict_ops"] = status
    assert bench.main(command(machine, "--blocks", "2")) == 5
    found = result(tmp_path)
    by_name = {one["name"]: one for one in found["benchmarks"]}
    assert by_name["dict_ops"]["ratio"] is None
    assert by_name["dict_ops"]["error"] == f"fork {status}: {status}!"
    assert by_name["sort"]["error"] is None
    assert len(by_name) == 3, "nothing is dropped"


def test_a_benchmark_that_cannot_be_calibrated_is_listed(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def calibrate(_runner: object, _python: object, benchmark: Benchmark, **_: object) -> int:
        if benchmark.name == "sort":
            raise BenchmarkFailedError("sort could not be calibrated: crashed by SIGSEGV")
        return 5

    monkeypatch.setattr(worker, "calibrate", calibrate)
    assert bench.main(command(machine, "--blocks", "2")) == 5
    errors = {one["name"]: one["error"] for one in result(tmp_path)["benchmarks"]}
    assert errors["sort"] == "sort could not be calibrated: crashed by SIGSEGV"
    assert errors["dict_ops"] is None and len(errors) == 3


def test_ctrl_c_keeps_whole_cells_and_the_same_command_resumes(machine: Machine, tmp_path: Path) -> None:
    machine.stop_after = 15
    with pytest.raises(KeyboardInterrupt):
        bench.main(command(machine, "--blocks", "2"))
    assert not list((tmp_path / "results").glob("*-quick-*/quick.json"))
    machine.runs.clear()
    machine.stop_after = None
    assert bench.main(command(machine, "--blocks", "2")) == 0
    assert len(machine.runs) == (6 - 2) * 6, "two cells of six were whole; the third is measured again"
    assert len(list((tmp_path / "results").iterdir())) == 1


def test_one_block_gives_a_ratio_without_interval(machine: Machine, tmp_path: Path) -> None:
    assert bench.main(command(machine, "--blocks", "1")) == 0
    suite = result(tmp_path)["suite"]
    assert suite["ratio"] == pytest.approx(SLOWER, rel=1e-3) and suite["low"] is None


def test_nothing_that_succeeded_is_an_error() -> None:
    assert bench_quick.over_suite({}, 2).error == "no benchmark succeeded"
