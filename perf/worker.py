"""The unit of measure: one fresh process that times a fixed number of loops of one benchmark.

The process gets one core, a given hash seed and an otherwise empty environment. Its raw pyperf JSON is kept. What
goes wrong (crash, timeout, no result, a result cut short or of the wrong size) becomes a Sample that says so.
"""

from __future__ import annotations

import json
import math
import secrets
import shlex
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness import paths, proc
from harness.errors import BenchmarkFailedError
from harness.runner import Runner, run_in
from perf import pyperf_site
from perf.suites import Benchmark, load_suite

__all__ = ["Benchmark", "Sample", "Status", "calibrate", "load_suite", "run_worker", "worker_argv"]

VALUES = 4  # timed values of a process
WARMUPS = 1  # values before them that are not counted
TIMEOUT = 60.0  # seconds for one process: two hundred times what it should take
KILL_AFTER = 5  # seconds between SIGTERM and SIGKILL inside the runner
# How `timeout` ends: TERM was enough; KILL was needed (which ends itself too), as docker and as the kernel report it.
LIMITED = (124, 128 + signal.SIGKILL, -signal.SIGKILL)
SHOWN = 600  # characters of a failed process's output that go into the reason
CALIBRATION_SECONDS = 0.005  # enough to see the speed of a loop


class Status(StrEnum):
    """What became of a process."""

    OK = "ok"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    MISSING = "missing"  # it ended, but left no usable result


@dataclass(frozen=True, slots=True)
class Sample:
    """One process: `values` are seconds per loop, `mean_log` is the mean of their logarithms (None unless OK).

    `error` says what went wrong, `raw` is the pyperf JSON file (there or not), `aslr` what the kernel says of
    address space randomisation, `seconds` the wall time of the whole process.
    """

    benchmark: str
    python: str
    status: Status
    values: tuple[float, ...]
    mean_log: float | None
    loops: int
    hashseed: int
    core: int
    raw: str
    seconds: float
    error: str | None = None
    aslr: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the process gave its values."""
        return self.status is Status.OK

    def to_json(self) -> dict[str, Any]:
        """The sample as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Sample:
        """The sample of a JSON object made by `to_json`."""
        return cls(**{**value, "status": Status(value["status"]), "values": tuple(value["values"])})


_SITES: dict[tuple[str, Path, int], Path] = {}


def _site(runner: Runner, python: Path) -> Path:
    key = (runner.kind, python, python.stat().st_mtime_ns if python.exists() else 0)
    if key not in _SITES:
        _SITES[key] = pyperf_site.ensure(runner, python)
    return _SITES[key]


def worker_argv(python: Path, benchmark: Benchmark, site: Path, hashseed: int, options: Sequence[str]) -> list[str]:
    """The command of one pyperf worker process with an environment of nothing but what is named here."""
    return [
        "env",
        "-i",
        f"PYTHONPATH={site}",
        f"PYTHONHASHSEED={hashseed}",
        "PYTHONDONTWRITEBYTECODE=1",
        str(python),
        str(benchmark.script),
        *benchmark.args,
        "--worker",
        *options,
    ]


def run_worker(
    runner: Runner,
    python: Path,
    benchmark: Benchmark,
    *,
    loops: int,
    values: int = VALUES,
    warmups: int = WARMUPS,
    hashseed: int = 0,
    core: int = 0,
    timeout: float = TIMEOUT,
    raw: Path | None = None,
) -> Sample:
    """Time `benchmark` in one fresh process of `python` and return the sample, failed or not.

    `loops` per value, `values` timed after `warmups` untimed ones, on CPU number `core`, ended after `timeout`
    seconds. The pyperf JSON goes into the directory `raw` (default: build/raw).
    """
    options = ["--loops", str(loops), "--values", str(values), "--warmups", str(warmups)]
    done, file = _execute(runner, python, benchmark, options, hashseed, core, timeout, raw)
    status, error, found = _judge(done, file, values, timeout)
    if error is not None:
        error = f"{benchmark.name}: {error}\n$ {shlex.join(done.argv)}"
    return Sample(
        benchmark=benchmark.name,
        python=str(python),
        status=status,
        values=found,
        mean_log=sum(map(math.log, found)) / len(found) if status is Status.OK else None,
        loops=loops,
        hashseed=hashseed,
        core=core,
        raw=str(file),
        seconds=done.seconds,
        error=error,
        aslr=_aslr(file) if status is Status.OK else None,
    )


