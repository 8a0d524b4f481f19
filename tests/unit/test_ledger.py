from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.errors import (
    BuildFailedError,
    DiskFullError,
    HarnessError,
    ResultDamagedError,
    ResultMissingError,
    SeriesRejectedError,
    UsageError,
)
from harness.report import build_report
from harness.series import Patch
from harness.suite import Named
from harness.suite_model import Status
from perf import ledger, ledger_page
from perf.fork_tests import count, dotted
from perf.ledger import collect, document
from perf.ledger_file import RowsFile
from perf.ledger_rows import STAGES, Measured, Row, Store, Wanted, lines_of, part, rows

WHOLE = Wanted()
GREEN = {"passed": 3, "failed": 0, "skipped": 0, "failures": []}
RED = {"passed": 2, "failed": 1, "skipped": 0, "failures": ["test_x.T.test_y"]}
SAME = {"compatible": True, "added": 0, "removed": 0, "changed": 0}


def patch(name: str, diff: bytes = b"") -> Patch:
    text = name.encode() + b"\n" + diff
    return Patch(f"state/{name}.patch", "state", f"state: {name}", {}, text, hashlib.sha256(text).hexdigest())


class FakeWorkshop:
    """Answers from tables; writes down what it was asked to do."""

    def __init__(self, **answers: Any) -> None:  # noqa: ANN401
        self.answers = answers
        self.log: list[str] = []
        self.current = 0

    def key(self, patches: Sequence[Patch]) -> str:
        return " ".join(patch.sha256 for patch in patches)

    def _do(self, what: str, position: int, default: Any) -> Any:  # noqa: ANN401
        answer = self.answers.get(f"{what}{position}", default)
        self.log.append(f"{what}{position}")
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def globals_left(self, patches: Sequence[Patch]) -> int:
        answer = self.answers.get(f"apply{len(patches)}")
        if isinstance(answer, BaseException):
            raise answer
        return 1190 - len(patches)

    def build(self, patches: Sequence[Patch]) -> None:
        self.current = len(patches)
        self._do("build", self.current, None)

    def tests(self, patches: Sequence[Patch]) -> dict[str, Any]:
        found: dict[str, Any] = self._do("tests", len(patches), GREEN)
        return found

    def counts(self) -> dict[str, float]:
        found: dict[str, float] = self._do("counts", self.current, {"a": 1000, "b": 2000})
        return found

    def abi(self) -> dict[str, Any]:
        found: dict[str, Any] = self._do("abi", self.current, SAME)
        return found


SERIES = [patch("one"), patch("two"), patch("three")]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "ledger")


def make(workshop: FakeWorkshop, store: Store, wanted: Wanted = WHOLE, chosen: range | None = None) -> list[Row]:
    return list(rows(workshop, store, SERIES, wanted, chosen))


def test_a_row_for_each_patch(store: Store) -> None:
    workshop = FakeWorkshop(counts2={"a": 1010, "b": 2020}, counts3={"a": 1010, "b": 2020})
    found = make(workshop, store)
    assert [row.patch for row in found] == ["state/one.patch", "state/two.patch", "state/three.patch"]
    assert [row.globals_left for row in found] == [1189, 1188, 1187]
    assert not any(row.red for row in found)
    deltas = [row.instructions_delta for row in found]
    assert deltas == [pytest.approx(0), pytest.approx(0.01), pytest.approx(0)]
    assert workshop.log[:2] == ["build0", "counts0"]


def test_everything_measured_is_kept(store: Store) -> None:
    first = make(FakeWorkshop(), store)
    second = FakeWorkshop()
    assert make(second, store) == first
    assert second.log == []


