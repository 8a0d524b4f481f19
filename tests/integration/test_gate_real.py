"""The gate on real interpreters: A/A, a benchmark that crashes, Ctrl-C and going on, a planted slowdown, counts.

Sizes are small; rates at full size are measured by `selfproof` (docs/gate.md).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import paths
from harness.build import Built
from harness.errors import Exit
from harness.runner import Runner, for_build
from perf import cachegrind, gate_session, gate_thresholds
from perf.gate_session import Session, Setting
from perf.gate_sides import Sides
from perf.suites import Benchmark, load_suite, select

pytestmark = [pytest.mark.build]

CRASHING = """
import ctypes, sys
from bench_script import main
def one(loops):
    if "{broken}" in sys.executable and "--calibrate-loops" not in sys.argv:
        ctypes.string_at(0)
    return 0.01 * loops
main({{"one": one}})
"""


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty results folder below build/, which every runner sees."""
    paths.build_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.build_dir(), prefix="test-gate-") as name:
        monkeypatch.setenv("REDWOODTJ_RESULTS", name)
        yield Path(name)


@pytest.fixture(scope="module")
def runner(built_upstream_fast: Built) -> Iterator[Runner]:
    with for_build(built_upstream_fast.prefix) as opened:
        yield opened


def gate(*arguments: str, **changes: str) -> subprocess.Popen[str]:
    """`python -m perf gate` under way, as a person starts it."""
    command = [sys.executable, "-m", "perf", "gate", *arguments]
    environment = {**os.environ, **changes}
    return subprocess.Popen(command, cwd=paths.ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=800)
    return process.returncode, output


def verdict_in(results: Path, kind: str) -> dict[str, Any]:
    path = max(results.glob(f"*-{kind}-*/verdict.json"), key=lambda one: one.stat().st_mtime)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_few_blocks_of_the_same_decide_nothing(built_upstream_fast: Built, results: Path) -> None:
    few = ("--blocks", "2", "--max-blocks", "2", "--benchmarks", "call_method,json_dumps", "--no-instructions")
    code, output = finished(gate("--aa", *few))
    assert code == Exit.INCONCLUSIVE
    assert output.startswith("INCONCLUSIVE: ratio ")
    verdict = verdict_in(results, "aa")
    assert verdict["machine"]["cpu"]
    assert verdict["provenance"]["baseline"]["variant"] == "upstream"
    assert 0.5 < verdict["suite"]["ratio"] < 2
    inputs = json.loads(next(results.glob("*/plan.json")).read_text(encoding="utf-8"))["inputs"]
    assert inputs["layouts"] == verdict["suite"]["layouts"] == 2
    assert len({one for both in inputs["interpreters"] for one in both}) == 4  # all linked in orders of their own
    (cell,) = results.glob("*/blocks/00/json_dumps.json")
    units = json.loads(cell.read_text(encoding="utf-8"))["units"]
    assert all(unit["raw"]["benchmarks"] for unit in units)


def test_ctrl_c_loses_no_cell_and_the_same_command_goes_on(built_upstream_fast: Built, results: Path) -> None:
    words = (
        "--aa",
        "--blocks",
        "4",
        "--max-blocks",
        "4",
        "--benchmarks",
        "call_method,float_arith",
        "--no-instructions",
    )
    process = gate(*words)
    deadline = time.monotonic() + 300
    while len(list(results.glob("*/blocks/*/*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    code, _ = finished(process)
    assert code == Exit.INTERRUPTED
    kept = {path: path.read_bytes() for path in results.glob("*/blocks/*/*.json")}
    assert 3 <= len(kept) < 8
    assert not list(results.glob("*/verdict.json"))
    code, _ = finished(gate(*words))
    assert code == Exit.INCONCLUSIVE
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert len(list(results.glob("*/blocks/*/*.json"))) == 8


def test_a_benchmark_that_segfaults_on_one_side_is_missing_data(
    built_upstream_fast: Built, runner: Runner, results: Path
) -> None:
    place = paths.build_dir() / "test-gate"
    (place / "candidate").mkdir(parents=True, exist_ok=True)
    for name in ("bin", "lib"):
        link = place / "candidate" / name
        link.unlink(missing_ok=True)
        link.symlink_to(built_upstream_fast.prefix / name)
    script = place / "bm_crash.py"
    script.write_text(CRASHING.format(broken="/candidate/"), encoding="utf-8")
    shared = load_suite("quick")[0].script.parent / "bench_script.py"
    (place / "bench_script.py").write_bytes(shared.read_bytes())
    candidate = Built(place / "candidate", place / "candidate" / "bin" / "python3", built_upstream_fast.provenance)
    listed = (Benchmark("one", script, ("--only", "one"), "made", 0.05), select(load_suite("quick"), ["regex"])[0])
    setting = Setting("made", listed, (2,), "fast", count=False)
    sides = Sides("upstream", "crashing", ((built_upstream_fast, candidate),))
    _, verdict = gate_session.hold(Session(runner, sides, setting, gate_thresholds.load(), "aa"))
    assert verdict["exit_code"] == Exit.MISSING
    one, regex = verdict["benchmarks"]
    assert (one["status"], regex["status"]) == ("crashed", "undecided")  # two blocks decide nothing
    assert any("one crashed on the candidate" in reason and "SIGSEGV" in reason for reason in verdict["reasons"])
    assert regex["ratio"] is not None


def test_counts_repeat(
    built_upstream_fast: Built, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (benchmark,) = select(load_suite("quick"), ["call_method"])
    counts = []
    for name in ("first", "second"):
        monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path / name))
        counts.append(cachegrind._count(runner, built_upstream_fast.python, benchmark, 50))
    assert abs(counts[0] / counts[1] - 1) < 0.0005


@pytest.mark.slow
def test_a_planted_slowdown_is_found_and_counted(built_fork_fast: Built, results: Path) -> None:
    chosen = ("--benchmarks", "call_method,dict_ops,generators", "--max-blocks", "10")
    for _ in range(3):
        code, output = finished(gate("--planted", "10%", *chosen))
        verdict = verdict_in(results, "planted")
        if verdict["verdict"] != "VOID":  # what VOID asks for: run again (a neighbour disturbed the machine)
            break
    assert (verdict["baseline"], verdict["candidate"]) == ("fork", "fork + 10%")
    assert verdict["instructions"]["geomean"] > 1.03  # whatever the neighbours do, more work is done
    if verdict["verdict"] == "VOID":
        assert code == Exit.VOID
        pytest.skip(f"the machine is too loud to time anything, three times over: {output}")
    assert (code, verdict["verdict"]) == (Exit.FAILED, "FAIL"), output
    assert verdict["suite"]["ratio"] > 1.03  # of a VOID gate no time can be believed
