"""A gate from two sides to verdict.json, resumed, read again, damaged; processes are made up, files are real."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from gate_fake import LIMITS

from harness.build import Built
from harness.errors import BenchmarkFailedError, Exit, HarnessError, ResultDamagedError, UnequalResultsError
from harness.runner import Runner
from perf import cachegrind, gate, gate_session, gate_store, gate_verdict
from perf.cachegrind import Counted
from perf.gate_session import Session, Setting
from perf.gate_sides import Sides
from perf.suites import Benchmark
from perf.worker import Sample, Status

NAMES = ("one", "two", "three")


class Machine:
    """Times interpreters by what is written in their file: seconds a loop. `broken`: (name, python) -> status."""

    def __init__(self) -> None:
        self.rng = random.Random(1)
        self.calls = 0
        self.broken: dict[tuple[str, str], Status] = {}
        self.uncalibrated: set[str] = set()
        self.stop_after: int | None = None

    def run_worker(
        self,
        _runner: object,
        python: Path,
        benchmark: Benchmark,
        *,
        loops: int,
        hashseed: int,
        core: int,
        raw: Path,
    ) -> Sample:
        self.calls += 1
        if self.stop_after is not None and self.calls > self.stop_after:
            raise KeyboardInterrupt
        status = self.broken.get((benchmark.name, python.parent.parent.name), Status.OK)
        log = float(python.read_text(encoding="utf-8")) + self.rng.gauss(0.0, 0.002)
        raw.mkdir(parents=True, exist_ok=True)
        (raw / f"{self.calls}.json").write_text(json.dumps({"version": "1.0", "call": self.calls}), encoding="utf-8")
        return Sample(
            benchmark=benchmark.name,
            python=str(python),
            status=status,
            values=(1.0,),
            mean_log=log if status is Status.OK else None,
            loops=loops,
            hashseed=hashseed,
            core=core,
            raw=str(raw / f"{self.calls}.json"),
            seconds=0.1,
            error=None if status is Status.OK else "crashed by SIGSEGV",
        )

    def calibrate(self, _runner: object, _python: Path, benchmark: Benchmark, **_options: object) -> int:
        if benchmark.name in self.uncalibrated:
            raise BenchmarkFailedError(f"{benchmark.name} could not be calibrated")
        return 8


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machine]:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    made = Machine()
    monkeypatch.setattr("perf.worker.run_worker", made.run_worker)
    monkeypatch.setattr("perf.worker.calibrate", made.calibrate)
    monkeypatch.setattr(gate_session, "LISTEN", 0.0)
    # One gate of a hundred is VOID by chance: the orders that these are drawn in are fixed.
    monkeypatch.setattr(secrets, "randbits", lambda bits: 20261125 % 2**bits)
    counted = {name: Counted(1000, 1010) for name in NAMES}
    monkeypatch.setattr(cachegrind, "compare", lambda *_arguments: (counted, []))
    yield made


def interpreter(root: Path, name: str, log: float) -> Built:
    """A made interpreter whose loop takes exp(log) seconds."""
    python = root / name / "bin" / "python3"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(str(log), encoding="utf-8")
    (root / name / "lib").mkdir(exist_ok=True)
    return Built(root / name, python, {"variant": name})


def session(
    root: Path, slower: float = 0.0, looks: tuple[int, ...] = (10, 15), kind: str = "gate", **changes: object
) -> Session:
    """A gate of three benchmarks of an interpreter against one that is slower by `slower` (log)."""
    scripts = root / "scripts"
    scripts.mkdir(exist_ok=True)
    (scripts / "bm.py").write_text("pass\n", encoding="utf-8")
    benchmarks = tuple(Benchmark(name, scripts / "bm.py", ("--only", name), "made", 0.1) for name in NAMES)
    setting: dict[str, object] = {"suite": "made", "benchmarks": benchmarks, "looks": looks, "profile": "fast"}
    sides = Sides(
        "upstream", "fork", ((interpreter(root, "upstream", -3.0), interpreter(root, "fork", slower - 3.0)),)
    )
    return Session(cast(Runner, _Here()), sides, Setting(**{**setting, **changes}), LIMITS, kind)  # type: ignore[arg-type]


class _Here:
    kind = "native"


def verdict_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return found


# --- whole gates ---------------------------------------------------------------------------------------------------


def test_a_regression_is_found_stored_and_shown(machine: Machine, tmp_path: Path) -> None:
    store, verdict = gate_session.hold(session(tmp_path, 0.04))
    assert verdict == verdict_of(store.folder)
    assert (verdict["verdict"], verdict["exit_code"], verdict["schema"], verdict["kind"]) == ("FAIL", 1, 1, "gate")
    assert verdict["suite"]["ratio"] == pytest.approx(1.0408, abs=0.003)
    assert verdict["suite"]["low"] < verdict["suite"]["ratio"] < verdict["suite"]["high"]
    assert (verdict["suite"]["blocks"], verdict["suite"]["build_pairs"]) == (10, 1)
    assert 0.01 < verdict["suite"]["mde"] < 0.02
    assert verdict["control"]["void"] is False
    assert [one["name"] for one in verdict["benchmarks"]] == list(NAMES)
    first = verdict["benchmarks"][0]
    assert first["status"] == "slower"
    assert first["rerun"]["confirmed"] is True
    assert len(first["block_ratios"]) == 10
    assert first["instructions"] == {"baseline": 1000, "candidate": 1010, "ratio": 1.01}
    assert verdict["instructions"] == {"count": 3, "geomean": pytest.approx(1.01)}
    assert verdict["equal_binaries"] is False
    assert verdict["provenance"]["baseline"] == {"variant": "upstream"}
    assert verdict["machine"]["id"]
    line = gate_verdict.line(verdict)
    assert line.startswith("FAIL: ratio 1.04")
    assert "would have failed in four gates of five" in line
    assert gate_verdict.table(verdict).row_count == 5


def test_equal_speed_passes(machine: Machine, tmp_path: Path) -> None:
    _, verdict = gate_session.hold(session(tmp_path, 1e-9))
    assert (verdict["verdict"], verdict["exit_code"]) == ("PASS", 0)


def test_raw_pyperf_json_is_kept_with_each_process(machine: Machine, tmp_path: Path) -> None:
    store, _ = gate_session.hold(session(tmp_path, 1e-9))
    cells = sorted((store.folder / "blocks").glob("*/*.json"))
    assert len(cells) == 10 * len(NAMES)
    units = [unit for path in cells for unit in json.loads(path.read_text(encoding="utf-8"))["units"]]
    assert sorted(unit["raw"]["call"] for unit in units) == list(range(1, 181))
    assert list((store.folder / "raw").iterdir()) == []


def test_equal_interpreters_are_not_timed(machine: Machine, tmp_path: Path) -> None:
    store, verdict = gate_session.hold(session(tmp_path, 0.0))
    assert machine.calls == 0
    assert (verdict["verdict"], verdict["equal_binaries"], verdict["suite"]) == ("PASS", True, None)
    assert "nothing to time" in gate_verdict.line(verdict)
    assert verdict_of(store.folder)["exit_code"] == 0
    assert gate_verdict.table(verdict).row_count == 0


def test_equal_interpreters_are_timed_in_a_gate_of_the_same(machine: Machine, tmp_path: Path) -> None:
    _, verdict = gate_session.hold(session(tmp_path, 0.0, kind="aa"))
    assert machine.calls == 180
    assert (verdict["verdict"], verdict["equal_binaries"]) == ("PASS", False)


def test_a_changed_library_module_makes_interpreters_unequal(machine: Machine, tmp_path: Path) -> None:
    asked = session(tmp_path, 0.0)
    module = tmp_path / "fork" / "lib" / "json.py"
    module.write_text("slow = True\n", encoding="utf-8")
    _, verdict = gate_session.hold(asked)
    assert verdict["equal_binaries"] is False


# --- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_crash_is_missing_data_and_names_the_side(machine: Machine, tmp_path: Path) -> None:
    machine.broken = {("two", "fork"): Status.CRASHED}
    _, verdict = gate_session.hold(session(tmp_path, 1e-9))
    assert (verdict["verdict"], verdict["exit_code"]) == ("MISSING", 5)
    assert "two crashed on the candidate: crashed by SIGSEGV" in verdict["reasons"]
    two = verdict["benchmarks"][1]
    assert (two["name"], two["status"], two["ratio"]) == ("two", "crashed", None)
    assert gate_verdict.table(verdict).row_count == 5


def test_a_benchmark_that_cannot_be_calibrated_is_missing(machine: Machine, tmp_path: Path) -> None:
    machine.uncalibrated = {"three"}
    _, verdict = gate_session.hold(session(tmp_path, 1e-9))
    assert verdict["exit_code"] == Exit.MISSING
    assert verdict["benchmarks"][2]["status"] == "missing"


def test_everything_lost_is_missing_without_a_suite(machine: Machine, tmp_path: Path) -> None:
    machine.broken = {(name, "fork"): Status.TIMEOUT for name in NAMES}
    _, verdict = gate_session.hold(session(tmp_path, 1e-9))
    assert (verdict["verdict"], verdict["suite"], verdict["control"]) == ("MISSING", None, None)
    assert gate_verdict.line(verdict).startswith("MISSING: ")


def test_without_valgrind_the_verdict_says_so(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.errors import ToolMissingError

    def missing(*_arguments: object) -> object:
        raise ToolMissingError("valgrind is not there")

    monkeypatch.setattr(cachegrind, "compare", missing)
    _, verdict = gate_session.hold(session(tmp_path, 1e-9))
    assert verdict["verdict"] == "PASS"
    assert verdict["instructions"] is None
    assert "no instruction counts: valgrind is not there" in verdict["warnings"]


def test_a_release_build_alone_and_a_part_of_the_suite_are_no_merge_verdict(machine: Machine, tmp_path: Path) -> None:
    _, verdict = gate_session.hold(session(tmp_path, 1e-9, profile="release", whole_suite=False, count=False))
    assert sum("not a merge verdict" in warning for warning in verdict["warnings"]) == 2
    assert verdict["instructions"] is None


# --- stopped and resumed -------------------------------------------------------------------------------------------


def test_a_gate_that_is_interrupted_goes_on_where_it_was(machine: Machine, tmp_path: Path) -> None:
    asked = session(tmp_path, 1e-9)
    machine.stop_after = 100
    with pytest.raises(KeyboardInterrupt):
        gate_session.hold(asked)
    machine.stop_after = None
    store, verdict = gate_session.hold(asked)
    assert verdict["verdict"] == "PASS"
    assert machine.calls == 180 + 101 - 96  # the cell under way is measured again in whole
    assert len(list((tmp_path / "results").iterdir())) == 1
    assert len(sorted((store.folder / "blocks").glob("*/*.json"))) == 30


def test_a_gate_of_something_else_is_not_resumed(machine: Machine, tmp_path: Path) -> None:
    machine.stop_after = 100
    with pytest.raises(KeyboardInterrupt):
        gate_session.hold(session(tmp_path, 1e-9))
    machine.stop_after = None
    gate_session.hold(session(tmp_path, 0.001))  # another interpreter
    gate_session.hold(session(tmp_path, 1e-9, looks=(10,)))  # other looks
    assert len(list((tmp_path / "results").iterdir())) == 3


def test_a_finished_gate_is_not_resumed(machine: Machine, tmp_path: Path) -> None:
    gate_session.hold(session(tmp_path, 1e-9))
    gate_session.hold(session(tmp_path, 1e-9))
    assert machine.calls == 360


@pytest.fixture
def finished(machine: Machine, tmp_path: Path) -> Path:
    """The folder of a finished gate."""
    return gate_session.hold(session(tmp_path, 0.04))[0].folder


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def test_a_stored_gate_reads_the_same_again(finished: Path) -> None:
    done, _plan = gate_session.analyse(finished, LIMITS)
    assert done.outcome.reasons == tuple(verdict_of(finished)["reasons"])
    assert gate.main(["--analyse", str(finished)]) == Exit.FAILED


def _damages() -> dict[str, tuple[Callable[[Path], object], type[HarnessError], str]]:
    return {
        "cell cut short": (lambda f: _cut(f / "blocks/02/one.json"), ResultDamagedError, "one.json is cut short"),
        "cell lost": (
            lambda f: (f / "blocks/02/one.json").unlink(),
            UnequalResultsError,
            "lacks measurements of one",
        ),
        "rerun lost": (
            lambda f: (f / "rerun/03/two.json").unlink(),
            UnequalResultsError,
            "lacks measurements of two",
        ),
        "cells swapped": (
            lambda f: (f / "blocks/03/one.json").write_bytes((f / "blocks/02/one.json").read_bytes()),
            ResultDamagedError,
            "another cell",
        ),
        "plan cut short": (lambda f: _cut(f / "plan.json"), ResultDamagedError, r"plan\.json is cut short"),
        "plan without a seed": (
            lambda f: (f / "plan.json").write_text('{"inputs": {}}'),
            ResultDamagedError,
            "is not a plan",
        ),
        "plan lost": (lambda f: (f / "plan.json").unlink(), HarnessError, "there is no result"),
    }


@pytest.mark.parametrize("damage", list(_damages()))
def test_a_damaged_result_is_named_and_ends_with_missing_data(finished: Path, damage: str) -> None:
    spoil, error, message = _damages()[damage]
    spoil(finished)
    with pytest.raises(error, match=message) as caught:
        gate_session.analyse(finished, LIMITS)
    assert caught.value.exit_code == Exit.MISSING
    assert caught.value.remedy


def test_a_cell_cut_short_stops_a_resumed_gate_with_its_name(machine: Machine, tmp_path: Path) -> None:
    machine.stop_after = 100
    with pytest.raises(KeyboardInterrupt):
        gate_session.hold(session(tmp_path, 1e-9))
    machine.stop_after = None
    _cut(next((tmp_path / "results").glob("*/blocks/03/*.json")))
    with pytest.raises(ResultDamagedError, match="blocks/03/"):
        gate_session.hold(session(tmp_path, 1e-9))


def test_a_folder_without_blocks_is_no_gate(machine: Machine, tmp_path: Path) -> None:
    store = gate_store.new("gate")
    store.save_plan(gate_store.Plan({"benchmarks": {}}, 1, {}, {}))
    with pytest.raises(UnequalResultsError, match="holds no block"):
        gate_session.analyse(store.folder, LIMITS)
