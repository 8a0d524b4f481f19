"""The whole diff with fake interpreters: reruns, resuming, the stored upstream side, exit codes, bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import suite_fake
from suite_fake import GOOD, Direct

from harness import cli, paths, suite, suite_junit, suite_run, suite_sets
from harness.errors import (
    Exit,
    InterpreterStartError,
    ResultDamagedError,
    ResultMissingError,
    UnequalTestResultsError,
    UnknownTestSetError,
    UsageError,
)
from harness.suite_model import Case, FileResult, Status, Subject
from harness.variants import Profile


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUILD", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))
    monkeypatch.setattr(suite_run, "POLL", 0.01)
    monkeypatch.setattr(suite_run, "GUARD", 0.5)


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., tuple[Subject, Subject]]:
    def make(upstream: suite_fake.Plan, fork: suite_fake.Plan) -> tuple[Subject, Subject]:
        return suite_fake.make(tmp_path / "upstream", upstream), suite_fake.make(tmp_path / "fork", fork)

    return make


def run(subjects: tuple[Subject, Subject], **wanted: Any) -> dict[str, Any]:  # noqa: ANN401
    request = suite.Request(**{"set_name": "full", "workers": 2, "timeout": 0.5, **wanted})
    folder = suite.diff(*subjects, Direct(), request, kind="native")
    found: dict[str, Any] = json.loads((folder / "diff.json").read_text())
    found["folder"] = folder
    return found


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["test"] for row in rows]


def changed(**tests: str) -> suite_fake.Plan:
    """GOOD with other behaviours for some tests of test_a."""
    return {**GOOD, "test_a": [(f"test.test_a.T.{test}", behaviour) for test, behaviour in tests.items()]}


def test_equal_sides(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    found = run(pair(GOOD, GOOD))
    assert found["new_failures"] == found["missing"] == found["flaky"] == []
    assert found["fork"]["tests"] == found["fork"]["passed"] == 3
    assert found["set"] == "full"
    for variant in ("upstream", "fork"):
        assert len(suite_junit.read(found["folder"] / f"junit-{variant}.xml")) == 2


def test_new_failure_is_run_again_and_comes_with_its_command(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    subjects = pair(GOOD, changed(one="fail", two="pass"))
    (row,) = run(subjects)["new_failures"]
    assert row["test"] == "test.test_a.T.one"
    assert row["status"] == "failed"
    assert row["command"] == f"{subjects[1].python} -m test -v -m test.test_a.T.one test_a"
    assert suite_fake.runs(subjects[1]).count("test_a only") == 2


def test_a_leak_of_the_fork_alone_is_a_new_failure_of_the_file(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    leaking = {**GOOD, "test_b": [("file", "leak"), *GOOD["test_b"]]}
    assert run(pair(GOOD, leaking))["new_failures"] == []  # not looked for
    subjects = pair(GOOD, leaking)
    found = run(subjects, leaks=True)
    (row,) = found["new_failures"]
    assert found["upstream"]["tests"] == 3  # though each ran six times
    assert (row["test"], row["status"]) == ("test_b", "failed")
    assert "leaked [7, 7, 7] references" in row["message"]
    assert row["command"] == f"{subjects[1].python} -m test -R 3:3 -v test_b"
    found = run(pair(leaking, leaking), leaks=True, cache=False)
    assert found["new_failures"] == []
    assert names(found["failing_in_both"]) == ["test_b"]


def test_failure_that_passes_alone_and_in_its_file_is_flaky(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    found = run(pair(GOOD, changed(one="once", two="pass")))
    assert found["new_failures"] == []
    assert names(found["flaky"]) == ["test.test_a.T.one"]


def test_failure_that_depends_on_other_tests_is_not_flaky(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    found = run(pair(GOOD, changed(one="company", two="pass")))
    assert names(found["new_failures"]) == ["test.test_a.T.one"]
    assert "passes alone" in found["new_failures"][0]["message"]


@pytest.mark.parametrize(("behaviour", "kind"), [("crash", "crashed"), ("quit", "crashed"), ("hang", "timed_out")])
def test_crash_and_hang_are_new_failures_and_the_rest_runs(
    pair: Callable[..., tuple[Subject, Subject]], behaviour: str, kind: str
) -> None:
    found = run(pair(GOOD, changed(one=behaviour, two="pass")))
    assert names(found["new_failures"]) == names(found[kind]) == ["test.test_a.T.one"]
    assert found[kind][0]["new"] is True
    assert found["fork"]["passed"] == 2


def test_crash_of_both_is_listed_as_no_new_failure(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    both = changed(one="crash", two="pass")
    found = run(pair(both, both))
    assert found["new_failures"] == []
    assert names(found["failing_in_both"]) == names(found["crashed"]) == ["test.test_a.T.one"]
    assert found["crashed"][0]["new"] is False


def test_fixed_added_missing(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    found = run(pair(changed(one="fail", two="pass"), changed(one="pass", three="pass")))
    assert names(found["fixed"]) == ["test.test_a.T.one"]
    assert found["added"] == ["test.test_a.T.three"]
    assert names(found["new_failures"]) == names(found["missing"]) == ["test.test_a.T.two"]


def test_file_that_the_fork_lost_is_a_new_failure(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    found = run(pair(GOOD, {"test_b": GOOD["test_b"]}))
    assert names(found["new_failures"]) == ["test_a"]


@pytest.mark.parametrize("whole", ["none", "skip", "import", "exit"])
def test_file_that_does_not_run_in_the_fork_is_a_new_failure(
    pair: Callable[..., tuple[Subject, Subject]], whole: str
) -> None:
    tests = [] if whole == "none" else GOOD["test_a"]
    found = run(pair(GOOD, {**GOOD, "test_a": [("file", whole), *tests]}))
    assert names(found["new_failures"]) == ["test_a"]


def test_unlucky_upstream_run_hides_no_failure(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    found = run(pair(changed(one="once", two="pass"), changed(one="fail", two="pass")))
    assert found["upstream"]["flaky"] == names(found["new_failures"]) == ["test.test_a.T.one"]


def test_upstream_is_stored_and_used_by_the_next_run(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    subjects = pair(changed(one="fail", two="pass"), GOOD)
    first, second = run(subjects), run(subjects)
    assert (first["upstream"]["cached"], second["upstream"]["cached"]) == (False, True)
    assert sorted(suite_fake.runs(subjects[0])) == ["test_a", "test_a only", "test_a only", "test_b"]
    assert suite_fake.runs(subjects[1]).count("test_a") == 2
    assert second["fixed"] == first["fixed"]


def test_no_cache_runs_upstream_anew(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    subjects = pair(GOOD, GOOD)
    run(subjects)
    assert run(subjects, cache=False)["upstream"]["cached"] is False


def test_stored_upstream_that_now_fails_too_is_no_new_failure(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    subjects = pair(GOOD, GOOD)
    run(subjects)
    bad = changed(one="fail", two="pass")
    subjects = pair(bad, bad)  # the machine changed, as far as the tests can tell
    found = run(subjects)
    assert found["new_failures"] == []
    assert names(found["failing_in_both"]) == ["test.test_a.T.one"]
    assert run(subjects)["upstream"]["cached_files"] == 1  # the doubted file ran again


def test_damaged_stored_result_is_run_again(tmp_path: Path, pair: Callable[..., tuple[Subject, Subject]]) -> None:
    subjects = pair(GOOD, GOOD)
    run(subjects)
    for path in (tmp_path / "cache").rglob("test_a.xml"):
        path.write_bytes(path.read_bytes()[:150])
    assert run(subjects)["upstream"]["cached_files"] == 1
    assert suite_fake.runs(subjects[0]).count("test_a") == 2


def test_interrupted_run_keeps_what_was_complete(
    pair: Callable[..., tuple[Subject, Subject]], monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = pair(GOOD, GOOD)
    monkeypatch.setattr(suite_sets, "durations", dict)  # files that took equally long: in the order of their names
    begin = suite_run.Pool._begin

    def interrupted(self: suite_run.Pool, job: suite_run.Job) -> Any:  # noqa: ANN401
        if self.subject.variant == "fork" and job.file == "test_b":
            raise KeyboardInterrupt
        return begin(self, job)

    monkeypatch.setattr(suite_run.Pool, "_begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(subjects, workers=1)
    monkeypatch.setattr(suite_run.Pool, "_begin", begin)
    found = run(subjects, workers=1)
    assert suite_fake.runs(subjects[0]) == suite_fake.runs(subjects[1]) == ["test_a", "test_b"]
    assert found["fork"]["cached_files"] == 1
    assert run(subjects, workers=1)["fork"]["cached_files"] == 0  # a finished run leaves nothing to resume


def test_matched_tests_leave_no_partial_result_behind(pair: Callable[..., tuple[Subject, Subject]]) -> None:
    subjects = pair(GOOD, GOOD)
    run(subjects, tests=("test_a",), match=("test.test_a.T.one",))
    assert run(subjects)["upstream"]["cached_files"] == 0


def test_broken_fork_says_what_failed(tmp_path: Path) -> None:
    subjects = suite_fake.make(tmp_path / "upstream", GOOD), suite_fake.make(tmp_path / "fork", GOOD, broken=True)
    with pytest.raises(InterpreterStartError, match="no codec") as raised:
        run(subjects)
    assert raised.value.exit_code is Exit.FAILED


def test_many_failures_are_not_run_again(
    pair: Callable[..., tuple[Subject, Subject]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.suite_confirm.MOST", 1)
    subjects = pair(GOOD, changed(one="fail", two="fail"))
    assert len(run(subjects)["new_failures"]) == 2
    assert sorted(suite_fake.runs(subjects[1])) == ["test_a", "test_b"]


# --- sets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tests", "told"),
    [
        ("quik", (), "unknown test set 'quik'"),
        ("full", ("test_dcit",), "in neither build: test_dcit"),
        ("", (), "unknown test set ''"),
    ],
)
def test_unknown_set_or_test(name: str, tests: tuple[str, ...], told: str) -> None:
    with pytest.raises(UnknownTestSetError, match=told) as raised:
        suite_sets.select(name, tests, ["test_dict"])
    assert raised.value.exit_code is Exit.USAGE


def test_set_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("# mine\ntest_dict.py\n\ntest_list  # slow\ntest_dict\n")
    assert suite_sets.select(str(path), (), ["test_dict", "test_list"]).files == ("test_dict", "test_list")


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe\x00", b"test_nope\n"])
def test_bad_set_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(UnknownTestSetError):
        suite_sets.select(str(path), (), ["test_dict"])


def test_longest_file_first() -> None:
    assert suite_sets.longest_first(["a", "b", "c"], {"b": 9.0, "c": 1.0}) == ["b", "a", "c"]


def test_data_file_is_sound() -> None:
    data = suite_sets._data()
    quick = data["sets"]["quick"]["files"]
    assert len(quick) == len(set(quick))
    assert 50 <= len(quick) <= 80
    assert sum(data["durations"].get(name, suite_sets.UNKNOWN_SECONDS) for name in quick) < 2 * 300
    assert all(entry["reason"] for entry in data.get("accepted", ()))


# --- stored files against each other ---------------------------------------------------------------------------


def junit(path: Path, **files: Status) -> Path:
    results = [
        FileResult(name, (Case(name, Status.PASSED), Case(f"{name}.T.a", s)), 1.0) for name, s in files.items()
    ]
    suite_junit.write(path, results)
    return path


def test_compare_stored_results(tmp_path: Path) -> None:
    left = junit(tmp_path / "u.xml", test_a=Status.PASSED)
    assert suite.main(["--compare", str(left), str(junit(tmp_path / "f.xml", test_a=Status.PASSED))]) == 0
    assert suite.main(["--compare", str(left), str(junit(tmp_path / "f.xml", test_a=Status.FAILED))]) == 1


def test_compare_refuses_unequal_and_cut_short(tmp_path: Path) -> None:
    left = junit(tmp_path / "u.xml", test_a=Status.PASSED, test_b=Status.PASSED)
    right = junit(tmp_path / "f.xml", test_a=Status.PASSED)
    with pytest.raises(UnequalTestResultsError, match="only upstream: test_b"):
        suite.compare_files(left, right)
    left.write_bytes(left.read_bytes()[:300])
    with pytest.raises(ResultDamagedError):
        suite.compare_files(left, right)


# --- the command -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--profile", "fats"], Exit.USAGE),
        (["--testdir", "/nonexistent"], Exit.USAGE),
        (["--match", "x"], Exit.USAGE),
        (["-j", "0"], Exit.USAGE),
        (["--leaks", "--profile", "release"], Exit.USAGE),
        (["--leaks", "--isolated"], Exit.USAGE),
        (["--compare", "/none/a.xml", "/none/b.xml"], Exit.MISSING),
    ],
)
def test_bad_arguments(argv: list[str], code: Exit) -> None:
    assert cli.run({"test": "harness.suite"}, "harness", ["test", *argv]) == code


def test_match_needs_tests() -> None:
    with pytest.raises(UsageError, match="--tests"):
        suite._request(suite.parser().parse_args(["--match", "x"]))


@pytest.mark.parametrize(
    ("argv", "profile"),
    [([], Profile.FAST), (["--leaks"], Profile.DEBUG), (["--leaks", "--profile", "debug"], Profile.DEBUG)],
)
def test_leaks_are_hunted_in_a_debug_build(argv: list[str], profile: Profile) -> None:
    request = suite._request(suite.parser().parse_args(argv))
    assert request.profile is profile
    assert request.leaks == bool(argv)
    assert request.options().timeout_of("test_dict") == suite_sets._data()["timeout"] * (7 if argv else 1)


# --- named tests -----------------------------------------------------------------------------------------------


def test_named_tests(tmp_path: Path) -> None:
    plan = {
        **changed(one="pass", two="fail", three="skip", four="crash"),
        "test_c": [("file", "import")],
    }
    subject = suite_fake.make(tmp_path / "fork", plan)
    (subject.python.parent / "python3.11").symlink_to("python3")
    asked = ["test_b", "test_a.T.one", "test.test_a.T.two", "test_a.T.three", "test_a.T.four", "test_a.T", "test_c"]
    asked += ["test_a.T.nine", "test_nine"]
    found = suite.run_fork_tests(asked, tmp_path / "fork", runner=Direct(), timeout=1.0)
    assert [answer.name for answer in found] == asked
    assert [str(answer.status) for answer in found] == [
        "passed",
        "passed",
        "failed",
        "skipped",
        "crashed",
        "failed",
        "error",
        "no tests",
        "error",
    ]
    assert [answer.passed for answer in found] == [True, True, *[False] * 7]
    assert "AssertionError" in found[2].message
    assert found[1].command.endswith("-m test -v -m 'test.test_a.T.one*' test_a")


def test_names_of_a_file_share_a_process_and_failures_run_alone(tmp_path: Path) -> None:
    subject = suite_fake.make(tmp_path / "fork", changed(one="pass", two="pass", three="fail"))
    (subject.python.parent / "python3.11").symlink_to("python3")
    asked = ["test_a.T.one", "test_b", "test_a.T.two", "test_a.T.three"]
    found = suite.run_fork_tests(asked, tmp_path / "fork", runner=Direct(), timeout=1.0)
    assert [answer.passed for answer in found] == [True, True, True, False]
    work = paths.build_dir() / "suite" / tmp_path.name
    patterns = [file.read_text() for file in sorted(work.glob("test_a.*.only"))]
    assert len(patterns) == 2
    assert "one" in patterns[0]
    assert "two" in patterns[0]
    assert patterns[1] == "test.test_a.T.three\ntest.test_a.T.three.*\n"


def test_named_tests_without_a_build(tmp_path: Path) -> None:
    with pytest.raises(ResultMissingError, match="no interpreter is built"):
        suite.run_fork_tests(["test_a"], tmp_path / "none", runner=Direct())
