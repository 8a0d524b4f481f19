"""What the report refuses, and that a refusal writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import report_samples as samples

from harness.errors import (
    BrowserError,
    Exit,
    HarnessError,
    ResultDamagedError,
    ResultMissingError,
    ResultUnequalError,
    UsageError,
)
from harness.report import build_report, kinds, load, main

Json = samples.Json


def _refused(tmp_path: Path, kind: str, value: Json, error: type[HarnessError], words: str) -> None:
    folder = samples.store(tmp_path / "results", kind, value)
    with pytest.raises(error, match=words) as caught:
        build_report({kind: folder}, tmp_path / "out")
    assert caught.value.exit_code == Exit.MISSING
    assert caught.value.remedy
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", samples.FILES)
def test_a_result_cut_short_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    folder = samples.store(tmp_path / "results", kind)
    file = folder / samples.FILES[kind][0]
    whole = file.read_bytes()
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:cut])
        with pytest.raises(ResultDamagedError, match=file.name) as caught:
            build_report({kind: folder}, tmp_path / "out")
        assert caught.value.exit_code == Exit.MISSING
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", samples.FILES)
def test_every_field_that_is_shown_is_checked(tmp_path: Path, kind: str) -> None:
    whole = samples.FILES[kind][1]()
    required = [key for key in kinds.KINDS[kind].shape if not key.endswith("?")]
    assert required
    for key in required:
        value = {name: inner for name, inner in whole.items() if name != key}
        _refused(tmp_path, kind, value, ResultDamagedError, f"{key}: missing")


def _set(*path: str | int) -> Callable[[Json, object], None]:
    def change(value: Json, to: object) -> None:
        inner: object = value
        for step in path[:-1]:
            inner = inner[step]  # type: ignore[index]
        inner[path[-1]] = to  # type: ignore[index]

    return change


@pytest.mark.parametrize(
    ("kind", "place", "to", "words"),
    [
        ("gate", ("verdict",), "MAYBE", r"verdict: 'MAYBE' is none of PASS"),
        ("gate", ("suite", "ratio"), float("nan"), r"suite\.ratio: nan is not a finite number"),
        ("gate", ("suite", "block_ratios", 3), "1.0", r"suite\.block_ratios\[3\]: '1\.0' is not a finite number"),
        ("gate", ("benchmarks", 2, "status"), "fine", r"benchmarks\[2\]\.status"),
        ("gate", ("margin",), True, r"margin: True is not a finite number"),
        ("test", ("fork", "tests"), 1.5, r"fork\.tests: 1\.5 is not a whole number"),
        ("test", ("flaky",), None, r"flaky: None is not a list"),
        ("multicore", ("rows", 0), "row", r"rows\[0\]: 'row' is not an object"),
        ("abi", ("compatible",), "yes", r"compatible: 'yes' is not true or false"),
        ("globals", ("kind",), "gate", "kind is 'gate', not 'globals'"),
        ("ledger", ("schema",), 2, "schema 2; this version reads 1"),
    ],
)
def test_another_shape_is_refused_with_its_place(
    tmp_path: Path, kind: str, place: tuple[str | int, ...], to: object, words: str
) -> None:
    value = samples.FILES[kind][1]()
    _set(*place)(value, to)
    _refused(tmp_path, kind, value, ResultDamagedError, words)


def test_unequal_blocks_are_refused(tmp_path: Path) -> None:
    value = samples.gate()
    value["benchmarks"][4]["block_ratios"].pop()
    name = value["benchmarks"][4]["name"]
    _refused(tmp_path, "gate", value, ResultUnequalError, f"12 blocks were run, but {name} has 11")


def test_a_suite_with_other_blocks_is_refused(tmp_path: Path) -> None:
    value = samples.gate()
    value["suite"]["blocks"] = 14
    _refused(tmp_path, "gate", value, ResultUnequalError, "14 blocks were run, but the suite has 12")


def test_a_benchmark_without_samples_must_say_so(tmp_path: Path) -> None:
    value = samples.gate("MISSING")
    build_report({"gate": samples.store(tmp_path, "gate", value)}, tmp_path / "fine")
    value["benchmarks"][0]["status"] = "same"
    _refused(tmp_path, "gate", value, ResultUnequalError, "has 0")


def test_folders_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    value = samples.globals_()
    value["by_folder"][0]["left"] -= 1
    _refused(tmp_path, "globals", value, ResultUnequalError, "left is 1163, but its folders add up to 1162")


def test_a_folder_without_its_main_file_is_a_run_cut_short(tmp_path: Path) -> None:
    folder = tmp_path / "20260102T030405-gate-0a1b2c"
    folder.mkdir()
    (folder / "samples.json").write_text("{}")
    with pytest.raises(ResultMissingError, match=r"no complete result .*verdict\.json") as caught:
        load.named([folder])
    assert caught.value.exit_code == Exit.MISSING
    with pytest.raises(ResultMissingError, match="does not exist"):
        load.named([tmp_path / "nowhere"])


def test_two_results_of_one_kind_are_a_mistake(tmp_path: Path) -> None:
    one, other = samples.store(tmp_path / "a", "gate"), samples.store(tmp_path / "b", "gate")
    with pytest.raises(UsageError, match="two gate results"):
        load.named([one, other])
    with pytest.raises(UsageError, match="unknown kind of result 'speed'"):
        build_report({"speed": one}, tmp_path / "out")


def test_the_newest_complete_results_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path))
    samples.store(tmp_path, "gate")
    newer = tmp_path / "20260203T000000-gate-ffffff"
    newer.mkdir()
    (newer / "verdict.json").write_text(json.dumps(samples.gate("FAIL")))
    (tmp_path / "20260304T000000-gate-eeeeee").mkdir()  # still running, or cut short: no verdict.json
    found = load.newest()
    assert found["gate"] == newer
    assert found["test"] is None


def test_main_writes_both_files_into_a_folder_of_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path))
    samples.store(tmp_path, "gate", samples.gate("FAIL"))
    assert main([]) == 0
    (page,) = tmp_path.glob("*-report-*/report.html")
    assert "FAIL" in page.read_text()
    assert page.with_name("report.md").read_text().count("FAIL") >= 1


def test_main_without_any_result_is_missing_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path))
    with pytest.raises(ResultMissingError, match="no result is stored") as caught:
        main([])
    assert caught.value.exit_code == Exit.MISSING
    assert list(tmp_path.iterdir()) == []


def test_a_missing_browser_leaves_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = samples.store(tmp_path, "gate")
    arguments = ["--result", str(folder), "--out", str(tmp_path / "out"), "--picture", str(tmp_path / "p.png")]
    with pytest.raises(BrowserError, match="no browser found") as caught:
        main(arguments)
    assert caught.value.exit_code == Exit.ENVIRONMENT
    assert (tmp_path / "out" / "report.html").is_file()
    assert not (tmp_path / "p.png").exists()
