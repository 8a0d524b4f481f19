"""The object directory: what is kept, what is copied again, what a killed build leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.build_objects import Changes, ObjectDirectory

OLD = 1_600_000_000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name, text in {
        "configure": "#!/bin/sh\n",
        "Objects/a.c": "int a;\n",
        "Include/a.h": "#define A 1\n",
        "Doc/index.rst": "no\n",
        ".git/HEAD": "no\n",
        "Lib/__pycache__/a.pyc": "no\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (OLD, OLD))
    (root / "configure").chmod(0o755)
    (root / "link").symlink_to("configure")
    return root


@pytest.fixture
def objects(tmp_path: Path) -> ObjectDirectory:
    made = ObjectDirectory(tmp_path / "obj")
    made.prepare("key")
    return made


def test_first_copy_keeps_times_and_leaves_out_what_builds_do_not_read(tree: Path, objects: ObjectDirectory) -> None:
    assert objects.synchronise(tree) == Changes(written=4, removed=0, headers=False)
    assert (objects.source / "Objects/a.c").stat().st_mtime == OLD
    assert os.access(objects.source / "configure", os.X_OK)
    assert (objects.source / "link").is_symlink()
    for name in ("Doc", ".git", "Lib"):
        assert not (objects.source / name).exists()


def test_only_what_differs_gets_a_new_time(tree: Path, objects: ObjectDirectory) -> None:
    objects.synchronise(tree)
    (tree / "Objects/a.c").write_text("int b;\n", encoding="utf-8")
    os.utime(tree / "Objects/a.c", (OLD, OLD))  # the same size and time as before
    os.utime(tree / "Include/a.h")  # a new time, the same content
    assert objects.synchronise(tree) == Changes(written=1, removed=0, headers=False)
    assert (objects.source / "Objects/a.c").stat().st_mtime > OLD
    assert (objects.source / "Include/a.h").stat().st_mtime == OLD
    assert objects.synchronise(tree) == Changes(written=0, removed=0, headers=False)


def test_headers_are_noticed(tree: Path, objects: ObjectDirectory) -> None:
    objects.synchronise(tree)
    (tree / "Include/a.h").write_text("#define A 2\n", encoding="utf-8")
    assert objects.synchronise(tree).headers
    (tree / "Include/a.h").unlink()
    assert objects.synchronise(tree) == Changes(written=0, removed=1, headers=True)
    assert not (objects.source / "Include/a.h").exists()


def test_mode_and_kind_of_a_file_count(tree: Path, objects: ObjectDirectory) -> None:
    objects.synchronise(tree)
    (tree / "configure").chmod(0o644)
    (tree / "link").unlink()
    (tree / "link").write_text("configure", encoding="utf-8")
    assert objects.synchronise(tree).written == 2
    assert not (objects.source / "link").is_symlink()


def test_another_recipe_or_toolchain_keeps_nothing(tree: Path, objects: ObjectDirectory) -> None:
    objects.synchronise(tree)
    objects.remember(configured="yes")
    objects.prepare("key")
    assert objects.source.exists()
    objects.prepare("another key")
    assert not objects.source.exists()
    assert objects.state() == {"key": "another key"}


def test_damaged_state_keeps_nothing(tree: Path, objects: ObjectDirectory) -> None:
    objects.synchronise(tree)
    (objects.path / ".state.json").write_text('{"key": "ke', encoding="utf-8")
    objects.prepare("key")
    assert not objects.source.exists()


def test_objects_of_a_killed_make_are_dropped(objects: ObjectDirectory) -> None:
    objects.begin()
    objects.end()
    finished = objects.path / "Objects" / "finished.o"
    finished.parent.mkdir()
    finished.write_bytes(b"whole")
    os.utime(finished, (OLD, OLD))
    objects.begin()
    half = objects.path / "Objects" / "half.o"
    half.write_bytes(b"ha")  # and here it was killed: no end()
    objects.begin()
    assert finished.exists()
    assert not half.exists()


def test_what_a_killed_make_wrote_long_before_it_died_is_kept(objects: ObjectDirectory) -> None:
    objects.begin()
    began = (objects.path / ".unfinished").stat().st_mtime
    for name, after in {"first.o": 1.0, "second.o": 57.0, "half.o": 60.0}.items():
        (objects.path / name).touch()
        os.utime(objects.path / name, (began + after, began + after))
    objects.drop_unfinished()
    assert [path.name for path in objects.path.glob("*.o")] == ["first.o"]


def test_objects_of_an_orderly_failure_are_kept(objects: ObjectDirectory) -> None:
    objects.begin()
    kept = objects.path / "kept.o"
    kept.write_bytes(b"whole")
    objects.end()
    objects.begin()
    assert kept.exists()


def test_drop_objects_spares_the_copy_of_the_source(tree: Path, objects: ObjectDirectory) -> None:
    objects.synchronise(tree)
    data = objects.source / "Lib" / "data.so"
    data.parent.mkdir(parents=True)
    data.write_bytes(b"a test's data")
    for name in ("Objects/a.o", "build/lib/x.so", "libpython3.11.a"):
        path = objects.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    objects.drop_objects()
    assert data.exists()
    assert not list(objects.path.glob("**/*.o"))
    assert not (objects.path / "build/lib/x.so").exists()
