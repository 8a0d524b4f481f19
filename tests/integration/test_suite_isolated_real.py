"""`test --isolated` on the real fork: the driver in an own-GIL interpreter, a real crash and hang, a rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.runner import for_build
from harness.suite import Request
from harness.suite_exceptions import Entry, Table
from harness.suite_isolated import isolate
from harness.suite_model import Subject

if TYPE_CHECKING:
    from harness.build import Built

pytestmark = pytest.mark.build

TESTS = """
import os, signal, time, unittest
import _xxsubinterpreters as interpreters

MAIN = interpreters.get_current() == interpreters.get_main()

class T(unittest.TestCase):
    def test_a_both(self):
        self.assertEqual(__name__, "test_rwisolated")
    def test_b_crash(self):
        if not MAIN:
            os.kill(os.getpid(), signal.SIGSEGV)
    def test_c_signal(self):
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    def test_d_hang(self):
        if not MAIN:
            time.sleep(600)
    def test_e_own_gil(self):
        self.assertTrue(MAIN)
    def test_f_after(self):
        pass
"""


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS", "CACHE"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))


def run(built: Built, folder: Path, table: Table, **wanted: Any) -> dict[str, Any]:  # noqa: ANN401
    subject = Subject("fork", built.python, built.provenance)
    with for_build(built.prefix, mounts=[folder]) as runner:
        result, good = isolate(subject, runner, Request(workers=2, **wanted), kind=runner.kind, table=table)
    found: dict[str, Any] = json.loads((result / "isolated.json").read_text())
    return found | {"good": good}


def test_real_crash_hang_and_the_rest(built_fork_fast: Built, tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_rwisolated.py").write_text(TESTS)
    table = Table(0.5, (Entry("test_rwisolated.T.test_c_*", "signals", "Main alone handles signals.", rule=True),))
    found = run(built_fork_fast, folder, table, set_name="full", testdir=folder, timeout=4.0)
    assert found["main"]["passed"] == 6
    assert {row["test"].rpartition(".")[2]: row["status"] for row in found["unexplained"]} == {
        "test_b_crash": "crashed",
        "test_d_hang": "timed out",
        "test_e_own_gil": "failed",
    }
    assert [cause["cause"] for cause in found["explained"]] == ["signals"]
    assert found["isolated"]["passed"] == 2
    assert not found["good"]
    crash = next(row for row in found["unexplained"] if row["status"] == "crashed")
    assert "SIGSEGV" in crash["message"]


def test_real_files(built_fork_fast: Built, tmp_path: Path) -> None:
    found = run(built_fork_fast, tmp_path, Table(1.0, ()), tests=("test_set", "test_json", "test_contextlib"))
    assert found["good"]
    assert found["isolated"]["passed"] == found["main"]["passed"] > 500
