"""The benchmarks by suite, read from perf/suites.toml: which script, which name in it, how long a timed value is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BenchmarkListError, UsageError

DIRECTORY = Path(__file__).resolve().parent
SCRIPTS = DIRECTORY / "benchmarks"
FILE = DIRECTORY / "suites.toml"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark: `script` (absolute) run with `args`; `target_seconds` is the length of one timed value."""

    name: str
    script: Path
    args: tuple[str, ...]
    suite: str
    target_seconds: float


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchmarkListError(f"there is no list of benchmarks {file}") from None
    except tomllib.TOMLDecodeError as error:
        raise BenchmarkListError(f"{file} is not TOML: {error}") from None


def suites(file: Path = FILE) -> list[str]:
    """Names of the suites in `file`."""
    return list(_table(file))


def load_suite(name: str, file: Path = FILE, scripts: Path = SCRIPTS) -> list[Benchmark]:
    """The benchmarks of suite `name`, in the order of the file.

    UsageError for a suite that is not there; BenchmarkListError for a list that is malformed, names a script that
    does not exist, or one benchmark twice.
    """
    table = _table(file)
    if name not in table:
        raise UsageError(f"unknown suite {name!r}; suites: {', '.join(table)}")
    try:
        target = float(table[name]["target_seconds"])
        listed = [
            Benchmark(str(one), scripts / script, ("--only", str(one)), name, target)
            for script, names in table[name]["scripts"].items()
            for one in names
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BenchmarkListError(f"{file}: suite {name!r} is malformed: {error!r}") from None
    _check(listed, target, file)
    return listed


def _check(listed: list[Benchmark], target: float, file: Path) -> None:
    names = [benchmark.name for benchmark in listed]
    twice = sorted({name for name in names if names.count(name) > 1})
    absent = sorted({str(benchmark.script) for benchmark in listed if not benchmark.script.is_file()})
    if twice:
        raise BenchmarkListError(f"{file} names twice: {', '.join(twice)}")
    if absent:
        raise BenchmarkListError(f"{file} names scripts that do not exist: {', '.join(absent)}")
    if not listed or target <= 0:
        raise BenchmarkListError(f"{file}: a suite needs benchmarks and a target_seconds above 0")


def select(listed: list[Benchmark], wanted: list[str] | None) -> list[Benchmark]:
    """The benchmarks whose names are in `wanted` (all if None); UsageError names those that do not exist."""
    if not wanted:
        return listed
    known = {benchmark.name for benchmark in listed}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UsageError(f"unknown benchmark {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    return [benchmark for benchmark in listed if benchmark.name in wanted]
