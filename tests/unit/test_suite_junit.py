"""Results as JUnit: what is written reads back, and a damaged file is never taken for a result."""

from __future__ import annotations

from pathlib import Path

import pytest
import suite_fake
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import suite_junit
from harness.errors import Exit, ResultDamagedError, ResultMissingError
from harness.suite_model import Case, FileResult, Options, Status
from harness.suite_store import Store, key

RESULT = FileResult(
    "test_dict",
    (
        Case("test_dict", Status.PASSED, 2.5),
        Case("test.test_dict.DictTest.test_get", Status.PASSED, 0.25),
        Case("test.test_dict.DictTest.test_bad", Status.FAILED, 0.1, "Traceback\nAssertionError: \\x00"),
        Case("setUpClass (test.test_dict.Other)", Status.ERROR, 0.0, "OSError"),
        Case("test.test_dict.Other.test_unlucky", Status.PASSED, 0.0, "", "AssertionError: once"),
    ),
    2.5,
    environment_changed=True,
)
OTHER = FileResult("test_x", (Case("test_x", Status.SKIPPED, 0.0, "no display"),), 0.0)

_text = st.text(st.characters(exclude_categories=()), max_size=60)
_id = st.one_of(st.from_regex(r"\A[a-z_]+(\.[A-Za-z_0-9]+){1,4}\Z"), st.text("abcXYZ._() <>0[]&\"'\x00é", min_size=1))
_case = st.builds(Case, _id, st.sampled_from([s for s in Status if s is not Status.MISSING]), message=_text)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    suite_junit.write(path, [RESULT, OTHER])
    assert suite_junit.read(path) == [RESULT, OTHER]


@settings(max_examples=60, deadline=None)
@given(cases=st.lists(_case, max_size=5))
def test_round_trip_of_any_name_and_status(tmp_path_factory: pytest.TempPathFactory, cases: list[Case]) -> None:
    path = tmp_path_factory.mktemp("junit") / "x.xml"
    cases = [case for case in cases if case.test != "test_x"]
    suite_junit.write(path, [FileResult("test_x", (Case("test_x", Status.PASSED), *cases), 1.0)])
    (back,) = suite_junit.read(path)
    wanted = [(suite_junit.clean(case.test), case.status) for case in cases]
    assert [(case.test, case.status) for case in back.cases[1:]] == wanted


def test_failure_says_its_last_line(tmp_path: Path) -> None:
    case = Case("a.b.c", Status.FAILED, 0.0, "Traceback (most recent call last):\n  File x\nValueError: told")
    path = tmp_path / "x.xml"
    suite_junit.write(path, [FileResult("test_x", (Case("test_x", Status.PASSED), case), 0.0)])
    assert 'message="ValueError: told"' in path.read_text()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ResultMissingError):
        suite_junit.read(tmp_path / "none.xml")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    suite_junit.write(path, [RESULT])
    whole = path.read_bytes().rstrip()
    for length in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(ResultDamagedError, match="cut short or damaged") as raised:
            suite_junit.read(path)
        assert raised.value.exit_code is Exit.MISSING


def test_lost_test_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    suite_junit.write(path, [RESULT])
    text = path.read_text()
    start = text.index("<testcase", text.index("(file)"))
    end = text.index("<testcase", start + 1)
    path.write_text(text[:start] + text[end:])
    with pytest.raises(ResultDamagedError, match="4 of 5"):
        suite_junit.read(path)


def test_other_xml_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text("<html/>")
    with pytest.raises(ResultDamagedError):
        suite_junit.read(path)


# --- the store -------------------------------------------------------------------------------------------------


def test_store_keeps_raw_and_settled_apart(tmp_path: Path) -> None:
    store = Store(tmp_path / "s", {"variant": "upstream"})
    store.put(RESULT)
    assert store.get("test_dict") == RESULT
    assert store.get("test_dict", settled=True) is None
    assert (tmp_path / "s" / "note.json").exists()


def test_store_drops_a_damaged_file_and_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "s")
    store.put(RESULT)
    path = next((tmp_path / "s").rglob("*.xml"))
    path.write_bytes(path.read_bytes()[:200])
    assert store.get("test_dict") is None
    assert not path.exists()


def test_store_does_not_take_the_result_of_another_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.put(RESULT)
    path = next((tmp_path / "s").rglob("*.xml"))
    path.rename(path.with_name("test_list.xml"))
    assert store.get("test_list") is None


def test_key_follows_what_decides_the_outcome(tmp_path: Path) -> None:
    upstream = suite_fake.make(tmp_path / "upstream", {})
    base = key(upstream, Options(), exact=False)
    assert key(upstream, Options(workers=7), exact=False) == base
    assert key(upstream, Options(timeout=5.0), exact=False) != base
    assert key(upstream, Options(leaks=True), exact=False) != base
    assert key(upstream, Options(), exact=True) != base
    changed = {**upstream.provenance, "environment": {"kind": "docker"}}
    assert key(type(upstream)("upstream", upstream.python, changed), Options(), exact=False) != base
    moved = {**upstream.provenance, "configure": ["configure", "--prefix=/elsewhere"]}
    assert key(type(upstream)("upstream", upstream.python, moved), Options(), exact=False) == base


def test_key_follows_the_test_directory(tmp_path: Path) -> None:
    subject = suite_fake.make(tmp_path / "upstream", {})
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "test_a.py").write_text("1")
    before = key(subject, Options(testdir=tmp_path / "t"), exact=False)
    (tmp_path / "t" / "test_a.py").write_text("2")
    assert key(subject, Options(testdir=tmp_path / "t"), exact=False) != before
