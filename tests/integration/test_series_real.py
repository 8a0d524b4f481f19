"""The real series on the real source: it is sound, its trees are the same everywhere, and moves write little."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from series_kit import git

from harness import cli, paths, series, series_text, source
from harness.__main__ import COMMANDS
from harness.errors import SeriesRejectedError
from harness.source import Tree
from harness.variants import Variant


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


@pytest.fixture
def tree(build: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """The fork's tree with the whole series, in a build directory of this module's own."""
    monkeypatch.setenv("REDWOODTJ_BUILD", str(build))
    return source.ensure_tree(Variant.FORK)


def written(path: Path) -> dict[str, int]:
    tracked = git(path, "ls-files").splitlines()
    return {name: (path / name).stat().st_mtime_ns for name in tracked if (path / name).is_file()}


def test_the_series_is_as_it_must_be(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(COMMANDS, "harness", ["series"]) == 0, capfd.readouterr().err
    assert str(tree.series_hash) in capfd.readouterr().out


def test_what_is_not_patched_is_the_pristine_source(tree: Tree) -> None:
    upstream = source.ensure_tree(Variant.UPSTREAM).path
    touched = {name for patch in series.load() for name in series_text.paths(patch.text)}
    there = {path.relative_to(upstream).as_posix() for path in upstream.rglob("*") if path.is_file()}
    assert len(there) > 4000
    for name in there - touched:
        assert (tree.path / name).read_bytes() == (upstream / name).read_bytes(), name


def test_two_trees_have_the_same_commits(tree: Tree, tmp_path: Path) -> None:
    other = source.ensure_tree(Variant.FORK, path=tmp_path / "other")
    assert git(other.path, "rev-parse", "HEAD") == git(tree.path, "rev-parse", "HEAD")
    assert (other.series_hash, other.patches) == (tree.series_hash, tree.patches)


def test_taking_the_last_patch_off_writes_its_files_only(tree: Tree) -> None:
    last = series.load()[-1]
    before = written(tree.path)
    shorter = source.ensure_tree(Variant.FORK, until=str(len(tree.patches) - 1))
    assert shorter.patches == tree.patches[:-1]
    after = written(tree.path)
    assert {name for name in after if after[name] != before.get(name)} <= set(series_text.paths(last.text))
    assert source.ensure_tree(Variant.FORK) == tree


def test_a_real_patch_that_needs_fuzz_is_refused(tree: Tree, tmp_path: Path) -> None:
    first = series.load()[0]
    hunk = next(line.content for line in series_text.lines(first.text) if line.sign == " " and len(line.content) > 20)
    damaged = tmp_path / first.path
    damaged.parent.mkdir()
    damaged.write_bytes(first.text.replace(b"\n " + hunk + b"\n", b"\n " + hunk + b" /* no */\n", 1))
    (tmp_path / "series").write_text(f"{first.path}\n", encoding="utf-8")
    head = git(tree.path, "rev-parse", "HEAD")
    with pytest.raises(SeriesRejectedError) as caught:
        source.ensure_tree(Variant.FORK, patches=tmp_path)
    assert first.path in str(caught.value)
    assert "hunk" in str(caught.value)
    assert "/* no */" in str(caught.value)
    assert git(tree.path, "rev-parse", "HEAD") == head


def test_the_gitlink_is_the_release_commit() -> None:
    listed = subprocess.run(
        ["git", "-C", paths.ROOT, "ls-files", "--stage", "cpython"], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split()[:2] == ["160000", source.COMMIT]
    assert f"url = {source.URL}\n" in (paths.ROOT / ".gitmodules").read_text(encoding="utf-8")