def calibrate(
    runner: Runner,
    python: Path,
    benchmark: Benchmark,
    *,
    core: int = 0,
    timeout: float = TIMEOUT,
    raw: Path | None = None,
) -> int:
    """Loops with which one value of `benchmark` takes about its `target_seconds`; BenchmarkFailedError if it fails.

    Done once, on the baseline; both arms use the count.
    """
    options = ["--calibrate-loops", "--min-time", str(CALIBRATION_SECONDS), "--values", "4", "--warmups", "1"]
    done, file = _execute(runner, python, benchmark, options, 0, core, timeout, raw)
    _, error = ended(done, timeout)
    try:
        if error is None:
            warmups = _first_run(file)["warmups"]
            fastest = min(float(value) for _, value in warmups[-4:])  # all with the final count
            return max(1, round(benchmark.target_seconds / fastest))
    except (OSError, ValueError, KeyError, IndexError, TypeError, ZeroDivisionError) as problem:
        error = f"no usable calibration ({problem!r})"
    raise BenchmarkFailedError(f"{benchmark.name} could not be calibrated: {error}\n$ {shlex.join(done.argv)}")


def _execute(
    runner: Runner,
    python: Path,
    benchmark: Benchmark,
    options: Sequence[str],
    hashseed: int,
    core: int,
    timeout: float,
    raw: Path | None,
) -> tuple[proc.Done, Path]:
    directory = raw if raw is not None else paths.build_dir() / "raw"
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{benchmark.name}-{secrets.token_hex(6)}.json"
    command = worker_argv(python, benchmark, _site(runner, python), hashseed, [*options, "--output", str(file)])
    # The limit is kept inside the runner too: ending `docker exec` does not end what it started.
    limited = ["timeout", "--kill-after", str(KILL_AFTER), str(timeout), *command]
    return run_in(runner, limited, cpuset=str(core), timeout=timeout + 3 * KILL_AFTER), file


def ended(done: proc.Done, timeout: float) -> tuple[Status, str | None]:
    """How a process ended, from its exit status: docker reports a signal as 128 + number."""
    if done.timed_out or (done.returncode in LIMITED and done.seconds >= timeout):
        return Status.TIMEOUT, f"no result within {timeout:g} s"
    if done.returncode == 0:
        return Status.OK, None
    output = done.stdout.strip()[-SHOWN:]
    number = -done.returncode if done.returncode < 0 else done.returncode - 128
    if number in set(signal.Signals):
        return Status.CRASHED, f"crashed by {signal.Signals(number).name}\n{output}"
    return Status.CRASHED, f"exited with {done.returncode}\n{output}"


def _judge(done: proc.Done, file: Path, values: int, timeout: float) -> tuple[Status, str | None, tuple[float, ...]]:
    status, error = ended(done, timeout)
    if error is not None:
        return status, error, ()
    try:
        found = tuple(float(value) for value in _first_run(file)["values"])
    except FileNotFoundError:
        return Status.MISSING, "left no result file", ()
    except (OSError, ValueError, KeyError, IndexError, TypeError) as problem:
        return Status.MISSING, f"its result {file} is cut short or damaged: {problem!r}", ()
    if len(found) != values:
        return Status.MISSING, f"its result {file} holds {len(found)} values, not {values}", found
    if not all(0 < value < math.inf for value in found):
        return Status.MISSING, f"its result {file} holds impossible times {found}", found
    return Status.OK, None, found


def _first_run(file: Path) -> dict[str, Any]:
    run = json.loads(file.read_text(encoding="utf-8"))["benchmarks"][0]["runs"][0]
    if not isinstance(run, dict):
        raise TypeError("a run is not an object")
    return run


def _aslr(file: Path) -> str | None:
    metadata = json.loads(file.read_text(encoding="utf-8")).get("metadata", {})
    return metadata.get("aslr") if isinstance(metadata, dict) else None
