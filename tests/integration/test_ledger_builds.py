"""`ledger` and `bisect` on the real series: only what needs no builds beyond those that all tests share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import atomic, paths, series, series_rules
from harness.errors import BisectEndpointError
from perf import bisect, ledger

if TYPE_CHECKING:
    from harness.build import Built

pytestmark = pytest.mark.build


@pytest.fixture
def where(
    built_upstream_fast: Built, built_fork_fast: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> list[str]:
    """The option that runs things where the shared builds were made; results go to a folder of this test."""
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path))
    assert built_upstream_fast.provenance["environment"]["kind"] == built_fork_fast.provenance["environment"]["kind"]
    return ["--docker" if built_fork_fast.provenance["environment"]["kind"] == "docker" else "--native"]


def only(folder: Path, name: str) -> dict[str, Any]:
    (path,) = folder.glob(f"*/{name}")
    return atomic.read_json(path)


def a_test_that_the_series_adds() -> str:
    """A test that a patch names and whose file the series adds, so that upstream cannot have it."""
    added = {
        Path(one).stem
        for patch in series.load()
        for one in re.findall(r"^--- /dev/null\n\+\+\+ b/Lib/test/(test_\w+\.py)$", patch.text.decode(), re.MULTILINE)
    }
    named = [name for patch in series.load() for name in series_rules.tests_named(patch)]
    return next(name for name in named if name.split(".")[0] in added)


def test_the_last_patch_has_a_whole_row(where: list[str], tmp_path: Path) -> None:
    last = series.load()[-1]
    assert ledger.main([*where, "--only", last.path, "--no-counts"]) == 0
    told = only(tmp_path, "ledger.json")
    (row,) = told["rows"]
    assert row["patch"] == last.path
    assert row["red"] is False
    assert row["builds"] is True
    assert row["tests"]["passed"] > 0
    assert row["tests"]["failed"] == 0
    assert row["abi"]["compatible"] is True
    assert row["globals_left"] < 1190
    assert row["lines"]["added"] > 0
    assert not told["complete"]
    page = next(tmp_path.glob("*/ledger.html")).read_text(encoding="utf-8")
    assert last.path in page
    # The measurement is kept: the same again builds and tests nothing.
    log = paths.logs_dir() / "build-fork-fast.log"
    before = log.stat().st_mtime_ns if log.exists() else None
    assert ledger.main([*where, "--only", last.path, "--no-counts"]) == 0
    assert (log.stat().st_mtime_ns if log.exists() else None) == before


def test_a_test_that_came_with_the_series_is_not_good_upstream(where: list[str], tmp_path: Path) -> None:
    name = a_test_that_the_series_adds()
    with pytest.raises(BisectEndpointError, match="upstream should be good and is neither good nor bad"):
        bisect.main([*where, "--test", name])
    (entry,) = only(tmp_path, "bisect.json")["log"]
    assert entry["judgement"] == "skip"
    assert entry["reason"] == "there is no such test in this build"


def test_what_is_good_at_both_ends_is_refused(where: list[str], tmp_path: Path) -> None:
    with pytest.raises(BisectEndpointError, match=r"the series up to patch \d+ should be bad and is good"):
        bisect.main([*where, "--test", "test_bool.BoolTest.test_repr"])
    assert [entry["judgement"] for entry in only(tmp_path, "bisect.json")["log"]] == ["good", "good"]
