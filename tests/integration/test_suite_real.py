"""The diff on the real builds: regrtest's own behaviour, a real crash and a real hang, Ctrl-C and resuming."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import paths, proc, suite, suite_install
from harness.runner import Runner, for_build
from harness.suite_model import Subject
from harness.variants import Variant

if TYPE_CHECKING:
    from harness.build import Built

pytestmark = pytest.mark.build

# On upstream all of it passes.
CRASHING = """
import ctypes, os, sys, time, unittest

FORK = "redwoodtj" in sys.version

class T(unittest.TestCase):
    def test_a_before(self):
        pass
    def test_b_crash(self):
        if FORK:
            ctypes.string_at(0)
    def test_c_sub(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertFalse(FORK and number == 1, "\\x00 \\udc80")
    def test_d_hang(self):
        if FORK:
            time.sleep(600)
    def test_e_once(self):
        marker = os.path.join(os.path.dirname(__file__), "once")
        if FORK and not os.path.exists(marker):
            open(marker, "w").close()
            self.fail("only once")
    def test_f_after(self):
        pass

class U(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if FORK:
            raise OSError("up")
    def test_z(self):
        pass
"""
IMPORT = "import sys, unittest\nif 'redwoodtj' in sys.version: raise ImportError('gone')\n"
IMPORT += "class T(unittest.TestCase):\n    def test_a(self): pass\n"


@pytest.fixture(scope="module")
def subjects(built_upstream_fast: Built, built_fork_fast: Built) -> tuple[Subject, Subject]:
    made = []
    for variant, built in ((Variant.UPSTREAM, built_upstream_fast), (Variant.FORK, built_fork_fast)):
        suite_install.complete(built.prefix, paths.source_tree(variant))
        made.append(Subject(str(variant), built.python, built.provenance))
    return made[0], made[1]


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS", "CACHE"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))


@pytest.fixture
def runner(built_fork_fast: Built, tmp_path: Path) -> Iterator[Runner]:
    (tmp_path / "tests").mkdir()
    with for_build(built_fork_fast.prefix, mounts=[tmp_path]) as made:
        yield made


def diff(subjects: tuple[Subject, Subject], runner: Runner, **wanted: Any) -> dict[str, Any]:  # noqa: ANN401
    folder = suite.diff(*subjects, runner, suite.Request(**{"workers": 2, **wanted}), kind=runner.kind)
    found: dict[str, Any] = json.loads((folder / "diff.json").read_text())
    return found


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["test"] for row in rows}


def test_real_files_of_both_builds(subjects: tuple[Subject, Subject], runner: Runner) -> None:
    """Among them a package, a file whose tests overwrite `id`, a file of doctests, one that make install forgets."""
    files = ("test_capi", "test_json", "test__xxsubinterpreters", "test_generators", "test_zipfile64")
    found = diff(subjects, runner, tests=files)
    assert found["new_failures"] == []
    for side in (found["upstream"], found["fork"]):
        assert side["files"] == len(files)
        assert side["tests"] > 500
        assert side["skipped_files"] == ["test_zipfile64"]


def test_real_crash_hang_and_the_rest(subjects: tuple[Subject, Subject], runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "tests" / "test_rwbad.py").write_text(CRASHING)
    (tmp_path / "tests" / "test_rwimport.py").write_text(IMPORT)
    found = diff(subjects, runner, set_name="full", testdir=tmp_path / "tests", timeout=4.0)
    assert found["upstream"]["passed"] == 8
    assert {row["test"]: row["status"] for row in found["new_failures"]} == {
        "test_rwbad.T.test_b_crash": "crashed",
        "test_rwbad.T.test_c_sub": "failed",
        "test_rwbad.T.test_d_hang": "timed out",
        "setUpClass (test_rwbad.U)": "error",
        "test_rwimport": "error",
    }
    assert names(found["flaky"]) == {"test_rwbad.T.test_e_once"}
    assert names(found["crashed"]) == {"test_rwbad.T.test_b_crash"}
    assert names(found["timed_out"]) == {"test_rwbad.T.test_d_hang"}
    crash = next(row for row in found["crashed"])
    assert "SIGSEGV" in crash["message"]
    assert "in test_b_crash" in crash["message"]
    assert "test_rwbad.T.test_b_crash" in crash["command"]
    assert found["fork"]["passed"] == 2


def test_command_reproduces_the_failure(subjects: tuple[Subject, Subject], runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "tests" / "test_rwbad.py").write_text(CRASHING)
    wanted = suite.Request(tests=("test_rwbad",), testdir=tmp_path / "tests", timeout=4.0, match=("test_b_crash",))
    folder = suite.diff(*subjects, runner, wanted, kind="native")
    (crash,) = json.loads((folder / "diff.json").read_text())["new_failures"]
    done = proc.run(runner.argv(["sh", "-c", crash["command"]]), check=False, echo=False)
    assert done.returncode in (128 + signal.SIGSEGV, -signal.SIGSEGV)
    assert "test_b_crash" in done.stdout


SLOW = "import time, unittest\nclass T(unittest.TestCase):\n    def test_a(self): time.sleep({seconds})\n"

CHILD = """
import sys
from pathlib import Path
from harness import cli, provenance, suite
from harness.runner import for_build
from harness.suite_model import Subject

def main(argv):
    subjects = [Subject(name, Path(prefix) / "bin" / "python3", provenance.read(Path(prefix)))
                for name, prefix in zip(("upstream", "fork"), argv)]
    folder = Path(argv[2])
    with for_build(Path(argv[1]), mounts=[folder]) as runner:
        request = suite.Request(set_name="full", testdir=folder, workers=1)
        print(suite.diff(*subjects, runner, request, kind=runner.kind))
    return 0

sys.modules["child"] = sys.modules["__main__"]
sys.exit(cli.run({"test": "child"}, "child", ["test", *sys.argv[1:]]))
"""


def test_interrupt_and_resume(built_upstream_fast: Built, built_fork_fast: Built, tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    # Both take the same assumed time, so they run in the order of their names.
    (folder / "test_rwfirst.py").write_text(SLOW.format(seconds=0.1))
    (folder / "test_rwsecond.py").write_text(SLOW.format(seconds=6))
    argv = [sys.executable, "-c", CHILD, str(built_upstream_fast.prefix), str(built_fork_fast.prefix), str(folder)]
    env = {**os.environ, "PYTHONPATH": str(paths.ROOT)}
    with subprocess.Popen(argv, env=env, preexec_fn=proc.default_signals) as child:
        wait_for(lambda: list((tmp_path / "cache").rglob("raw/test_rwfirst.xml")))
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
    assert not list((tmp_path / "cache").rglob("raw/test_rwsecond.xml"))
    assert not list((tmp_path / "results").glob("*-test-*"))
    before = next((tmp_path / "cache").rglob("raw/test_rwfirst.xml")).stat().st_mtime_ns
    subprocess.run(argv, env=env, check=True, timeout=180, preexec_fn=proc.default_signals)
    assert next((tmp_path / "cache").rglob("raw/test_rwfirst.xml")).stat().st_mtime_ns == before
    (result,) = (tmp_path / "results").glob("*-test-*/diff.json")
    found = json.loads(result.read_text())
    assert found["upstream"]["cached_files"] == 1
    assert found["fork"]["passed"] == 2


def wait_for(condition: Any, seconds: float = 60.0) -> None:  # noqa: ANN401
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_named_tests_as_the_ledger_asks(built_fork_fast: Built) -> None:
    """The last but one needs the program that `make install` leaves out."""
    asked = ["test_dict.DictTest.test_keys_contained", "test_capi.test_misc.TestThreadState"]
    asked += ["test_embed.EmbeddingTests.test_subinterps_different_ids", "test_dict.Nope"]
    *good, absent = suite.run_fork_tests(asked, built_fork_fast.prefix)
    assert [answer.passed for answer in good] == [True, True, True]
    assert not absent.passed
    assert "no test matches" in absent.message
