"""The way to the pristine source: order, verification, and nothing left behind by what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import series_kit
from series_kit import World

from harness import cli, source, source_cache, source_debian, source_submodule
from harness.__main__ import COMMANDS
from harness.errors import Exit, SourceUnavailableError, UsageError, WrongHashError
from harness.source_debian import DebianUnavailable
from harness.source_submodule import Submodule, SubmoduleUnavailable
from harness.variants import Variant


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Neither GitHub nor Debian; the list says what was tried."""
    tried: list[str] = []

    def no_update(module: Submodule) -> None:
        tried.append("update")
        raise SubmoduleUnavailable("no host")

    def no_debian(*_args: object, **_options: object) -> Path:
        tried.append("debian")
        raise DebianUnavailable("no apt")

    monkeypatch.setattr(source_submodule, "update", no_update)
    monkeypatch.setattr(source_debian, "download", no_debian)
    return tried


def cached_files() -> list[str]:
    return sorted(path.name for path in source_cache.directory().iterdir())


@pytest.mark.parametrize("damage", ["other", "cut"])
def test_a_wrong_tarball_is_refused_with_both_hashes_and_nothing_is_left(
    world: World, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = world.home / "bad.tgz"
    if damage == "other":
        found = series_kit.tarball(bad, {"README": b"another release\n"})
    else:
        bad.write_bytes(world.tarball.read_bytes()[:-20])
        found = source_cache.sha256_of(bad)
    before = cached_files()
    with pytest.raises(WrongHashError) as caught:
        source.pristine(bad)
    assert found in str(caught.value)
    assert world.sha256 in str(caught.value)
    assert ("cut short" in str(caught.value)) == (damage == "cut")
    assert cached_files() == before
    assert cli.run(COMMANDS, "harness", ["source", "--tarball", str(bad)]) == Exit.BAD_INPUT
    assert "--tarball FILE" in capsys.readouterr().err
    assert not (world.home / "build" / "src").exists()


def test_a_tarball_that_does_not_exist_is_a_usage_error(world: World) -> None:
    with pytest.raises(UsageError, match="there is no tarball"):
        source.pristine(world.home / "none.tgz")


def test_the_cache_is_used_before_the_network(world: World, offline: list[str]) -> None:
    assert source.pristine().kind == "tarball"
    assert source.ensure_tarball().name == f"{world.sha256}.tar.gz"
    assert offline == []


def test_a_damaged_cache_is_removed_and_fetched_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = source_cache.directory() / f"{world.sha256}.tar.gz"
    cached.write_bytes(b"damaged")

    def debian(package: str, release: str, target: Path) -> Path:
        assert (package, release) == ("python3.11", "3.11.2")
        assert not cached.exists()
        path = target / "python3.11_3.11.2.orig.tar.gz"
        path.write_bytes(world.tarball.read_bytes())
        return path

    monkeypatch.setattr(source_submodule, "update", lambda module: (_ for _ in ()).throw(SubmoduleUnavailable("no")))
    monkeypatch.setattr(source_debian, "download", debian)
    assert source.ensure_tarball() == cached
    assert source_cache.sha256_of(cached) == world.sha256


def test_a_wrong_tarball_from_debian_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (source_cache.directory() / f"{world.sha256}.tar.gz").unlink()
    bad = world.home / "bad.tgz"
    found = series_kit.tarball(bad, {"README": b"x"})
    monkeypatch.setattr(source_submodule, "update", lambda module: (_ for _ in ()).throw(SubmoduleUnavailable("no")))
    monkeypatch.setattr(source_debian, "download", lambda *words: bad)
    with pytest.raises(SourceUnavailableError, match=found):
        source.pristine()
    assert cached_files() == []


def test_when_nothing_works_every_reason_is_told(world: World, offline: list[str]) -> None:
    (source_cache.directory() / f"{world.sha256}.tar.gz").unlink()
    with pytest.raises(SourceUnavailableError) as caught:
        source.pristine()
    assert offline == ["update", "debian"]
    for reason in ("submodule: it is not checked out", "git submodule update: no host", "source package: no apt"):
        assert reason in str(caught.value)
    assert caught.value.exit_code is Exit.ENVIRONMENT
    assert "--tarball FILE" in caught.value.remedy


def test_the_command_unpacks_and_says_where(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(COMMANDS, "harness", ["source", "--tarball", str(world.tarball)]) == 0
    said = capfd.readouterr().out
    assert world.sha256 in said
    assert (world.home / "build" / "src" / "upstream" / "Objects" / "a.c").read_bytes() == series_kit.FILES[
        "Objects/a.c"
    ]


# --- upstream's tree ---------------------------------------------------------------------------------------------


def test_the_upstream_tree_has_the_tarballs_times_and_is_not_made_twice(world: World) -> None:
    tree = source.ensure_tree(Variant.UPSTREAM)
    file = tree.path / "Objects" / "a.c"
    assert file.stat().st_mtime == 1_675_777_071
    assert (tree.series_hash, tree.patches, tree.source_sha256) == (None, (), world.sha256)
    (tree.path / "Objects" / "a.o").write_bytes(b"product")
    inode = file.stat().st_ino
    assert source.ensure_tree(Variant.UPSTREAM) == tree
    assert file.stat().st_ino == inode
    assert (tree.path / "Objects" / "a.o").exists()


def test_an_edited_upstream_tree_is_put_back(world: World) -> None:
    tree = source.ensure_tree(Variant.UPSTREAM).path
    (tree / "Objects" / "a.c").write_text("edited\n", encoding="utf-8")
    (tree / "Lib" / "latin.py").unlink()
    source.ensure_tree(Variant.UPSTREAM)
    for name, content in series_kit.FILES.items():
        assert (tree / name).read_bytes() == content


def test_a_tree_of_another_source_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = source.ensure_tree(Variant.UPSTREAM).path
    other = world.home / "other.tar.gz"
    monkeypatch.setattr(source, "SHA256", series_kit.tarball(other, {"README": b"new\n"}))
    source.pristine(other)
    source.ensure_tree(Variant.UPSTREAM)
    assert sorted(path.name for path in tree.iterdir()) == ["README"]


def test_an_unpacking_that_fails_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.source_tree.unpack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        source.ensure_tree(Variant.UPSTREAM)
    assert list((world.home / "build" / "src").iterdir()) == []


# --- the submodule -----------------------------------------------------------------------------------------------


@pytest.fixture
def module(world: World, monkeypatch: pytest.MonkeyPatch) -> Submodule:
    """A repository that stands for the checked-out submodule, at its release commit."""
    repo = world.home / "cpython"
    repo.mkdir()
    series_kit.git(repo, "init", "-q", "-b", "main")
    files = series_kit.FILES | {
        ".gitattributes": b"*.vcxproj text eol=crlf\n",
        ".github/workflows/x.yml": b"on: push\n",
        "PCbuild/x.vcxproj": b"<one/>\r\n<two/>\r\n<three/>\r\n",
        "configure": b"#!/bin/sh\n",
    }
    for name, content in files.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_bytes(content)
    (repo / "configure").chmod(0o755)
    series_kit.git(repo, "add", "-A")
    series_kit.git(repo, "commit", "-q", "-m", "v3.11.2")
    commit = series_kit.git(repo, "rev-parse", "HEAD")
    monkeypatch.setattr(source, "COMMIT", commit)
    return source.submodule()


def test_a_good_submodule_is_used_first_and_has_a_hash_of_its_own(module: Submodule, world: World) -> None:
    found = source.pristine()
    assert found.kind == "submodule"
    assert found.sha256 != world.sha256
    assert found.tarball == source_cache.directory() / f"{found.sha256}.tar.gz"
    tree = source.ensure_tree(Variant.UPSTREAM)
    assert (tree.source_kind, tree.source_sha256) == ("submodule", found.sha256)
    names = {path.relative_to(tree.path).as_posix() for path in tree.path.rglob("*") if path.is_file()}
    assert names == {*series_kit.FILES, "configure"}
    assert (tree.path / "PCbuild/x.vcxproj").read_bytes() == series_kit.FILES["PCbuild/x.vcxproj"]
    assert os.access(tree.path / "configure", os.X_OK)


def test_packing_the_submodule_gives_the_same_bytes_again(module: Submodule) -> None:
    first = source.pristine()
    for path in source_cache.directory().iterdir():
        path.unlink()
    assert source.pristine() == first


@pytest.mark.parametrize("fault", ["edited", "untracked", "commit"])
def test_a_submodule_that_is_not_the_release_is_passed_over(
    module: Submodule, fault: str, world: World, offline: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if fault == "edited":
        (module.path / "Objects/a.c").write_text("edited", encoding="utf-8")
    elif fault == "untracked":
        (module.path / "Objects/new.c").write_text("new", encoding="utf-8")
    else:
        series_kit.git(module.path, "commit", "-q", "--allow-empty", "-m", "another")
    assert source.pristine().kind == "tarball"
    said = capsys.readouterr().err
    assert "is not used" in said
    assert ("uncommitted changes" in said) == (fault != "commit")
    assert ("expected " + module.commit in said) == (fault == "commit")


def test_an_unreachable_remote_fails_fast_and_changes_nothing(world: World) -> None:
    root = world.home / "clone"
    root.mkdir()
    series_kit.git(root, "init", "-q")
    before = (root / ".git" / "config").read_bytes()
    module = Submodule(root / "cpython", "0" * 40, f"file://{world.home}/none", "v3.11.2")
    with pytest.raises(SubmoduleUnavailable, match="cannot be reached"):
        source_submodule.update(module)
    assert (root / ".git" / "config").read_bytes() == before


def test_an_initialised_submodule_comes_from_its_remote(
    module: Submodule, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = world.home / "remote"
    module.path.rename(remote)
    series_kit.git(remote, "tag", "v3.11.2")
    root = world.home / "clone"
    root.mkdir()
    series_kit.git(root, "init", "-q")
    url = f"file://{remote}"
    (root / ".gitmodules").write_text(f'[submodule "cpython"]\n\tpath = cpython\n\turl = {url}\n', encoding="utf-8")
    series_kit.git(root, "update-index", "--add", "--cacheinfo", f"160000,{module.commit},cpython")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    monkeypatch.setattr(source, "URL", url)
    monkeypatch.setattr("harness.paths.SUBMODULE", root / "cpython")
    (source_cache.directory() / f"{world.sha256}.tar.gz").unlink()
    assert source.pristine().kind == "submodule"
    assert series_kit.git(root / "cpython", "rev-parse", "HEAD") == module.commit
