"""The comparison: what counts as a new failure, as fixed, added or absent by design; nothing hides."""

from __future__ import annotations

import pytest

from harness.errors import Exit, UnequalTestResultsError
from harness.suite_diff import Accepted, Comparison, compare, same_files
from harness.suite_model import Case, FileResult, Status

P, F, E, S = Status.PASSED, Status.FAILED, Status.ERROR, Status.SKIPPED
CRASHED, TIMED_OUT, NO_TESTS, MISSING = Status.CRASHED, Status.TIMED_OUT, Status.NO_TESTS, Status.MISSING


def file(name: str, whole: Status = P, **tests: Status) -> FileResult:
    cases = [Case(f"test.{name}.T.{test}", status) for test, status in tests.items()]
    return FileResult(name, (Case(name, whole), *cases), 1.0)


def suspects(found: Comparison) -> dict[str, Status]:
    return {item.case.test: item.case.status for item in found.suspects}


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (P, F, "suspects"),
        (P, CRASHED, "suspects"),
        (P, TIMED_OUT, "suspects"),
        (P, S, "suspects"),
        (F, S, "suspects"),
        (F, CRASHED, "suspects"),
        (E, TIMED_OUT, "suspects"),
        (S, F, "suspects"),
        (F, F, "both"),
        (F, E, "both"),
        (CRASHED, TIMED_OUT, "both"),
        (F, P, "fixed"),
        (TIMED_OUT, P, "fixed"),
    ],
)
def test_pairs_of_statuses(before: Status, now: Status, kind: str) -> None:
    found = compare([file("test_x", a=before)], [file("test_x", a=now)])
    assert [item.case.test for item in getattr(found, kind)] == ["test.test_x.T.a"]


@pytest.mark.parametrize(("before", "now"), [(P, P), (S, S), (S, P)])
def test_pairs_that_are_no_difference(before: Status, now: Status) -> None:
    assert compare([file("test_x", a=before)], [file("test_x", a=now)]) == Comparison()


def test_test_that_ran_upstream_and_is_missing_in_the_fork_is_suspect() -> None:
    found = compare([file("test_x", a=P, b=P)], [file("test_x", a=P)])
    assert suspects(found) == {"test.test_x.T.b": MISSING}


def test_test_that_was_skipped_upstream_may_be_missing() -> None:
    assert not compare([file("test_x", a=P, b=S)], [file("test_x", a=P)]).suspects


def test_accepted_absence_is_listed_apart() -> None:
    rules = [Accepted("test.test_x.T.b*", "there is no shared GIL to test")]
    found = compare([file("test_x", a=P, b=P)], [file("test_x", a=F)], rules)
    assert suspects(found) == {"test.test_x.T.a": F}
    assert [item.case.test for item in found.accepted] == ["test.test_x.T.b"]


def test_accepted_does_not_cover_a_failure() -> None:
    rules = [Accepted("*", "everything")]
    assert suspects(compare([file("test_x", a=P)], [file("test_x", a=F)], rules)) == {"test.test_x.T.a": F}


def test_file_without_any_result_in_the_fork_is_suspect_once() -> None:
    found = compare([file("test_x", a=P, b=P)], [])
    assert suspects(found) == {"test_x": MISSING}
    assert "2 tests that ran upstream did not run" in found.suspects[0].case.message


@pytest.mark.parametrize("whole", [E, CRASHED, TIMED_OUT, NO_TESTS, S])
def test_file_that_does_not_run_in_the_fork_takes_its_tests_with_it(whole: Status) -> None:
    found = compare([file("test_x", a=P, b=P)], [file("test_x", whole)])
    assert suspects(found) == {"test_x": whole}


def test_file_that_runs_in_neither_is_no_difference() -> None:
    assert not compare([file("test_x", NO_TESTS)], [file("test_x", NO_TESTS)]).suspects
    assert not compare([file("test_x", S)], [file("test_x", S)]).suspects


def test_class_that_cannot_start_takes_its_tests_with_it() -> None:
    fixture = Case("setUpClass (test.test_x.T)", E, 0.0, "OSError")
    fork = FileResult("test_x", (Case("test_x", P), fixture, Case("test.test_x.U.c", P)), 1.0)
    upstream = file("test_x", a=P, b=P)
    upstream = FileResult("test_x", (*upstream.cases, Case("test.test_x.U.c", P)), 1.0)
    found = compare([upstream], [fork])
    assert suspects(found) == {"setUpClass (test.test_x.T)": E}
    assert "2 tests" in found.suspects[0].case.message


def test_tests_of_the_fork_alone() -> None:
    found = compare([file("test_x", a=P)], [file("test_x", a=P, new=P, bad=F), file("test_new", b=P)])
    assert set(found.added) == {"test.test_x.T.new", "test_new", "test.test_new.T.b"}
    assert suspects(found) == {"test.test_x.T.bad": F}


def test_new_test_that_is_skipped_is_not_counted_as_added() -> None:
    found = compare([file("test_x", a=P)], [file("test_x", a=P, new=S)])
    assert (found.added, found.added_skipped) == ([], ["test.test_x.T.new"])


def test_new_file_without_tests_is_suspect() -> None:
    assert suspects(compare([], [file("test_new", NO_TESTS)])) == {"test_new": NO_TESTS}


def test_flaky_upstream_counts_as_passed() -> None:
    upstream = FileResult("test_x", (Case("test_x", P), Case("test.test_x.T.a", P, flaky="once")), 1.0)
    assert suspects(compare([upstream], [file("test_x", a=F)])) == {"test.test_x.T.a": F}
    assert not compare([upstream], [file("test_x", a=P)]).fixed


def test_names_with_addresses_are_the_same_test() -> None:
    left = FileResult("test_x", (Case("test_x", P), Case("doc <f at 0x7f00>", P)), 1.0)
    right = FileResult("test_x", (Case("test_x", P), Case("doc <f at 0x7fff>", P)), 1.0)
    assert compare([left], [right]) == Comparison()


def test_unequal_files_are_refused_by_name() -> None:
    with pytest.raises(UnequalTestResultsError, match="only upstream: test_a; only fork: test_b") as raised:
        same_files([file("test_a"), file("test_c")], [file("test_b"), file("test_c")])
    assert raised.value.exit_code is Exit.MISSING
