"""perf.suites and perf/benchmarks: the list is whole and every benchmark on it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_fake import HereRunner

from harness.errors import BenchmarkListError, UsageError
from perf import pyperf_site, suites, worker
from perf.suites import Benchmark


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDWOODTJ_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(worker, "_SITES", {})
        yield


def test_quick_has_at_least_24_benchmarks_and_is_part_of_wide() -> None:
    quick = {benchmark.name for benchmark in suites.load_suite("quick")}
    wide = {benchmark.name for benchmark in suites.load_suite("wide")}
    assert len(quick) >= 24
    assert quick < wide
    assert suites.suites() == ["quick", "wide"]


@pytest.mark.parametrize("script", sorted(path.name for path in suites.SCRIPTS.glob("bm_*.py")))
def test_every_benchmark_of_a_script_is_listed(script: str) -> None:
    listed = {benchmark.name for benchmark in suites.load_suite("wide") if benchmark.script.name == script}
    site = pyperf_site.ensure(HereRunner(), Path(sys.executable))
    helped = subprocess.run(
        [sys.executable, suites.SCRIPTS / script, "--help"],
        env={**os.environ, "PYTHONPATH": str(site), "COLUMNS": "2000"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    offered = helped.split("--only {")[1].split("}")[0].split(",")
    assert set(offered) == listed


@pytest.mark.parametrize("benchmark", suites.load_suite("wide"), ids=lambda benchmark: benchmark.name)
def test_every_benchmark_runs(benchmark: Benchmark, tmp_path: Path) -> None:
    found = worker.run_worker(
        HereRunner(), Path(sys.executable), benchmark, loops=1, values=1, warmups=0, raw=tmp_path
    )
    assert found.ok, found.error


def _file(tmp_path: Path, text: str) -> Path:
    (tmp_path / "bm_a.py").write_text("", encoding="utf-8")
    path = tmp_path / "suites.toml"
    path.write_text(text, encoding="utf-8")
    return path


BAD = {
    "not TOML": ("[one\n", "is not TOML"),
    "no target": ("[one]\n[one.scripts]\n'bm_a.py' = ['x']\n", "malformed"),
    "no scripts": ("[one]\ntarget_seconds = 0.1\n", "malformed"),
    "twice": ("[one]\ntarget_seconds = 0.1\n[one.scripts]\n'bm_a.py' = ['x', 'x']\n", "names twice: x"),
    "no script": ("[one]\ntarget_seconds = 0.1\n[one.scripts]\n'bm_b.py' = ['x']\n", "do not exist: .*bm_b.py"),
    "empty": ("[one]\ntarget_seconds = 0.1\n[one.scripts]\n", "needs benchmarks"),
    "no time": ("[one]\ntarget_seconds = 0\n[one.scripts]\n'bm_a.py' = ['x']\n", "above 0"),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_a_bad_list_is_refused(kind: str, tmp_path: Path) -> None:
    text, reason = BAD[kind]
    with pytest.raises(BenchmarkListError, match=reason) as caught:
        suites.load_suite("one", _file(tmp_path, text), tmp_path)
    assert caught.value.exit_code == 7


def test_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkListError, match="there is no list"):
        suites.load_suite("one", tmp_path / "absent.toml")


def test_an_unknown_suite_or_benchmark_is_bad_usage() -> None:
    with pytest.raises(UsageError, match="unknown suite 'slow'; suites: quick, wide"):
        suites.load_suite("slow")
    listed = suites.load_suite("quick")
    with pytest.raises(UsageError, match="unknown benchmark call_nobody"):
        suites.select(listed, ["call_method", "call_nobody"])
    assert [one.name for one in suites.select(listed, ["call_method"])] == ["call_method"]
    assert suites.select(listed, None) == listed
