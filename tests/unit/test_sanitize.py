"""Sanitizer reports: parsed, counted by cause, explained or not; the session's judgement."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import cli, sanitize, sanitize_reports
from harness.errors import Exit, SanitizerReportError, UsageError
from harness.sanitize_reports import Suppression

TSAN = """\
==================
WARNING: ThreadSanitizer: data race (pid=41)
  Write of size 8 at 0x7b0400000010 by thread T2:
    #0 memcpy ../../../../src/libsanitizer/sanitizer_common/sanitizer_common_interceptors.inc:827 (libtsan.so.2+0x6)
    #1 assign_version_tag Objects/typeobject.c:412 (python3.11+0x1a2b3c)
    #2 _PyType_Lookup Objects/typeobject.c:4170 (python3.11+0x1a2b3d)

  Previous read of size 8 at 0x7b0400000010 by thread T1:
    #0 _Py_Specialize_LoadAttr Python/specialize.c:640 (python3.11+0x2)

SUMMARY: ThreadSanitizer: data race Objects/typeobject.c:412 in assign_version_tag
==================
"""
ASAN = """\
=================================================================
==77==ERROR: AddressSanitizer: heap-use-after-free on address 0x60300 at pc 0x55 bp 0x7ff sp 0x7fe
READ of size 8 at 0x60300 thread T0
    #0 0x5581 in take_gil Python/ceval_gil.h:229
    #1 0x5582 in PyEval_RestoreThread Python/ceval.c:720

SUMMARY: AddressSanitizer: heap-use-after-free Python/ceval_gil.h:229 in take_gil
"""


def test_thread_sanitizer() -> None:
    first, second = sanitize_reports.parse(f"some output\n{TSAN}more output\n{TSAN}")
    assert first == second
    assert first.kind == "data race"
    assert first.cause == "data race in assign_version_tag (Objects/typeobject.c:412)"
    assert "Previous read" in first.text


def test_address_sanitizer() -> None:
    (report,) = sanitize_reports.parse(ASAN)
    assert report.cause == "heap-use-after-free in take_gil (Python/ceval_gil.h:229)"


def test_a_report_cut_short_counts() -> None:
    (report,) = sanitize_reports.parse(TSAN.partition("SUMMARY")[0])
    assert report.function == "assign_version_tag"
    (fatal,) = sanitize_reports.parse("FATAL: ThreadSanitizer: unexpected memory mapping 0x1-0x2\n")
    assert fatal.kind.startswith("unexpected memory mapping")


def test_no_report() -> None:
    assert sanitize_reports.parse("100 rounds\n") == []


def test_only_what_is_explained_is_suppressed() -> None:
    reports = sanitize_reports.parse(TSAN + ASAN)
    explained = [Suppression("data race", "_Py_Specialize_LoadAttr", "read under the lock of the main GIL")]
    unexplained, suppressed = sanitize_reports.split(reports, explained)
    assert [found[0].kind for found in unexplained.values()] == ["heap-use-after-free"]
    assert [found[0].kind for found in suppressed.values()] == ["data race"]
    near = [Suppression("data race", "_Py_Specialize_Load", "a name that is only a beginning")]
    assert not sanitize_reports.split(reports, near)[1]


def test_a_suppression_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "suppressions.toml"
    path.write_text('[[tsan]]\nkind = "data race"\nfunction = "f"\nreason = " "\n', encoding="utf-8")
    with pytest.raises(UsageError, match="gives no reason"):
        sanitize_reports.suppressions(path, "tsan")
    assert sanitize_reports.suppressions(path, "asan") == []
    for profile in sanitize.OPTIONS:
        sanitize_reports.suppressions(sanitize.SUPPRESSIONS, profile)


def test_judgement(tmp_path: Path) -> None:
    good = sanitize.Ran("stress_a.py", 0, 1.0, 0, False)
    sanitize._judge([good], {}, tmp_path)
    reports = sanitize_reports.parse(TSAN)
    with pytest.raises(SanitizerReportError, match="1 x data race in assign_version_tag") as caught:
        sanitize._judge([good], {reports[0].cause: reports}, tmp_path)
    assert caught.value.exit_code == Exit.FAILED
    for bad in (sanitize.Ran("stress_a.py", -11, 1.0, 0, False), sanitize.Ran("stress_a.py", 0, 9.0, 0, True)):
        with pytest.raises(SanitizerReportError, match=r"stress_a\.py: (exit status -11|hung)"):
            sanitize._judge([bad], {}, tmp_path)


@pytest.mark.parametrize("arguments", [["fast"], ["tsan", "--variant", "x"], ["tsan", "--native", "--docker"]])
def test_bad_usage(arguments: list[str]) -> None:
    assert cli.run({"sanitize": "harness.sanitize"}, "harness", ["sanitize", *arguments]) == Exit.USAGE


def test_what_a_script_said_last_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "stress_a.log"
    for text, told in (("$ python a\nnoise\n9 rounds\n", "9 rounds"), ("$ python a\n", ""), ("", "")):
        log.write_text(text, encoding="utf-8")
        assert sanitize._last_line(log) == told


def test_scripts() -> None:
    assert [path.name for path in sanitize.scripts(["interpreters"])] == ["stress_interpreters.py"]
    assert sanitize.scripts([])
    with pytest.raises(UsageError, match="no stress script nothing"):
        sanitize.scripts(["nothing"])
