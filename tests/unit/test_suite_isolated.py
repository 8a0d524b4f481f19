"""`test --isolated` with fake interpreters: what is a difference, what explains it, the share, the verdict."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import suite_fake
from suite_fake import GOOD, Direct

from harness import suite_exceptions, suite_isolated_driver, suite_junit, suite_run
from harness.errors import ExceptionTableError, Exit
from harness.suite import Request, parser
from harness.suite_diff import Difference
from harness.suite_exceptions import Entry, Table
from harness.suite_isolated import isolate
from harness.suite_model import Case, Status


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUILD", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))
    monkeypatch.setattr(suite_run, "POLL", 0.01)
    monkeypatch.setattr(suite_run, "GUARD", 2.0)


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def made(plan: suite_fake.Plan, *entries: str, target: float = 0.5) -> dict[str, Any]:
        subject = suite_fake.make(tmp_path / "fork", plan)
        table = Table(target, tuple(_entry(test) for test in entries))
        request = Request(set_name="full", workers=2, timeout=2.0)
        folder, good = isolate(subject, Direct(), request, kind="native", table=table)
        found: dict[str, Any] = json.loads((folder / "isolated.json").read_text())
        return found | {"good": good, "folder": folder, "subject": subject}

    return made


def _entry(text: str) -> Entry:
    """`rule:` and `waits:` before a test say what kind of entry it is."""
    kind, _, test = text.rpartition(":")
    return Entry(test, "cause", "a reason", rule=kind != "", waits=kind == "waits")


def plan(**tests: str) -> suite_fake.Plan:
    """GOOD with other tests in test_a."""
    return {**GOOD, "test_a": [(f"test.test_a.T.{test}", behaviour) for test, behaviour in tests.items()]}


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["test"] for row in rows]


def test_no_difference(run: Run) -> None:
    found = run(GOOD, target=1.0)
    assert found["good"]
    assert (found["share"], found["unexplained"], found["explained"], found["stale"]) == (1.0, [], [], [])
    assert found["main"]["tests"] == found["isolated"]["tests"] == 3
    for side in ("main", "isolated"):
        assert len(suite_junit.read(found["folder"] / f"junit-{side}.xml")) == 2
    assert sorted(suite_fake.runs(found["subject"])) == ["test_a", "test_a", "test_b", "test_b"]


def test_unexplained_difference_fails_and_comes_with_its_command(run: Run) -> None:
    found = run(plan(one="main:fail", two="pass"))
    assert not found["good"]
    (row,) = found["unexplained"]
    assert (row["test"], row["main"], row["status"]) == ("test.test_a.T.one", "passed", "failed")
    assert row["command"] == (
        "./noxw -s test -- --isolated --profile fast --native --tests test_a --match test.test_a.T.one"
    )
    assert suite_fake.runs(found["subject"]).count("test_a only") == 2
    assert (found["share"], found["files_failing"]) == (0.5, ["test_a"])


def test_explained_difference_is_listed_by_cause_and_does_not_run_again(run: Run) -> None:
    found = run(plan(one="main:fail", two="pass"), "test.test_a.T.o*")
    assert found["good"]
    assert found["unexplained"] == []
    (cause,) = found["explained"]
    assert (cause["cause"], names(cause["tests"])) == ("cause", ["test.test_a.T.one"])
    assert "test_a only" not in suite_fake.runs(found["subject"])


def test_share_below_the_target_fails(run: Run) -> None:
    found = run(plan(one="main:fail", two="pass"), "test.test_a.T.one", target=0.97)
    assert found["unexplained"] == []
    assert not found["good"]


@pytest.mark.parametrize(("behaviour", "status"), [("crash", "crashed"), ("hang", "timed out")])
def test_crash_and_hang_are_never_explained(run: Run, behaviour: str, status: str) -> None:
    found = run(plan(one=f"main:{behaviour}", two="pass"), "test.test_a.*")
    assert [(row["test"], row["status"]) for row in found["unexplained"]] == [("test.test_a.T.one", status)]
    assert found["isolated"]["passed"] == 2


def test_skipped_method_needs_a_cause_but_its_file_passes(run: Run) -> None:
    found = run(plan(one="main:skip", two="pass"), "test.test_a.T.one")
    assert found["good"]
    assert found["share"] == 1.0
    assert not run(plan(one="main:skip", two="pass"))["good"]


@pytest.mark.parametrize("whole", ["import", "skip", "none"])
def test_file_that_does_not_start_is_explained_by_its_name(run: Run, whole: str) -> None:
    tests = [
        ("file", f"main:{whole}"),
        *(GOOD["test_a"] if whole != "none" else [("test.test_a.T.one", "main:fail")]),
    ]
    found = run({**GOOD, "test_a": tests}, "test_a", "test.test_a.T.one")
    assert found["unexplained"] == []
    assert found["files_failing"] == ["test_a"]


def test_what_fails_in_main_too_is_no_difference_and_its_file_does_not_count(run: Run) -> None:
    found = run(plan(one="fail", two="pass"), target=1.0)
    assert found["good"]
    assert names(found["failing_in_both"]) == ["test.test_a.T.one"]
    assert found["files_passed_main"] == 1


def test_what_passes_when_run_again_is_flaky(run: Run) -> None:
    found = run(plan(one="main:once", two="pass"), target=1.0)
    assert found["good"]
    assert names(found["flaky"]) == ["test.test_a.T.one"]


def test_what_a_rule_excludes_counts_as_skipped(run: Run) -> None:
    found = run(plan(one="main:fail", two="pass"), "rule:test.test_a.T.one", target=1.0)
    assert found["good"]
    assert (found["share"], found["share_untouched"], found["files_by_rule"]) == (1.0, 0.5, ["test_a"])


def test_file_that_a_rule_excludes_counts_on_no_side(run: Run) -> None:
    found = run({**GOOD, "test_a": [("file", "main:import"), *GOOD["test_a"]]}, "rule:test_a", target=1.0)
    assert found["good"]
    assert (found["share"], found["files_left_out"], found["files_failing"]) == (1.0, ["test_a"], [])


def test_rule_does_not_cover_other_failures_of_the_file(run: Run) -> None:
    found = run(plan(one="main:fail", two="main:fail"), "rule:test.test_a.T.one")
    assert names(found["unexplained"]) == ["test.test_a.T.two"]
    assert (found["share"], found["files_by_rule"], found["files_failing"]) == (0.5, [], ["test_a"])


def test_test_that_waits_for_ever_does_not_run(run: Run) -> None:
    found = run(plan(one="main:hang", two="pass"), "waits:test.test_a.T.one", target=1.0)
    assert found["good"]
    assert found["isolated"]["tests"] == 2
    (cause,) = found["explained"]
    assert [(row["test"], row["status"]) for row in cause["tests"]] == [("test.test_a.T.one", "missing")]


def test_entry_that_has_become_wrong_is_reported(run: Run) -> None:
    skipped = {**GOOD, "test_no_tk": [("file", "skip")]}
    found = run(skipped, "test.test_a.T.one", "test_b", "test.test_nine.T.x", "test_no_tk")
    assert found["good"]
    assert names(found["stale"]) == ["test.test_a.T.one", "test_b"]  # nothing of the others ran


# --- the table -------------------------------------------------------------------------------------------------


def test_table_of_the_project_is_sound() -> None:
    table = suite_exceptions.read()
    assert table.target == 0.97
    assert all(entry.reason.endswith(".") for entry in table.entries)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("target = 2", "not a share"),
        ("", "target"),
        ("target =", "Invalid value"),
        ('target = 1\n[[cause]]\nname = "x"\nrule = true\ntests = ["test_a"]', "reason"),
        ('target = 1\n[[cause]]\nname = "x"\nrule = true\nreason = " "\ntests = ["test_a"]', "no reason"),
        ('target = 1\n[[cause]]\nname = "x"\nrule = true\nreason = "y"\ntests = ["*"]', "names no test file"),
        ('target = 1\n[[cause]]\nname = "x"\nrule = true\nreason = "y"\nfiles = ["test_a"]', "messages"),
        (
            'target = 1\n[[cause]]\nname = "x"\nrule = true\nreason = "y"\ntests = ["test_a", "test_a"]',
            "more than once",
        ),
    ],
)
def test_bad_table(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(text)
    with pytest.raises(ExceptionTableError, match=told) as raised:
        suite_exceptions.read(path)
    assert raised.value.exit_code is Exit.BAD_INPUT


@pytest.mark.parametrize(
    ("entry", "file"),
    [
        ("test_signal", "test_signal"),
        ("test.test_io.CSignalsTest.*", "test_io"),
        ("test.test_asyncio.test_unix_events.*", "test_asyncio"),
        ("setUpClass (test.test_x.T)", "test_x"),
        ("unittest.test.test_break.*", "test_unittest"),
    ],
)
def test_file_of_an_entry(entry: str, file: str) -> None:
    assert Entry(entry, "cause", "reason").file == file


def test_file_entry_explains_no_method() -> None:
    entry = Entry("test_a", "cause", "reason")
    assert entry.explains(Difference("test_a", Case("test_a", Status.ERROR), Status.PASSED))
    assert not entry.explains(Difference("test_a", Case("test.test_a.T.one", Status.ERROR), Status.PASSED))


def test_message_of_a_cause_has_to_match_too() -> None:
    entry = Entry("test_a", "cause", "reason", messages=("no", "ValueError: signal only *"))
    good = "Traceback (most recent call last):\n  ...\nValueError: signal only works in main\n"
    for message, expected in ((good, True), ("ValueError: no", False), ("", False)):
        item = Difference("test_a", Case("test.test_a.T.one", Status.ERROR, message=message), Status.PASSED)
        assert entry.explains(item) is expected


# --- the driver ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "status"),
    [("(1.0, 'exit', 0)\n", 0), ("(1.0, 'end', 'test_a', 'Failed')\n(1.0, 'exit', 2)\n", 2), ("(1.0, 'fi", 1)],
)
def test_exit_status_out_of_the_record(tmp_path: Path, events: str, status: int) -> None:
    path = tmp_path / "events"
    path.write_text(events)
    assert suite_isolated_driver.exit_status(str(path)) == status


def test_script_of_the_driver_compiles_and_the_driver_imports_little() -> None:
    ast.parse(suite_isolated_driver.SCRIPT)
    source = Path(suite_isolated_driver.__file__).read_text()
    imported = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "os", "sys"}
    assert sys.version_info >= (3, 11)


def test_full_set_is_the_default() -> None:
    from harness.suite import _request

    assert _request(parser().parse_args(["--isolated"])).set_name == "full"
    assert _request(parser().parse_args([])).set_name == "quick"
    assert _request(parser().parse_args(["--isolated", "--set", "quick"])).set_name == "quick"
