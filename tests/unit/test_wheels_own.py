"""A package's own tests on three sides, without a build: records, crashes, differences, the verdict."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from suite_fake import Direct

from harness import wheels_pool
from harness.errors import UsageError
from harness.suite_events import Ending
from harness.wheels_manifest import Manifest, OwnKnown
from harness.wheels_own import OwnTests, conclude, differences, modules, read_record

PACKAGE = """
def test(extra_argv, tests):
    import pytest
    return pytest.main([*extra_argv, "--rootdir", __path__[0], "--pyargs", *tests]) == 0
"""
TESTS = """
import os, pytest

def test_good(): pass
def test_bad(): assert 1 == 2, "no"
def test_skipped(): pytest.skip("because")
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.fixture
def broken(): raise ValueError("broken")
def test_broken(broken): pass
"""
WELL = Ending(0, "", 1.0)


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `pack` with a test function of its own, and pytest beside it."""
    for name in ("BUILD", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))
    monkeypatch.setattr(wheels_pool, "POLL", 0.01)
    tests = tmp_path / "site" / "pack" / "tests"
    tests.mkdir(parents=True)
    (tests.parent / "__init__.py").write_text(PACKAGE)
    (tests / "__init__.py").touch()
    (tests / "test_it.py").write_text(TESTS)
    return tmp_path / "site"


def run(site: Path) -> dict[str, str]:
    """The outcomes of the package's tests in this Python."""
    found = OwnTests(Direct(), {"main": Path(sys.executable)}, site, "pack").run(modules(site, "pack"), 1)
    return {name.rpartition("::")[2]: outcome for name, (outcome, _message) in found["main"].items()}


def test_modules_of_a_package(site: Path) -> None:
    assert modules(site, "pack") == ["pack.tests.test_it"]
    with pytest.raises(UsageError, match="no tests"):
        modules(site, "none")


def test_each_outcome_is_recorded(site: Path) -> None:
    assert run(site) == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_skipped": "skipped",
        "test_expected": "xfailed",
        "test_broken": "error",
    }


def test_a_crash_is_that_of_the_test_that_ran(site: Path) -> None:
    (site / "pack" / "tests" / "test_it.py").write_text(
        "import os\ndef test_first(): pass\ndef test_dies(): os.abort()\n"
    )
    assert run(site) == {"test_first": "passed", "test_dies": "crashed"}


def test_a_process_that_leaves_nothing_is_an_outcome_too(site: Path) -> None:
    (site / "pack" / "__init__.py").write_text("raise SystemExit(3)\n")
    assert run(site) == {"pack.tests.test_it": "crashed"}


def test_a_failure_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_text("('a', 'started', '')\n('a', 'failed', 'x')\n('a', 'error', 'y')\n('', 'ended', '1')\n")
    assert read_record(path, "m", WELL) == {"a": ("failed", "x")}


KNOWN = OwnKnown("pack", ("one",), ("*::test_k*",), "Because.")


def sides(**outcomes: dict[str, str]) -> dict[str, dict[str, tuple[str, str]]]:
    """Sides as they are stored, without messages."""
    return {side: {test: (outcome, "") for test, outcome in tests.items()} for side, tests in outcomes.items()}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("passed", "passed", False),
        ("passed", "failed", True),
        ("passed", "skipped", True),
        ("passed", "absent", True),
        ("failed", "failed", False),
        ("failed", "passed", False),
        ("absent", "passed", False),
        ("absent", "error", True),
        ("xfailed", "xpassed", True),
        ("skipped", "crashed", True),
    ],
)
def test_what_is_a_difference(before: str, after: str, told: bool) -> None:
    one, two = ({} if outcome == "absent" else {"t": outcome} for outcome in (before, after))
    found = list(differences(sides(upstream=one, main=two), "pack", Manifest((), ())))
    assert bool(found) is told


def test_the_verdict_asks_for_a_reason_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = Manifest((), (), (KNOWN,))
    known = sides(upstream={"m::test_k1": "passed"}, main={"m::test_k1": "passed"}, one={"m::test_k1": "failed"})
    assert conclude(tmp_path, "pack", manifest, known, {"profile": "fast"})
    found = json.loads((tmp_path / "own.json").read_text())
    assert found["differences"][0]["reason"] == "Because."
    assert found["counts"]["one"] == {"failed": 1}
    known["main"] = known["one"]
    assert not conclude(tmp_path, "pack", manifest, known, {})
    assert "1 differences are unexplained, 2 in all" in capsys.readouterr().out
