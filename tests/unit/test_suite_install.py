"""The test packages that `make install` leaves out are copied from the tree that was built, and kept up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import atomic
from harness.build_objects import ObjectDirectory
from harness.suite_install import complete, embedding_program, installed_tests, level


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    tree, prefix = tmp_path / "tree", tmp_path / "prefix"
    for name in ("test_capi", "test_json", "crashers"):
        (tree / "Lib" / "test" / name / "__pycache__").mkdir(parents=True)
        (tree / "Lib" / "test" / name / "__init__.py").touch()
        (tree / "Lib" / "test" / name / "__pycache__" / "x.pyc").touch()
    (installed_tests(prefix) / "test_json").mkdir(parents=True)
    return prefix, tree


def test_only_what_is_missing_is_copied(places: tuple[Path, Path]) -> None:
    prefix, tree = places
    assert complete(prefix, tree) == ["test_capi"]
    assert (installed_tests(prefix) / "test_capi" / "__init__.py").exists()
    assert not (installed_tests(prefix) / "test_capi" / "__pycache__").exists()
    assert not (installed_tests(prefix) / "test_json" / "__init__.py").exists()


def test_second_time_nothing_until_the_tree_changes(places: tuple[Path, Path]) -> None:
    prefix, tree = places
    complete(prefix, tree)
    assert complete(prefix, tree) == []
    (tree / "Lib" / "test" / "test_capi" / "test_new.py").write_text("1")
    assert complete(prefix, tree) == ["test_capi"]
    assert (installed_tests(prefix) / "test_capi" / "test_new.py").read_text() == "1"


@pytest.fixture
def compiled(places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectDirectory:
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    told = {"schema": 1, "variant": "fork", "profile": "fast", "input_hash": "abc"}
    atomic.write_json(places[0] / "provenance.json", told)
    (places[0] / "bin").mkdir()
    program = tmp_path / "build" / "obj" / "fork" / "fast" / "Programs" / "_testembed"
    program.parent.mkdir(parents=True)
    program.write_text("program")
    objects = ObjectDirectory(program.parent.parent)
    objects.remember(input="abc")
    return objects


def test_embedding_program_of_this_build(places: tuple[Path, Path], compiled: ObjectDirectory) -> None:
    prefix, tree = places
    assert complete(prefix, tree) == ["test_capi", "_testembed"]
    assert embedding_program(prefix).read_text() == "program"
    assert complete(prefix, tree) == []


def test_embedding_program_of_another_build_is_left(places: tuple[Path, Path], compiled: ObjectDirectory) -> None:
    compiled.remember(input="other")
    assert complete(*places) == ["test_capi"]


def test_one_side_without_the_program_skips_on_both(tmp_path: Path) -> None:
    for name in ("upstream", "fork"):
        (tmp_path / name / "bin" / "Programs").mkdir(parents=True)
    embedding_program(tmp_path / "fork").touch()
    level([tmp_path / "upstream", tmp_path / "fork"])
    assert not embedding_program(tmp_path / "fork").exists()
    embedding_program(tmp_path / "fork").touch()
    embedding_program(tmp_path / "upstream").touch()
    level([tmp_path / "upstream", tmp_path / "fork"])
    assert embedding_program(tmp_path / "fork").exists()