def test_interruption_keeps_what_was_finished(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(FakeWorkshop(tests2=KeyboardInterrupt()), store)
    workshop = FakeWorkshop()
    assert len(make(workshop, store)) == 3
    assert workshop.log == ["build2", "tests2", "build3", "counts3", "abi3", "tests3"]


def test_a_changed_patch_measures_it_and_those_after_it_again(store: Store) -> None:
    make(FakeWorkshop(), store)
    workshop = FakeWorkshop()
    changed = [SERIES[0], patch("two", b"changed"), SERIES[2]]
    list(rows(workshop, store, changed, Wanted()))
    assert [entry for entry in workshop.log if entry.startswith("build")] == ["build2", "build3"]


def test_a_patch_that_does_not_build_is_red_and_the_next_goes_on(store: Store) -> None:
    found = make(FakeWorkshop(build2=BuildFailedError("error: expected ';'")), store)
    assert [row.red for row in found] == [False, True, False]
    assert found[1].builds is False
    assert found[1].error == "error: expected ';'"
    assert found[2].instructions_delta == pytest.approx(0)  # measured against the last one that built, patch one


def test_a_build_failure_is_tried_again(store: Store) -> None:
    make(FakeWorkshop(build2=BuildFailedError("no")), store)
    assert not any(row.red for row in make(FakeWorkshop(), store))


def test_a_patch_that_does_not_apply_stops_the_rest(store: Store) -> None:
    found = make(FakeWorkshop(apply2=SeriesRejectedError("hunk 3 of Objects/x.c")), store)
    assert [row.applies for row in found] == [True, False, False]
    assert found[1].error == "hunk 3 of Objects/x.c"
    assert found[2].error == "not tried: state/two.patch does not apply"
    assert [row.red for row in found] == [False, True, True]


def test_a_failed_test_is_red_and_run_again_next_time(store: Store) -> None:
    assert [row.red for row in make(FakeWorkshop(tests2=RED), store)] == [False, True, False]
    workshop = FakeWorkshop()
    assert not any(row.red for row in make(workshop, store))
    assert "tests2" in workshop.log
    assert "counts2" not in workshop.log


def test_an_incompatible_abi_is_red(store: Store) -> None:
    broken = {"compatible": False, "added": 0, "removed": 1, "changed": 0}
    assert [row.red for row in make(FakeWorkshop(abi1=broken), store)] == [True, False, False]


def test_a_failed_measurement_is_that_rows_error(store: Store) -> None:
    found = make(FakeWorkshop(counts2=HarnessError("valgrind was killed")), store)
    assert [row.error for row in found] == [None, "valgrind was killed", None]
    assert found[1].builds is True


def test_a_failure_of_the_machine_ends_the_ledger(store: Store) -> None:
    with pytest.raises(DiskFullError):
        make(FakeWorkshop(build2=DiskFullError("full")), store)


def test_no_counts_and_no_tests(store: Store) -> None:
    workshop = FakeWorkshop()
    found = make(workshop, store, Wanted(tests=False, counts=False))
    assert all(row.instructions_delta is None and row.tests is None for row in found)
    assert workshop.log == ["build1", "abi1", "build2", "abi2", "build3", "abi3"]


def test_only_one_patch_is_compared_with_the_one_before(store: Store) -> None:
    workshop = FakeWorkshop(counts2={"a": 990, "b": 1980})
    found = make(workshop, store, chosen=range(1, 2))
    assert [row.patch for row in found] == ["state/two.patch"]
    assert found[0].instructions_delta == pytest.approx(-0.01)
    assert [entry for entry in workshop.log if entry.startswith("build")] == ["build1", "build2"]


def test_a_damaged_store_file_is_measured_again(store: Store) -> None:
    make(FakeWorkshop(), store)
    for path in store.directory.iterdir():
        path.write_text('{"builds": tr', encoding="utf-8")
    workshop = FakeWorkshop()
    assert len(make(workshop, store)) == 3
    assert "build3" in workshop.log


def test_store_keeps_what_it_is_given(store: Store) -> None:
    assert store.get("x") == Measured()
    store.put("x", Measured(builds=True, counts={"a": 1}))
    assert store.get("x") == Measured(builds=True, counts={"a": 1})


# --- a file of rows --------------------------------------------------------------------------------------------

HERE = {"kind": "docker", "cpu": "a Zen", "kernel": "6.1", "day": "2026-11-26"}
THERE = {**HERE, "kernel": "5.10", "day": "2026-11-25"}


def gather(workshop: FakeWorkshop, store: Store, series: Sequence[Patch] = SERIES) -> list[Row]:
    return collect(workshop, store, series, Wanted(), None)


def test_rows_go_on_from_another_machine(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    with pytest.raises(KeyboardInterrupt):
        gather(FakeWorkshop(tests2=KeyboardInterrupt()), Store(tmp_path / "first", RowsFile(file, THERE)))
    workshop = FakeWorkshop()
    shared = RowsFile(file, HERE)
    found = gather(workshop, Store(tmp_path / "second", shared))
    assert [row.red for row in found] == [False] * 3
    assert workshop.log == ["build2", "tests2", "build3", "counts3", "abi3", "tests3"]
    told = document(found, SERIES, {"kind": "docker", "hash": "0" * 64}, shared)
    assert told["elsewhere"] == {"prefixes": 3, "places": [THERE]}
    page = ledger_page.page(told)
    assert "3 steps were measured before this run" in page
    assert "2026-11-25, a Zen, 5.10" in page


def test_rows_measured_here_come_from_nowhere_else(tmp_path: Path) -> None:
    shared = RowsFile(tmp_path / "rows.json", HERE)
    found = gather(FakeWorkshop(), Store(tmp_path / "first", shared))
    assert document(found, SERIES, {"kind": "docker", "hash": "0" * 64}, shared)["elsewhere"]["prefixes"] == 0
    again = FakeWorkshop()
    assert gather(again, Store(tmp_path / "other", RowsFile(tmp_path / "rows.json", HERE))) == found
    assert again.log == []


def test_rows_of_edited_patches_are_dropped(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    gather(FakeWorkshop(), Store(tmp_path / "first", RowsFile(file, HERE)))
    assert len(RowsFile(file, HERE)) == 4
    edited = [SERIES[0], patch("two", b"@@ edited"), SERIES[2]]
    workshop = FakeWorkshop()
    gather(workshop, Store(tmp_path / "second", RowsFile(file, HERE)), edited)
    assert workshop.log[0] == "build2"
    assert len(RowsFile(file, HERE)) == 4


def test_failed_tests_are_not_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    gather(FakeWorkshop(tests3=RED), Store(tmp_path / "first", RowsFile(file, HERE)))
    workshop = FakeWorkshop()
    gather(workshop, Store(tmp_path / "second", RowsFile(file, HERE)))
    assert workshop.log == ["build3", "tests3"]


def test_each_stage_says_where_it_was_measured(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    with pytest.raises(KeyboardInterrupt):
        gather(FakeWorkshop(tests2=KeyboardInterrupt()), Store(tmp_path / "first", RowsFile(file, THERE)))
    gather(FakeWorkshop(), Store(tmp_path / "second", RowsFile(file, HERE)))
    places = [row["measured_on"] for row in json.loads(file.read_text(encoding="utf-8"))["measured"].values()]
    assert {stage: THERE if stage != "tests" else HERE for stage in STAGES} in places
    assert dict.fromkeys(STAGES, HERE) in places


def test_parts_are_measured_apart_and_added(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    whole = gather(FakeWorkshop(), Store(tmp_path / "whole"))
    halves = []
    for text, file, place in (("1/2", first, THERE), ("2/2", second, HERE)):
        store = Store(tmp_path / file.stem, RowsFile(file, place))
        halves.append(collect(FakeWorkshop(), store, SERIES, Wanted(), part(text, len(SERIES))))
    assert [len(half) for half in halves] == [1, 2]
    shared = RowsFile(first, HERE, [second])
    workshop = FakeWorkshop()
    assert gather(workshop, Store(tmp_path / "third", shared)) == whole == [*halves[0], *halves[1]]
    assert workshop.log == []
    assert {place["day"] for place in shared.places()} == {"2026-11-25", "2026-11-26"}
    assert len(RowsFile(first, HERE)) == 4  # written, though nothing was measured


def test_rows_to_add_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ResultMissingError, match=r"gone\.json"):
        RowsFile(tmp_path / "rows.json", HERE, [tmp_path / "gone.json"])


@pytest.mark.parametrize(("text", "expected"), [("1/1", range(7)), ("1/2", range(3)), ("2/2", range(3, 7))])
def test_parts_of_a_series(text: str, expected: range) -> None:
    assert part(text, 7) == expected


@pytest.mark.parametrize("text", ["0/2", "3/2", "half", "1", "1/0"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--part .* is no part"):
        ledger.main(["--part", text])


def test_rows_to_add_need_a_file() -> None:
    with pytest.raises(UsageError, match="--rows"):
        ledger.main(["--also", "x.json"])


@pytest.mark.parametrize("content", ["{", "{}", '{"schema": 2, "kind": "ledger", "measured": {}}'])
def test_what_is_no_file_of_rows_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "rows.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ResultDamagedError, match=r"rows\.json"):
        RowsFile(file, HERE)


def test_lines_are_those_of_the_hunks() -> None:
    diff = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n---e\n"
    assert lines_of(patch("p", diff)) == {"added": 2, "removed": 2}


# --- what is written -------------------------------------------------------------------------------------------


@pytest.fixture
def told(store: Store) -> dict[str, Any]:
    workshop = FakeWorkshop(counts2={"a": 1010, "b": 2020}, tests3=RED)
    return document(make(workshop, store), SERIES, {"kind": "native", "hash": "0123456789abcdef"})


def test_rows_survive_json(told: dict[str, Any]) -> None:
    rows_again = [Row.from_json(row) for row in json.loads(json.dumps(told))["rows"]]
    assert [row.to_json() for row in rows_again] == told["rows"]
    assert told["ok"] is False
    assert told["complete"] is True


def test_the_report_accepts_the_ledger(told: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text(json.dumps(told), encoding="utf-8")
    page = build_report({"ledger": tmp_path}, tmp_path / "report").read_text(encoding="utf-8")
    assert "+1.000%" in page
    assert "1 failed" in page


def test_page_and_markdown_say_the_figures(told: dict[str, Any]) -> None:
    page, text = ledger_page.page(told), ledger_page.markdown(told)
    for figure in ("state/two.patch", "+1.000%", "1,188", "1 failed", "compatible, 0 added"):
        assert figure in page
        assert figure in text
    assert "test_x.T.test_y" in page
    assert "://" not in page


def test_text_of_a_patch_is_escaped() -> None:
    row = Row("state/x.patch", "state", "<script>", applies=False, error="a < b")
    page = ledger_page.page(document([row], SERIES, {"kind": "native", "hash": "0" * 64}))
    assert "<script>" not in page
    assert "a &lt; b" in page


# --- the named tests -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_x", "test_x"),
        ("test.test_x.C.test_m", "test_x.C.test_m"),
        ("Lib/test/test_x.py", "test_x"),
        ("Lib/test/test_capi/test_misc.py::C::test_m", "test_capi.test_misc.C.test_m"),
    ],
)
def test_names_are_taken_in_every_form(name: str, expected: str) -> None:
    assert dotted(name) == expected


@pytest.mark.parametrize("name", ["tests/fork/test_y.py", "os.path", "", "test_x.py::C", "Lib/os.py"])
def test_what_is_no_cpython_test_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no test of CPython's suite"):
        dotted(name)


def test_answers_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "lib" / "python3.11" / "test"
    folder.mkdir(parents=True)
    (folder / "test_here.py").touch()
    answers = [
        Named("test_here.A.a", True, Status.PASSED, "", ""),
        Named("test_here.A.b", False, Status.FAILED, "1 != 2\nmore", ""),
        Named(
            "test_here.A.e", False, Status.FAILED, "A.e: Traceback (most recent call last):\n  x\nOSError: y\n", ""
        ),
        Named("test_here.A.c", False, Status.SKIPPED, "no resource", ""),
        Named("test_here.A.d", False, Status.NO_TESTS, "no test matches", ""),
        Named("test_gone", False, Status.ERROR, "No module named", ""),
    ]
    found = count(answers, tmp_path)
    assert (found["passed"], found["failed"], found["skipped"], found["missing"]) == (1, 2, 1, 2)
    assert found["failures"] == [
        "test_here.A.b: 1 != 2",
        "test_here.A.e: OSError: y",
        "test_here.A.d: no test matches",
        "test_gone: No module named",
    ]
