"""The conformance session: what the suite says is read whole or not at all, and told by area and implementation."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness import conformance, paths
from harness.conformance import FORK, Subject, Told
from harness.errors import ResultDamagedError
from harness.runner import NativeRunner

FIRST = {"implementation": "CPython", "version": "3.13.0", "api": "test.support.interpreters"}


def line(case: str, status: str, message: str = "", **more: str) -> dict[str, Any]:
    return {"case": case, "status": status, "message": message, "seconds": 0.1, **more}


def told(*lines: dict[str, Any], **identity: str) -> Told:
    return conformance.read("\n".join(json.dumps(one) for one in ({**FIRST, **identity}, *lines)))


def found() -> dict[str, Any]:
    runner = NativeRunner()
    subjects = [Subject(name, Path(sys.executable), runner, {"name": name}) for name in (FORK, "peer")]
    failure = "Traceback (most recent call last):\n  File x\nValueError: that is why\n"
    answers = {
        FORK: told(line("call.A.test_x", "passed"), line("queues.B.test_y", "passed", beyond="3.13 polls")),
        "peer": told(line("call.A.test_x", "failed", failure), line("queues.B.test_y", "absent", "no create_queue")),
    }
    return conformance.document(answers, subjects)


def test_the_document_holds_every_outcome() -> None:
    document = found()
    assert document["implementations"][FORK]["counts"]["passed"] == 2
    assert document["implementations"]["peer"]["counts"] == {
        **dict.fromkeys(conformance.STATUSES, 0),
        "failed": 1,
        "absent": 1,
    }
    first, second = document["cases"]
    assert first["outcomes"]["peer"]["status"] == "failed"
    assert second["beyond"] == "3.13 polls"
    assert document["provenance"] == {FORK: {"name": FORK}, "peer": {"name": "peer"}}


def test_absent_counts_for_the_fork_only() -> None:
    document = found()
    assert conformance.not_passed(document, FORK) == []
    assert [case["case"] for case in conformance.not_passed(document, "peer", absent=False)] == ["call.A.test_x"]
    assert len(conformance.not_passed(document, "peer")) == 2


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), width=120)
    monkeypatch.setattr(conformance, "out", screen)
    conformance.show(found())
    assert isinstance(screen.file, io.StringIO)
    text = screen.file.getvalue()
    assert "0 of 1 (1 failed)" in text
    assert "0 of 1 (1 absent)" in text
    assert "2 of 2" in text
    assert "peer: failed call.A.test_x: ValueError: that is why" in text
    assert "queues.B.test_y" not in text


def test_output_that_is_cut_short() -> None:
    for text in ("", "no JSON", '{"version": "3.14.0"}', f'{json.dumps(FIRST)}\n{{"case": "a.B.c", "sta'):
        with pytest.raises(ResultDamagedError):
            conformance.read(text)


def test_a_python_without_interpreters_lacks_all_but_the_first_case() -> None:
    """Stock 3.11, which runs this test, is such a Python."""
    command = [sys.executable, str(conformance.SUITE), "--json", "names.*", "queues.State.*", "pool.Tasks.*"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))
    assert done.returncode == 1, done.stderr
    answer = conformance.read(done.stdout)
    assert answer.identity["api"] == ""
    assert answer.cases.pop("names.Names.test_module")["status"] == "failed"
    assert {one["status"] for one in answer.cases.values()} == {"absent"}


TRIED = """
import os, time, unittest
from api_target import beyond, needs

class Tried(unittest.TestCase):
    def test_a_passes(self): pass
    def test_b_fails(self): self.assertEqual(1, 2)
    def test_c_crashes(self): os.abort()
    def test_d_hangs(self): time.sleep(60)
    def test_e_leaves(self): os._exit(3)
    @needs("import no_such_module")
    def test_f_is_absent(self): pass
    @beyond("why")
    def test_g_subtests(self):
        for n in range(3):
            with self.subTest(n): self.assertNotEqual(n, 1)
    def test_h_skips(self): self.skipTest("reason")
"""


def test_the_outcome_of_each_case_is_its_own(tmp_path: Path) -> None:
    """A crash, a hang and an exit are outcomes of the cases that caused them."""
    for name in ("api_run.py", "api_target.py"):
        source = (paths.ROOT / "tests" / "api" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(source.replace('AREAS = ("names"', 'AREAS = ("tried",) or ("names"'))
    (tmp_path / "api_tried.py").write_text(TRIED, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "api_run.py"), "--json", "--timeout", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    cases = conformance.read(done.stdout).cases
    assert [one["status"] for one in cases.values()] == [
        *("passed", "failed", "crashed", "timed out", "crashed", "absent", "failed", "skipped"),
    ]
    assert "SIGABRT" in cases["tried.Tried.test_c_crashes"]["message"]
    assert "in test_d_hangs" in cases["tried.Tried.test_d_hangs"]["message"]
    assert "exit code 3" in cases["tried.Tried.test_e_leaves"]["message"]
    assert cases["tried.Tried.test_g_subtests"]["beyond"] == "why"
