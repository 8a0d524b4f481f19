"""Instruction counts under cachegrind, the second witness: exact to a few parts in ten thousand and deaf to noise.

A benchmark runs with two loop counts and the difference counts, so that start-up and import drop out. Hash seed and
addresses are fixed. Counts are kept in the cache under the hashes of the interpreter and of the benchmark. They do
not see a lock, a cache miss or a mispredicted branch, so they never decide a verdict.
"""

from __future__ import annotations

import functools
import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import atomic, paths, source_cache
from harness.errors import BenchmarkFailedError, ToolMissingError
from harness.runner import Runner, run_in
from perf.suites import Benchmark

STAND_IN = Path(__file__).resolve().parent / "counting"
LOOPS = "REDWOODTJ_LOOPS"
PROBE = 16  # loops of the run that tells how many instructions one loop takes, past the specialising of the first
WORTH = 30_000_000  # instructions that the counted loops should take: a second under cachegrind
MOST_LOOPS = 1 << 16
TIMEOUT = 300.0
VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes")


@dataclass(frozen=True, slots=True)
class Counted:
    """Instructions of one benchmark on both sides, for the same loops."""

    baseline: int
    candidate: int

    def to_json(self) -> dict[str, Any]:
        """As verdict.json has it."""
        return {"baseline": self.baseline, "candidate": self.candidate, "ratio": self.candidate / self.baseline}


@functools.cache
def _digest(path: Path, _mtime: int) -> str:
    return source_cache.sha256_of(path)


def interpreter_hash(python: Path) -> str:
    """What a count depends on in an installed interpreter: its executable, extension modules and library sources."""
    prefix = python.parent.parent
    total = hashlib.sha256()
    files = [python.resolve(), *sorted((prefix / "lib").glob("libpython*.so*"))]
    files += sorted(path for path in (prefix / "lib").rglob("*") if path.suffix in (".so", ".py") and path.is_file())
    for path in files:
        name = path.relative_to(prefix) if path.is_relative_to(prefix) else path.name
        total.update(f"{name}\0{_digest(path, path.stat().st_mtime_ns)}\0".encode())
    return total.hexdigest()


def benchmark_hash(benchmark: Benchmark) -> str:
    """Hash of a benchmark's script, its arguments and what the script shares with others."""
    total = hashlib.sha256("\0".join(benchmark.args).encode())
    shared = [benchmark.script.parent / "bench_script.py", *sorted(STAND_IN.glob("*.py"))]
    for path in (benchmark.script, *(one for one in shared if one.is_file())):
        total.update(path.read_bytes())
    return total.hexdigest()


def instructions(runner: Runner, python: Path, benchmark: Benchmark) -> int:
    """Instructions that `python` needs for a fixed number of loops of `benchmark`, from the cache if known.

    The number of loops follows from the benchmark and the first interpreter it was counted with, and is then kept.
    Raises BenchmarkFailedError if it fails under valgrind, ToolMissingError if there is no valgrind.
    """
    return _known(runner, python, benchmark)[0]


def per_loop(runner: Runner, python: Path, benchmark: Benchmark) -> float:
    """Instructions of one loop; raises as `instructions`.

    For counts that outlive the cache: another cache may have chosen another number of loops.
    """
    counted, loops = _known(runner, python, benchmark)
    return counted / loops


def _known(runner: Runner, python: Path, benchmark: Benchmark) -> tuple[int, int]:
    """Instructions and the loops that took them."""
    cache = paths.cache_dir() / "instructions"
    loops = _loops(runner, python, benchmark, cache)
    key = hashlib.sha256(f"{interpreter_hash(python)}/{benchmark_hash(benchmark)}/{loops}".encode()).hexdigest()
    known = cache / f"{benchmark.name}-{key[:32]}.json"
    if known.exists():
        return int(atomic.read_json(known)["instructions"]), loops
    least = max(1, loops // 4)
    counted = _count(runner, python, benchmark, least + loops) - _count(runner, python, benchmark, least)
    if counted <= 0:
        raise BenchmarkFailedError(f"{benchmark.name}: {loops} more loops took no more instructions")
    atomic.write_json(known, {"instructions": counted, "loops": loops})
    return counted, loops


def _loops(runner: Runner, python: Path, benchmark: Benchmark, cache: Path) -> int:
    """A power of two of loops that takes about WORTH instructions."""
    known = cache / f"loops-{benchmark.name}-{benchmark_hash(benchmark)[:32]}.json"
    if known.exists():
        return int(atomic.read_json(known)["loops"])
    each = (_count(runner, python, benchmark, 1 + PROBE) - _count(runner, python, benchmark, 1)) / PROBE
    loops = 1
    while loops < MOST_LOOPS and loops * 2 * each <= WORTH:
        loops *= 2
    atomic.write_json(known, {"loops": loops})
    return loops


def _count(runner: Runner, python: Path, benchmark: Benchmark, loops: int) -> int:
    """Instructions of one whole process and its children."""
    paths.build_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.build_dir(), prefix=".cachegrind-") as folder:
        environment = {
            LOOPS: str(loops),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(STAND_IN),
        }
        words = [*_fixed_addresses(runner), *VALGRIND, f"--cachegrind-out-file={folder}/%p"]
        command = [*words, str(python), str(benchmark.script), *benchmark.args]
        done = run_in(runner, command, env=environment, timeout=TIMEOUT)
        if done.returncode != 0:
            what = "timed out" if done.timed_out else f"exited with {done.returncode}"
            raise _failed(f"{benchmark.name} {what} under cachegrind:\n{done.stdout.strip()[-800:]}", done.returncode)
        return sum(_total(path) for path in Path(folder).iterdir())


def _failed(message: str, code: int) -> ToolMissingError | BenchmarkFailedError:
    return ToolMissingError(message) if code in (126, 127) else BenchmarkFailedError(message)


def _total(path: Path) -> int:
    """The summary line of a cachegrind file."""
    found = re.search(r"^summary: (\d+)", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    if found is None:
        raise BenchmarkFailedError(f"{path} has no summary: valgrind did not end well")
    return int(found[1])


_SETARCH: dict[int, tuple[str, ...]] = {}


def _fixed_addresses(runner: Runner) -> tuple[str, ...]:
    """`setarch -R` where the runner may use it (Docker's system call filter may not let it)."""
    if id(runner) not in _SETARCH:
        probe = run_in(runner, ["setarch", "-R", "true"], timeout=TIMEOUT)
        _SETARCH[id(runner)] = ("setarch", "-R") if probe.returncode == 0 else ()
    return _SETARCH[id(runner)]


def compare(
    runner: Runner, baseline: Path, candidate: Path, benchmarks: Sequence[Benchmark], jobs: int = 2
) -> tuple[Mapping[str, Counted], list[str]]:
    """Counts of both sides by benchmark, `jobs` at a time, and a warning for each that could not be counted."""

    def one(benchmark: Benchmark) -> Counted | str:
        try:
            return Counted(*(instructions(runner, side, benchmark) for side in (baseline, candidate)))
        except BenchmarkFailedError as problem:
            return f"no instruction count: {problem}"

    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        results = list(zip(benchmarks, pool.map(one, benchmarks), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)  # on Ctrl-C only what is under way is waited for
    counted = {benchmark.name: found for benchmark, found in results if isinstance(found, Counted)}
    return counted, [found for _, found in results if isinstance(found, str)]
