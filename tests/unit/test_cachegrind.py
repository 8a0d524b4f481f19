"""Instruction counts with a made valgrind: loops chosen, differences taken, cached, failures said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from harness.errors import BenchmarkFailedError, RunnerLostError, ToolMissingError
from harness.runner import Runner
from perf import cachegrind
from perf.suites import Benchmark, load_suite, select

# Stands in for valgrind: counts START + EACH * loops and leaves the file where it is told to.
VALGRIND = """#!/bin/sh
echo run >> {log}
[ "{mode}" = crash ] && echo "Process terminating with SIGSEGV" && exit 139
for word; do
  case $word in --cachegrind-out-file=*) file=${{word#*=}};; esac
done
folder=${{file%/*}}
[ "{mode}" = unfinished ] && echo "fl=x" > $folder/1 && exit 0
echo "summary: $((5000000 + {each} * REDWOODTJ_LOOPS))" > $folder/1
echo "summary: 7" > $folder/2
"""


class Here:
    """A runner whose valgrind is the made one."""

    kind = "native"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def argv(self, argv: Sequence[str | Path], *, env: dict[str, str] | None = None, **_rest: object) -> list[str]:
        assignments = [f"{name}={value}" for name, value in (env or {}).items()]
        return ["env", f"PATH={self.folder}:/usr/bin:/bin", *assignments, *map(str, argv)]

    def check(self) -> None:
        pass


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    return tmp_path


def valgrind(place: Path, each: int = 1000, mode: str = "") -> Runner:
    folder = place / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "valgrind"
    script.write_text(VALGRIND.format(log=place / "log", each=each, mode=mode), encoding="utf-8")
    script.chmod(0o755)
    return cast(Runner, Here(folder))


def interpreter(place: Path, name: str = "python", text: str = "x") -> Path:
    python = place / name / "bin" / "python3"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(text, encoding="utf-8")
    return python


def benchmark(place: Path, name: str = "one") -> Benchmark:
    script = place / "bm.py"
    script.write_text("pass\n", encoding="utf-8")
    return Benchmark(name, script, ("--only", name), "made", 0.1)


def runs(place: Path) -> int:
    return len((place / "log").read_text(encoding="utf-8").splitlines())


def test_the_difference_of_two_loop_counts_is_counted_once(place: Path) -> None:
    runner, python = valgrind(place), interpreter(place)
    expected = 16384 * 1000  # the largest power of two whose loops stay within WORTH
    assert cachegrind.instructions(runner, python, benchmark(place)) == expected
    assert runs(place) == 4  # two to choose the loops, two to count
    assert cachegrind.instructions(runner, python, benchmark(place)) == expected
    assert runs(place) == 4


def test_another_interpreter_is_counted_with_the_same_loops(place: Path) -> None:
    counted, problems = cachegrind.compare(
        valgrind(place), interpreter(place, "a"), interpreter(place, "b", "y"), [benchmark(place)]
    )
    assert problems == []
    assert counted["one"].to_json() == {"baseline": 16384000, "candidate": 16384000, "ratio": 1.0}
    assert runs(place) == 6


def test_counts_of_one_loop_agree_between_caches_that_chose_other_loops(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for cache, first in (("a", 1000), ("b", 4000)):  # what the first interpreter takes decides the loops
        monkeypatch.setenv("REDWOODTJ_CACHE", str(place / cache))
        cachegrind.instructions(valgrind(place, first), interpreter(place, "first", cache), benchmark(place))
        asked = (valgrind(place), interpreter(place), benchmark(place))
        found.append((cachegrind.instructions(*asked), cachegrind.per_loop(*asked)))
    assert found == [(16384 * 1000, 1000), (4096 * 1000, 1000)]


def test_a_lost_runner_is_no_failed_benchmark(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_self: Here) -> None:
        raise RunnerLostError("the container is gone")

    monkeypatch.setattr(Here, "check", lost)
    assert cachegrind.instructions(valgrind(place), interpreter(place), benchmark(place)) > 0
    with pytest.raises(RunnerLostError):
        cachegrind.instructions(valgrind(place, mode="crash"), interpreter(place, "b", "y"), benchmark(place))


def test_a_heavy_loop_runs_once(place: Path) -> None:
    assert cachegrind.instructions(valgrind(place, 10**9), interpreter(place), benchmark(place)) == 10**9


def test_a_benchmark_that_fails_is_a_warning_and_the_others_are_counted(place: Path) -> None:
    one, two = benchmark(place, "one"), benchmark(place, "two")
    runner, python = valgrind(place), interpreter(place)
    cachegrind.instructions(runner, python, one)
    counted, problems = cachegrind.compare(valgrind(place, mode="crash"), python, python, [one, two])
    assert list(counted) == ["one"]
    assert "no instruction count: two exited with 139 under cachegrind" in problems[0]
    assert "SIGSEGV" in problems[0]


def test_a_count_that_valgrind_did_not_finish_is_no_count(place: Path) -> None:
    with pytest.raises(BenchmarkFailedError, match="has no summary"):
        cachegrind.instructions(valgrind(place, mode="unfinished"), interpreter(place), benchmark(place))


def test_loops_that_cost_nothing_are_no_count(place: Path) -> None:
    with pytest.raises(BenchmarkFailedError, match="took no more instructions"):
        cachegrind.instructions(valgrind(place, each=0), interpreter(place), benchmark(place))


def test_no_valgrind_is_said(place: Path) -> None:
    runner = valgrind(place)
    (place / "bin" / "valgrind").unlink()
    hidden = cast(Here, runner)
    hidden.argv = lambda argv, **_rest: ["sh", "-c", "exit 127"]  # type: ignore[method-assign]
    with pytest.raises(ToolMissingError):
        cachegrind.instructions(runner, interpreter(place), benchmark(place))


def test_an_interpreter_is_its_binary_and_its_library(place: Path) -> None:
    python = interpreter(place)
    before = cachegrind.interpreter_hash(python)
    library = place / "python" / "lib" / "python3.11"
    library.mkdir(parents=True)
    (library / "json.py").write_text("x = 1\n", encoding="utf-8")
    with_module = cachegrind.interpreter_hash(python)
    (library / "json.pyc").write_text("compiled", encoding="utf-8")
    assert before != with_module == cachegrind.interpreter_hash(python)
    copied = interpreter(place, "copy")
    (place / "copy" / "lib" / "python3.11").mkdir(parents=True)
    (place / "copy" / "lib" / "python3.11" / "json.py").write_text("x = 1\n", encoding="utf-8")
    assert cachegrind.interpreter_hash(copied) == with_module


def test_the_hash_of_a_benchmark_follows_script_arguments_and_what_scripts_share(place: Path) -> None:
    one, two = benchmark(place, "one"), benchmark(place, "two")
    assert cachegrind.benchmark_hash(one) != cachegrind.benchmark_hash(two)
    before = cachegrind.benchmark_hash(one)
    (place / "bench_script.py").write_text("y\n", encoding="utf-8")
    assert cachegrind.benchmark_hash(one) != before


@pytest.mark.parametrize("name", ["call_method", "json_dumps", "import_fresh", "startup_bare"])
def test_the_stand_ins_are_enough_to_run_the_benchmarks(name: str) -> None:
    (benchmark,) = select(load_suite("wide"), [name])
    environment = {"PYTHONPATH": str(cachegrind.STAND_IN), cachegrind.LOOPS: "2", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-X", "importtime", str(benchmark.script), *benchmark.args]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "pyperf" in imported
    assert not imported & {"statistics", "gettext"}  # of the real pyperf and the real argparse
