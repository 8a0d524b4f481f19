"""bench pyperformance: the package's manifest in full, failures listed with reasons, results read with care."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from bench_fake import PYTHON, side

from harness import proc
from harness.errors import CommandFailedError, EnvironmentFailure, UsageError
from harness.proc import Done
from perf import bench, bench_pyperformance, bench_sides, bench_store, pyperf_site, pyperformance_home
from perf.pyperformance_home import Home, Official

NBODY = Official("nbody", None, ">=3.8")


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE", "BUILD", "RESULTS"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))


def test_the_manifest_is_whole() -> None:
    listed = pyperformance_home.manifest()
    names = [one.name for one in listed]
    assert len(names) > 90 and names == sorted(names)
    assert {"nbody", "crypto_pyaes", "sqlalchemy_declarative", "async_tree_io_tg"} <= set(names)
    needing = {one.name for one in listed if one.requirements is not None}
    assert "crypto_pyaes" in needing and "nbody" not in needing
    assert bench_pyperformance.choose(None) == listed
    assert [one.name for one in bench_pyperformance.choose("nbody,chaos")] == ["chaos", "nbody"]
    with pytest.raises(UsageError, match="no benchmark nobody"):
        bench_pyperformance.choose("nbody,nobody")


def test_a_python_that_is_too_old_is_a_reason() -> None:
    assert NBODY.refusal("3.11.2") is None
    assert Official("new", None, ">=3.12").refusal("3.11.2") == "it needs Python >=3.12"


def pyperf_file(path: Path, means: dict[str, list[float]]) -> Path:
    benchmarks = [
        {"metadata": {"name": name}, "runs": [{"warmups": [[1, 9.0]]}, *({"values": [mean]} for mean in values)]}
        for name, values in means.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"benchmarks": benchmarks, "metadata": {}}), encoding="utf-8")
    return path


def test_process_means_leave_out_calibration(tmp_path: Path) -> None:
    path = pyperf_file(tmp_path / "x.json", {"a": [1.0, 2.0], "b": [3.0]})
    assert bench_pyperformance.process_means(path) == {"a": [1.0, 2.0], "b": [3.0]}


def test_a_name_that_all_benchmarks_share_is_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"benchmarks": [{"runs": [{"values": [2.0]}]}], "metadata": {"name": "a"}}', encoding="utf-8")
    assert bench_pyperformance.process_means(path) == {"a": [2.0]}


@pytest.mark.parametrize(
    "text",
    [
        '{"benchmarks": [',
        '{"benchmarks": []}',
        '{"benchmarks": [{"metadata": {"name": "a"}, "runs": []}]}',
        '{"benchmarks": [{"metadata": {"name": "a"}, "runs": [{"values": [0.0]}]}]}',
    ],
)
def test_a_result_that_is_cut_short_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError):
        bench_pyperformance.process_means(path)


def test_ratios_name_the_side_that_failed_and_sides_that_differ() -> None:
    good: dict[str, Any] = {"means": {"nbody": [1.0, 1.01, 0.99]}}
    slow: dict[str, Any] = {"means": {"nbody": [1.1, 1.11, 1.09]}}
    [ratio] = bench_pyperformance.ratios(NBODY, {"upstream": good, "fork": slow})
    assert ratio.ratio == pytest.approx(1.1, rel=1e-3)
    assert ratio.low is not None and ratio.high is not None and 1.05 < ratio.low < 1.1 < ratio.high < 1.15
    [bad] = bench_pyperformance.ratios(NBODY, {"upstream": good, "fork": {"error": "crashed by SIGSEGV"}})
    assert bad.ratio is None and bad.error == "fork: crashed by SIGSEGV"
    other: dict[str, Any] = {"means": {"other": [1.0, 1.0]}}
    both = bench_pyperformance.ratios(NBODY, {"upstream": good, "fork": other})
    assert [one.error for one in both] == [
        "only one side has a result of nbody/nbody",
        "only one side has a result of nbody/other",
    ]


def test_the_geometric_mean_says_when_there_is_none() -> None:
    assert bench_pyperformance.overall([]).error == "no benchmark succeeded"


def _home(tmp_path: Path) -> Home:
    made = Home(side("fork"), tmp_path / "home-of-fork")
    (made.directory / "home" / "bin").mkdir(parents=True)
    return made


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import ctypes; ctypes.string_at(0)", "crashed by SIGSEGV"),
        ("import sys; print('ERROR: Benchmark nbody failed: Benchmark died'); sys.exit(1)", "Benchmark died"),
        ("pass", "missing, cut short or damaged"),
    ],
)
def test_a_benchmark_that_fails_is_an_error_with_its_reason(body: str, reason: str, tmp_path: Path) -> None:
    home = _home(tmp_path)
    home.python.write_text(f"#!{PYTHON}\n{body}\n", encoding="utf-8")
    home.python.chmod(0o755)
    found = bench_pyperformance.measure(home, NBODY, bench_store.opened("pyperformance", {}), 0, True)
    assert reason in found["error"]


def test_what_cannot_be_fetched_is_listed_and_the_rest_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lockfile = tmp_path / "requirements.txt"
    lockfile.write_text("absent==1\n", encoding="utf-8")
    listed = [NBODY, Official("needy", lockfile, ""), Official("new", None, ">=3.99")]
    monkeypatch.setattr(pyperformance_home, "manifest", lambda: listed)
    monkeypatch.setattr(pyperformance_home, "home", lambda one: Home(one, tmp_path / one.name))

    def run(argv: Sequence[str], **_: Any) -> Done:  # noqa: ANN401
        failing = "--requirement" in argv
        return Done(tuple(argv), int(failing), "no matching distribution for absent" if failing else "", 0.1)

    monkeypatch.setattr(proc, "run", run)
    monkeypatch.setattr(pyperf_site, "probe", lambda *_: pyperf_site.Probe("00", "3.11.2"))
    monkeypatch.setattr(bench_pyperformance, "measure", lambda *_: {"means": {"nbody": [1.0, 1.1]}})
    monkeypatch.setattr(bench_sides, "opened", lambda _: Opened())
    assert bench.main(["pyperformance"]) == 5
    [main] = (tmp_path / "results").glob("*-pyperformance-*/pyperformance.json")
    result = json.loads(main.read_text(encoding="utf-8"))
    errors = {one["name"]: one["error"] for one in result["benchmarks"]}
    assert errors["nbody"] is None
    assert "its requirements cannot be fetched: no matching distribution for absent" in errors["needy"]
    assert errors["new"] == "not available: it needs Python >=3.99, this is 3.11.2"
    assert len(errors) == 3


class Opened:
    """Stands in for the context manager of the two sides."""

    def __enter__(self) -> list[Any]:
        return [side("upstream"), side("fork")]

    def __exit__(self, *_: object) -> None:
        pass


def test_what_this_python_is_too_old_for_is_listed_but_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyperformance_home, "manifest", lambda: [NBODY, Official("new", None, ">=3.99")])
    monkeypatch.setattr(pyperformance_home, "fetch_tools", lambda: None)
    monkeypatch.setattr(pyperformance_home, "home", lambda one: Home(one, tmp_path / one.name))
    monkeypatch.setattr(pyperf_site, "probe", lambda *_: pyperf_site.Probe("00", "3.11.2"))
    monkeypatch.setattr(bench_pyperformance, "measure", lambda *_: {"means": {"nbody": [1.0, 1.1]}})
    monkeypatch.setattr(bench_sides, "opened", lambda _: Opened())
    assert bench.main(["pyperformance"]) == 0
    [main] = (tmp_path / "results").glob("*-pyperformance-*/pyperformance.json")
    assert [one["name"] for one in json.loads(main.read_text(encoding="utf-8"))["benchmarks"]] == ["nbody", "new"]


def test_no_network_at_first_use_is_a_failure_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        proc, "run", lambda argv, **_: Done(tuple(argv), 1, "Temporary failure in name resolution", 1)
    )
    with pytest.raises(EnvironmentFailure, match="Temporary failure in name resolution") as caught:
        pyperformance_home.fetch_tools()
    assert caught.value.exit_code == 2 and "package index" in caught.value.remedy


def test_packages_are_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Sequence[str]] = []

    def run(argv: Sequence[str], **_: Any) -> Done:  # noqa: ANN401
        calls.append(argv)
        return Done(tuple(argv), 0, "", 1)

    monkeypatch.setattr(proc, "run", run)
    pyperformance_home.fetch_tools()
    pyperformance_home.fetch_tools()
    assert len(calls) == 1


def test_a_home_that_cannot_be_made_says_where_its_log_is(tmp_path: Path) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\necho this python has no venv >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    with pytest.raises(CommandFailedError, match="this python has no venv") as caught:
        pyperformance_home.home(side("fork", broken))
    assert "pyperformance-home-fork.log" in str(caught.value.log)
