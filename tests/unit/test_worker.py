"""perf.worker: one fresh process a sample, and a sample that says why when it failed."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path

import pytest
from bench_fake import PYTHON, HereRunner, script

from harness.errors import BenchmarkFailedError, InterpreterUnusableError
from harness.proc import Done
from perf import pyperf_site, worker
from perf.suites import SCRIPTS, Benchmark
from perf.worker import Sample, Status

CORE = max(os.sched_getaffinity(0))
CALLS = Benchmark("call_method", SCRIPTS / "bm_calls.py", ("--only", "call_method"), "quick", 0.01)


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    monkeypatch.setattr(worker, "_SITES", {})


def sample(benchmark: Benchmark, raw: Path, timeout: float = 20.0, values: int = 2) -> Sample:
    return worker.run_worker(
        HereRunner(),
        PYTHON,
        benchmark,
        loops=3,
        values=values,
        warmups=1,
        hashseed=77,
        core=CORE,
        timeout=timeout,
        raw=raw,
    )


def test_a_real_process_gives_values_and_keeps_its_raw_file(tmp_path: Path) -> None:
    found = sample(CALLS, tmp_path / "raw", values=3)
    assert found.status is Status.OK and found.ok and found.error is None
    assert len(found.values) == 3
    assert found.mean_log == pytest.approx(sum(map(math.log, found.values)) / 3)
    raw = json.loads(Path(found.raw).read_text(encoding="utf-8"))
    assert raw["metadata"]["python_hash_seed"] == 77
    assert raw["metadata"]["loops"] == 3
    assert raw["metadata"]["cpu_affinity"] == str(CORE) or len(os.sched_getaffinity(0)) == 1
    assert found.aslr == raw["metadata"].get("aslr")
    assert Sample.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_process_sees_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_SECRET", "seen")
    told = tmp_path / "told.json"
    body = (
        "seen = [dict(os.environ), list(os.sched_getaffinity(0))]\n"
        f"with open({str(told)!r}, 'w') as stream: json.dump(seen, stream)\n"
        "write({'values': [1.0] * values})"
    )
    assert sample(script(tmp_path, body), tmp_path).ok
    environment, cores = json.loads(told.read_text(encoding="utf-8"))
    assert set(environment) - {"LC_CTYPE"} == {"PYTHONPATH", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE"}
    assert cores == [CORE]


FAILURES = {
    "segfault": ("import ctypes; ctypes.string_at(0)", Status.CRASHED, "crashed by SIGSEGV"),
    "abort": ("os.abort()", Status.CRASHED, "crashed by SIGABRT"),
    "exit": ("sys.exit('went wrong')", Status.CRASHED, "exited with 1\nwent wrong"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", Status.CRASHED, "crashed by SIGKILL"),
    "silent": ("pass", Status.MISSING, "left no result file"),
    "cut short": ("open(output, 'w').write('{\"benchmarks\": [{\"ru')", Status.MISSING, "cut short or damaged"),
    "no runs": ("open(output, 'w').write('{\"benchmarks\": []}')", Status.MISSING, "cut short or damaged"),
    "unequal": ("write({'values': [1.0] * (values - 1)})", Status.MISSING, "holds 1 values, not 2"),
    "no values": ("write({'warmups': [[1, 1.0]]})", Status.MISSING, "cut short or damaged"),
    "zero": ("write({'values': [0.0] * values})", Status.MISSING, "impossible times"),
    "not a number": ("write({'values': [float('nan')] * values})", Status.MISSING, "impossible times"),
}


@pytest.mark.parametrize("kind", list(FAILURES))
def test_a_failure_is_a_sample_with_its_reason(kind: str, tmp_path: Path) -> None:
    body, status, reason = FAILURES[kind]
    found = sample(script(tmp_path, body), tmp_path)
    assert found.status is status
    assert not found.ok and found.mean_log is None
    assert found.error is not None and found.error.startswith("made: ") and reason in found.error
    assert "bm_made.py" in found.error, "the command that repeats it is named"
    assert Sample.from_json(found.to_json()) == found


def test_a_process_that_hangs_is_ended(tmp_path: Path) -> None:
    found = sample(script(tmp_path, "time.sleep(60)"), tmp_path, timeout=0.5)
    assert found.status is Status.TIMEOUT
    assert found.error is not None and "no result within 0.5 s" in found.error
    assert found.seconds < 20


def test_a_process_that_ignores_being_ended_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "KILL_AFTER", 0.3)
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
    found = sample(script(tmp_path, body), tmp_path, timeout=0.7)
    assert found.status is Status.TIMEOUT


@pytest.mark.parametrize("returncode", [-signal.SIGSEGV, 128 + signal.SIGSEGV])
def test_a_signal_is_named_natively_and_as_docker_reports_it(returncode: int) -> None:
    status, reason = worker.ended(Done(("x",), returncode, "output", 0.1), 60.0)
    assert status is Status.CRASHED
    assert reason is not None and "SIGSEGV" in reason


def test_calibration_reaches_the_target(tmp_path: Path) -> None:
    loops = worker.calibrate(HereRunner(), PYTHON, CALLS, core=CORE, raw=tmp_path)
    found = worker.run_worker(HereRunner(), PYTHON, CALLS, loops=loops, core=CORE, raw=tmp_path)
    assert 0.1 * CALLS.target_seconds < loops * min(found.values) < 10 * CALLS.target_seconds


@pytest.mark.parametrize("body", ["os.abort()", "pass", "write({'values': [1.0]})", "write({'warmups': [[1, 0.0]]})"])
def test_a_benchmark_that_cannot_be_calibrated_is_an_error_that_names_it(body: str, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailedError, match=r"made could not be calibrated") as caught:
        worker.calibrate(HereRunner(), PYTHON, script(tmp_path, body), core=CORE, raw=tmp_path)
    assert caught.value.exit_code == 5


def test_the_pyperf_site_is_made_once_and_holds_compiled_pyperf(tmp_path: Path) -> None:
    first = pyperf_site.ensure(HereRunner(), PYTHON)
    stamp = (first / "compiled").stat().st_mtime_ns
    assert pyperf_site.ensure(HereRunner(), PYTHON) == first
    assert (first / "compiled").stat().st_mtime_ns == stamp
    assert list((first / "pyperf" / "__pycache__").glob("_runner.*.pyc"))
    assert not (first / "pyperf" / "tests").exists()
    assert not list(first.parent.glob(".site-*"))


def test_an_interpreter_that_does_not_start_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\necho no such luck\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    with pytest.raises(InterpreterUnusableError, match=r"does not start \(exit 3\): no such luck"):
        pyperf_site.probe(HereRunner(), broken)
