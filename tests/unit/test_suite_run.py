"""Running test files: a crash, a hang or a cut record is charged to the right test, and the rest goes on."""

from __future__ import annotations

import io
import signal
import sys
import time
import unittest
from pathlib import Path

import pytest
import suite_fake
from suite_fake import Direct

from harness import suite_driver, suite_run
from harness.errors import RunnerLostError
from harness.suite_events import Ending, excerpt, read, result
from harness.suite_model import Case, FileResult, Options, Status, combine, normalise
from harness.suite_run import Job, Pool


@pytest.fixture(autouse=True)
def _short_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_run, "GUARD", 0.7)
    monkeypatch.setattr(suite_run, "KILL", 0.3)


def run_plan(folder: Path, plan: suite_fake.Plan, *jobs: Job, timeout: float = 1.0) -> dict[str, FileResult]:
    subject = suite_fake.make(folder / "fork", plan)
    pool = Pool(Direct(), subject, Options(2, timeout), folder / "work")
    return {done.file: done for done in pool.run(jobs or [Job(file) for file in plan])}


def statuses(done: FileResult) -> dict[str, str]:
    return {case.test: str(case.status) for case in done.cases}


def test_each_outcome_is_that_of_its_own_test(tmp_path: Path) -> None:
    done = run_plan(tmp_path, {"test_x": [("x.a", "pass"), ("x.b", "fail"), ("x.c", "skip")]})
    assert statuses(done["test_x"]) == {"test_x": "passed", "x.a": "passed", "x.b": "failed", "x.c": "skipped"}


def test_no_test_is_blamed_for_a_lost_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_self: Direct) -> None:
        raise RunnerLostError("the container is paused")

    monkeypatch.setattr(Direct, "check", lost)
    done = run_plan(tmp_path / "1", {"test_x": [("x.a", "pass")]})
    assert statuses(done["test_x"]) == {"test_x": "passed", "x.a": "passed"}
    with pytest.raises(RunnerLostError):
        run_plan(tmp_path / "2", {"test_x": [("x.a", "fail")]})


@pytest.mark.parametrize("behaviour", ["crash", "quit", "half", "hang", "deaf"])
def test_death_is_charged_to_the_running_test_and_the_rest_runs(tmp_path: Path, behaviour: str) -> None:
    plan = {"test_x": [("x.a", "pass"), ("x.b", behaviour), ("x.c", "pass")], "test_y": [("y.a", "pass")]}
    done = run_plan(tmp_path, plan)
    expected = "timed out" if behaviour in ("hang", "deaf") else "crashed"
    assert statuses(done["test_x"]) == {"test_x": "passed", "x.a": "passed", "x.b": expected, "x.c": "passed"}
    assert statuses(done["test_y"]) == {"test_y": "passed", "y.a": "passed"}


def test_crash_message_names_signal_and_traceback(tmp_path: Path) -> None:
    done = run_plan(tmp_path, {"test_x": [("x.a", "crash")]})
    message = done["test_x"].cases[-1].message
    assert "SIGSEGV" in message
    assert "Fatal Python error" in message


def test_file_that_crashes_again_and_again_is_given_up_and_says_so(tmp_path: Path) -> None:
    tests = [(f"x.t{number}", "crash") for number in range(suite_run.PARTS + 3)]
    done = run_plan(tmp_path, {"test_x": tests})["test_x"]
    assert done.whole.status is Status.CRASHED
    assert "did not run" in done.whole.message
    assert len(done.cases) == 1 + suite_run.PARTS


@pytest.mark.parametrize(
    ("whole", "expected"), [("import", "error"), ("skip", "skipped"), ("none", "no tests"), ("exit", "crashed")]
)
def test_outcome_of_the_file_itself(tmp_path: Path, whole: str, expected: str) -> None:
    tests = [] if whole == "none" else [("x.a", "pass")]
    done = run_plan(tmp_path, {"test_x": [("file", whole), *tests]})["test_x"]
    assert done.whole.status == expected
    assert (whole != "skip") or done.whole.message == "no resource"


def test_chosen_tests_only(tmp_path: Path) -> None:
    plan = {"test_x": [("x.a[1]", "pass"), ("x.b", "pass")]}
    done = run_plan(tmp_path, plan, Job("test_x", only=("x.a[[]1]",)))["test_x"]
    assert statuses(done) == {"test_x": "passed", "x.a[1]": "passed"}


def test_interrupt_ends_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    subject = suite_fake.make(tmp_path / "fork", {"test_x": [("x.a", "deaf")]})
    pool = Pool(Direct(), subject, Options(1, 60.0), tmp_path / "work")
    started = time.monotonic()
    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(pool.run([Job("test_x")]))
    assert time.monotonic() - started < 9


