"""perf/thresholds.toml: complete, reasoned, and refused where it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.errors import Exit, ThresholdsError, UsageError
from perf import gate_thresholds
from perf.gate_thresholds import FILE, load

TEXT = FILE.read_text(encoding="utf-8")


def loaded(tmp_path: Path, text: str) -> gate_thresholds.Thresholds:
    path = tmp_path / "thresholds.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_the_file_in_the_repository_is_whole() -> None:
    limits = load()
    assert limits.suite_margin == 0.01
    assert limits.blocks_least == 10
    assert isinstance(limits.rerun_blocks, int)


def test_a_benchmark_may_have_a_margin_of_its_own(tmp_path: Path) -> None:
    text = TEXT + '\n[benchmark.margins.startup]\nvalue = 0.04\nreason = "Forks."\n'
    assert loaded(tmp_path, text).margins == {"startup": 0.04}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("[suite.alpha]", "[suite.beta]"),
            r"missing or unknown entries: suite\.alpha, suite\.beta",
        ),
        (lambda text: re.sub(r"\[rerun\.most\]\n.*\n.*\n", "", text), r"missing or unknown entries: rerun\.most"),
        (
            lambda text: re.sub(r'(\[suite\.margin\]\nvalue = 0\.01\nreason = )".*"', r'\1" "', text),
            "gives no reason",
        ),
        (lambda text: text.replace("value = 0.025", "value = -1"), "not a number of zero or more"),
        (lambda text: text.replace("value = 0.025", "value = true"), "not a number of zero or more"),
        (lambda text: text + "\n[benchmark.margins.x]\nvalue = 1\n", "must have a value and a reason"),
        (lambda text: text[:-5], "cannot be read"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, change: object, message: str) -> None:
    text = change(TEXT)  # type: ignore[operator]
    with pytest.raises(ThresholdsError, match=message) as caught:
        loaded(tmp_path, text)
    assert caught.value.exit_code == Exit.BAD_INPUT


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ThresholdsError, match="cannot be read"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("first", "most", "multiple", "looks"),
    [
        (None, None, 1, [10, 15, 20]),
        (12, None, 1, [12, 17, 20]),
        (30, None, 1, [30]),
        (10, 12, 1, [10, 12]),
        (None, None, 4, [12, 16, 20]),
    ],
)
def test_looks(first: int | None, most: int | None, multiple: int, looks: list[int]) -> None:
    assert load().looks(first, most, multiple) == looks


@pytest.mark.parametrize(("first", "most"), [(1, None), (0, 10), (10, 5), (None, 5)])
def test_looks_that_make_no_sense(first: int | None, most: int | None) -> None:
    with pytest.raises(UsageError, match="blocks must be two or more"):
        load().looks(first, most)
