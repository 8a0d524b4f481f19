"""Planted slowdowns: strengths, the kept patch with strengths written into it, the series with it on top."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import series
from harness.errors import Exit, PlantedError
from perf import gate_planted


def test_every_strength_gives_a_patch_that_differs_in_its_numbers_alone() -> None:
    kept = gate_planted.PATCH.read_text(encoding="utf-8").splitlines()
    for name, planted in gate_planted.strengths().items():
        lines = gate_planted.patch(name).splitlines()
        changed = [line for line, before in zip(lines, kept, strict=True) if line != before]
        assert sorted(changed) == sorted(
            f"+#define PLANTED_{place} {count}" for place, count in planted.places.items() if count
        )
        assert changed
        assert planted.what


@pytest.mark.parametrize("name", ["1.5%", "3%", "10%"])
def test_the_slowdowns_of_the_specification_are_there(name: str) -> None:
    assert gate_planted.find(name).name == name


def test_an_unknown_slowdown_is_refused_with_what_there_is() -> None:
    with pytest.raises(PlantedError, match=r"no planted slowdown '7%'; there are: 1\.5%, 3%") as caught:
        gate_planted.find("7%")
    assert caught.value.exit_code == Exit.BAD_INPUT


def test_slugs_are_names_of_folders() -> None:
    slugs = [gate_planted.slug(name) for name in gate_planted.strengths()]
    assert len(set(slugs)) == len(slugs)
    assert all("/" not in slug and "%" not in slug for slug in slugs)


@pytest.mark.parametrize(
    "text",
    [
        '["1%"]\nwhat = "x"\n',
        '["1%"]\nwhat = "x"\nplaces = { moon = 1 }\n',
        '["1%"\n',
        '["1%"]\nplaces = { eval = -1 }\n',
    ],
)
def test_a_faulty_list_of_strengths_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "strengths.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlantedError, match="cannot be used"):
        gate_planted.strengths(path)


def test_a_patch_without_its_numbers_is_refused() -> None:
    with pytest.raises(PlantedError, match="does not define PLANTED_EVAL as 0 just once"):
        gate_planted.patch("3%", "+#define PLANTED_DICT 0\n")


def test_the_series_has_the_slowdown_on_top(tmp_path: Path) -> None:
    target = tmp_path / "patches"
    (tmp_path / "old").mkdir()
    gate_planted.write_series("3%", target)
    gate_planted.write_series("3%", target)  # again, over what is there
    loaded, own = series.load(target), series.load()
    assert [patch.path for patch in loaded[:-1]] == [patch.path for patch in own]
    assert [patch.sha256 for patch in loaded[:-1]] == [patch.sha256 for patch in own]
    assert loaded[-1].path == gate_planted.NAME
    assert series.series_hash(loaded) != series.series_hash(own)