def test_process_starts_with_default_signals(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup and some CI runners leave it
    try:
        done = run_plan(tmp_path, {"test_x": [("x.a", "sigint")]})
    finally:
        signal.signal(signal.SIGINT, before)
    assert statuses(done["test_x"])["x.a"] == "passed"


def test_no_output_and_no_record_is_a_crash_of_the_file(tmp_path: Path) -> None:
    done = result("test_x", read(tmp_path / "none"), Ending(127, "sh: python3: not found", 0.1))
    assert done.whole.status is Status.CRASHED
    assert "not found" in done.whole.message


def test_unexplained_failure_of_regrtest_is_kept(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.write_text(
        "(1.0, 'start', 'x.a')\n(1.5, 'pass', 'x.a')\n(2.0, 'stop', 'x.a')\n(2.0, 'end', 'test_x', 'Failed')\n"
    )
    done = result("test_x", read(events), Ending(2, "doctest failed", 2.0))
    assert statuses(done) == {"test_x": "failed", "x.a": "passed"}
    assert done.cases[1].seconds == 1.0


def test_test_without_a_result_is_an_error(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.write_text("(1.0, 'start', 'x.a')\n(2.0, 'stop', 'x.a')\n(2.0, 'end', 'test_x', 'Passed')\n")
    assert statuses(result("test_x", read(events), Ending(0, "", 2.0)))["x.a"] == "error"


def test_environment_change_is_recorded_and_no_failure(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.write_text("(2.0, 'end', 'test_x', 'EnvChanged')\n")
    done = result("test_x", read(events), Ending(0, "", 2.0))
    assert done.environment_changed
    assert not done.bad()


def test_excerpt_starts_at_the_fatal_error() -> None:
    assert excerpt("noise\n" * 5000 + "Fatal Python error: x\nhere").startswith("Fatal Python error: x")


def test_names_are_normalised_and_the_worst_status_wins() -> None:
    found = combine([Case("x <at 0x7f01>", Status.PASSED), Case("x <at 0x7f99>", Status.FAILED)])
    assert {name: case.status for name, case in found.items()} == {"x <at 0xN>": Status.FAILED}
    assert normalise("worker pid=123") == "worker pid=N"


# --- the driver's record of unittest's events ------------------------------------------------------------------


class Sample(unittest.TestCase):
    __test__ = False  # for pytest

    def test_good(self) -> None:
        pass

    def test_sub(self) -> None:
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1, "\x00 and \udc80")

    def test_skip(self) -> None:
        self.skipTest("why")

    @unittest.expectedFailure
    def test_expected(self) -> None:
        self.fail()

    @unittest.expectedFailure
    def test_unexpected(self) -> None:
        pass

    def test_error(self) -> None:
        raise OSError("disk")


class Instance(unittest.TestCase):
    __test__ = False

    def setUp(self) -> None:
        self.id = 7  # type: ignore[assignment,method-assign] # as test__xxsubinterpreters does

    def test_a(self) -> None:
        pass


class Fixture(unittest.TestCase):
    __test__ = False

    @classmethod
    def setUpClass(cls) -> None:
        raise OSError("up")

    def test_never(self) -> None:
        pass


def record_of(case: type[unittest.TestCase], path: Path) -> dict[str, Case]:
    result_class = type("Result", (unittest.TextTestResult,), {})

    suite_driver._record_results(result_class, suite_driver.Recorder(str(path)))
    runner = unittest.TextTestRunner(stream=io.StringIO(), resultclass=result_class)
    runner.run(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    return {one.test.rpartition(".")[2]: one for one in read(path).cases}


def test_record_of_every_kind_of_outcome(tmp_path: Path) -> None:
    found = record_of(Sample, tmp_path / "events")
    assert {name: str(case.status) for name, case in found.items()} == {
        "test_good": "passed",
        "test_sub": "failed",
        "test_skip": "skipped",
        "test_expected": "passed",
        "test_unexpected": "failed",
        "test_error": "error",
    }
    assert "number=1" in found["test_sub"].message


def test_record_of_a_test_with_an_attribute_id(tmp_path: Path) -> None:
    assert set(record_of(Instance, tmp_path / "events")) == {"test_a"}


def test_record_of_a_class_that_cannot_start(tmp_path: Path) -> None:
    path = tmp_path / "events"
    record_of(Fixture, path)
    (case,) = read(path).cases
    assert case.test.startswith("setUpClass (")
    assert case.status is Status.ERROR


def test_forked_child_records_nothing(tmp_path: Path) -> None:
    record = suite_driver.Recorder(str(tmp_path / "events"))
    record.pid += 1
    record("start", "x")
    assert not (tmp_path / "events").exists()


def test_driver_imports_nothing_else() -> None:
    """What it imports is loaded in the interpreter under test before the tests are."""
    source = Path(suite_driver.__file__).read_text()
    imported = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "os", "sys", "time", "typing"}
    assert sys.version_info >= (3, 11)
