"""The fork's tree as a git repository: made, moved, guarded; and `series`, which checks all patches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import series_kit
from series_kit import World, edit, git

from harness import cli, paths, series, series_tree, source, source_git
from harness.__main__ import COMMANDS
from harness.errors import DiskFullError, Exit, ForkTreeBusyError, GitFailedError, SeriesRejectedError
from harness.variants import Variant

A, B = "state/change-a.patch", "gil/change-b.patch"


def build(home: Path, patch: pytest.MonkeyPatch) -> None:
    """A release and a series of three patches: two that change a.c, one that changes b.c and the globals."""
    made = World(home, patch)
    source.ensure_tree(Variant.FORK)
    made.commit("state: change a", {"Objects/a.c": edit(5)})
    rows = series_kit.FILES[series_kit.GLOBALS].replace(b"Objects/a.c\t-\ttwo\t-\n", b"")
    made.commit("gil: change b", {"Objects/b.c": edit(5), series_kit.GLOBALS: rows}, Topic="gil", Globals="-1")
    made.commit(
        "state: new file", {"Objects/new.c": b"new\n", "PCbuild/x.vcxproj": b"<one/>\r\n<2/>\r\n<three/>\r\n"}
    )
    assert run("refresh") == 0
    assert made.names()[-3:] == [A, B, "state/new-file.patch"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `build` makes, made once: a copy takes a tenth of the time."""
    home = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        build(home, patch)
    return home


@pytest.fixture
def world(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch, template)


def run(*argv: str) -> int:
    return cli.run(COMMANDS, "harness", list(argv))


def times(tree: Path) -> dict[str, int]:
    return {
        path.relative_to(tree).as_posix(): path.stat().st_mtime_ns
        for path in tree.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def test_the_tree_has_one_commit_a_patch_and_the_same_hashes_when_made_again(world: World) -> None:
    tree = source.ensure_tree(Variant.FORK, path=world.home / "one")
    again = source.ensure_tree(Variant.FORK, path=world.home / "two")
    assert [path.removesuffix(".patch") for path in tree.patches] == [
        "state/change-a",
        "gil/change-b",
        "state/new-file",
    ]
    assert tree.series_hash == series.series_hash(series.load(world.patches))
    assert git(tree.path, "log", "--format=%s").splitlines() == [
        "state: new file",
        "gil: change b",
        "state: change a",
        "CPython 3.11.2, pristine",
    ]
    assert git(tree.path, "rev-parse", "HEAD") == git(again.path, "rev-parse", "HEAD")
    assert git(tree.path, "log", "-1", "--format=%an <%ae>") == "Zo\u00eb Person <zoe@example.invalid>"
    assert (tree.path / "PCbuild/x.vcxproj").read_bytes() == b"<one/>\r\n<2/>\r\n<three/>\r\n"
    assert git(tree.path, "status", "--porcelain") == ""


def test_the_users_git_settings_change_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = source.ensure_tree(Variant.FORK, path=world.home / "one")
    home = world.home / "person"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "attributes").write_text("* text eol=crlf\n", encoding="utf-8")
    (home / ".gitconfig").write_text(
        "[core]\nautocrlf=true\n[commit]\ngpgSign=true\n[apply]\nwhitespace=fix\n[am]\nthreeWay=true\n"
        "[diff]\nalgorithm=histogram\nnoprefix=true\ncontext=9\n[format]\nsignature=me\nnumbered=true\n"
        "[user]\nname=Other\nemail=other@example.invalid\n[color]\nui=always\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_DIR", str(home / "nowhere"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Nobody")
    monkeypatch.setenv("COLUMNS", "300")
    again = source.ensure_tree(Variant.FORK, path=world.home / "two")
    head = "refs/heads/series"
    assert source_git.commit_of(plain.path, head) == source_git.commit_of(again.path, head)
    assert run("series") == 0
    assert run("refresh", "--dry-run") == 0


def test_moving_back_and_forth_writes_only_what_differs(world: World) -> None:
    before = times(world.fork)
    tree = source.ensure_tree(Variant.FORK, until="change-a")
    assert tree.patches == (A,)
    assert not (world.fork / "Objects/new.c").exists()
    after = times(world.fork)
    assert {name for name in after if after[name] != before[name]} == {
        "Objects/b.c",
        "PCbuild/x.vcxproj",
        series_kit.GLOBALS,
    }
    assert source.ensure_tree(Variant.FORK, until="1") == tree
    assert times(world.fork) == after
    assert source.ensure_tree(Variant.FORK).patches == tuple(world.names()[-3:])
    assert times(world.fork)["Objects/a.c"] == before["Objects/a.c"]


def test_an_edited_patch_in_the_middle_leaves_the_files_of_later_ones_alone(world: World) -> None:
    before = times(world.fork)
    path = world.patches / A
    path.write_bytes(path.read_bytes().replace(b"+changed 5", b"+altered 5"))
    source.ensure_tree(Variant.FORK)
    after = times(world.fork)
    assert {name for name in after if after[name] != before[name]} == {"Objects/a.c"}
    assert b"altered 5" in (world.fork / "Objects/a.c").read_bytes()


@pytest.mark.parametrize("work", ["edit", "commit", "drop", "detached", "rebase", "no branch"])
def test_a_persons_work_is_never_overwritten(world: World, work: str) -> None:
    tree = world.fork
    if work == "edit":
        (tree / "Objects/a.c").write_bytes(edit(30))
    elif work == "commit":
        world.commit("state: mine", {"Objects/a.c": edit(30)})
    elif work == "drop":
        git(tree, "reset", "-q", "--hard", "HEAD~1")
    elif work == "detached":
        git(tree, "checkout", "-q", "--detach")
        world.commit("state: mine", {"Objects/a.c": edit(30)})
    elif work == "rebase":
        git(tree, "rebase", "-q", "-i", "HEAD~1", GIT_SEQUENCE_EDITOR="sed -i s/^pick/edit/")
    else:
        git(tree, "checkout", "-q", "--detach")
        git(tree, "branch", "-q", "-D", "series")
    head, files = git(tree, "rev-parse", "HEAD"), times(tree)
    with pytest.raises(ForkTreeBusyError) as caught:
        source.ensure_tree(Variant.FORK, until="1")
    assert str(tree) in str(caught.value)
    assert "refresh" in caught.value.remedy
    assert "--discard" in caught.value.remedy
    assert (git(tree, "rev-parse", "HEAD"), times(tree)) == (head, files)


def test_looking_at_an_older_commit_is_no_work(world: World) -> None:
    git(world.fork, "checkout", "-q", "HEAD~2")
    source.ensure_tree(Variant.FORK)
    assert git(world.fork, "symbolic-ref", "HEAD") == "refs/heads/series"


def test_an_untracked_file_in_the_way_is_kept(world: World) -> None:
    source.ensure_tree(Variant.FORK, until="1")
    mine = world.fork / "Objects" / "new.c"
    mine.write_text("mine\n", encoding="utf-8")
    with pytest.raises(GitFailedError, match=r"Objects/new\.c"):
        source.ensure_tree(Variant.FORK)
    assert mine.read_text(encoding="utf-8") == "mine\n"
    mine.unlink()
    assert len(source.ensure_tree(Variant.FORK).patches) == 3


def test_an_interrupted_move_is_finished(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = source_git.git

    def killed(repo: Path, *words: str | Path, **options: object) -> str:
        if words[0] == "checkout":
            (repo / "Objects/b.c").write_bytes(b"half\n")
            (repo / ".git" / "index.lock").touch()
            raise KeyboardInterrupt
        return real(repo, *words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(source_git, "git", killed)
    with pytest.raises(KeyboardInterrupt):
        source.ensure_tree(Variant.FORK, until="1")
    monkeypatch.setattr(source_git, "git", real)
    assert source.ensure_tree(Variant.FORK, until="1").patches == (A,)
    assert (world.fork / "Objects/b.c").read_bytes() == series_kit.FILES["Objects/b.c"]
    assert git(world.fork, "status", "--porcelain") == ""


def test_a_directory_that_is_not_ours_is_not_touched(world: World) -> None:
    strange = world.home / "strange"
    strange.mkdir()
    (strange / "x").touch()
    with pytest.raises(ForkTreeBusyError, match="was not made by the harness"):
        source.ensure_tree(Variant.FORK, path=strange)
    assert [path.name for path in strange.iterdir()] == ["x"]


def test_no_scratch_tree_stays_behind_even_of_a_killed_run(world: World) -> None:
    (world.fork.parent / ".scratch-left" / "tree").mkdir(parents=True)
    run("series")
    assert sorted(path.name for path in world.fork.parent.iterdir()) == ["fork"]
    assert git(world.fork, "worktree", "list").count("\n") == 0


def test_another_source_makes_the_tree_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = world.home / "other.tar.gz"
    sha256 = series_kit.tarball(other, series_kit.FILES | {"Objects/c.c": b"c\n"})
    monkeypatch.setattr(source, "SHA256", sha256)
    source.pristine(other)
    tree = source.ensure_tree(Variant.FORK)
    assert tree.source_sha256 == sha256
    assert (tree.path / "Objects/c.c").exists()


def test_a_full_disk_is_named_and_the_tree_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = times(world.fork)
    fake = world.home / "bin" / "git"
    fake.parent.mkdir()
    full = 'echo "fatal: write error: No space left on device"; exit 128'
    script = f'#!/bin/sh\ncase "$*" in *checkout-index*|*worktree*) {full};; esac\nexec /usr/bin/git "$@"\n'
    fake.write_text(script, encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    path = world.patches / A
    path.write_bytes(path.read_bytes().replace(b"+changed 5", b"+altered 5"))
    with pytest.raises(DiskFullError, match="the disk is full"):
        source.ensure_tree(Variant.FORK)
    assert times(world.fork) == before


# --- a patch that does not apply ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fuzz", [b" line 4\n", b" line 8\n"])
def test_a_patch_that_needs_fuzz_is_refused_with_its_reject(world: World, fuzz: bytes) -> None:
    path = world.patches / B
    path.write_bytes(path.read_bytes().replace(fuzz, b" other\n"))
    before = times(world.fork)
    with pytest.raises(SeriesRejectedError) as caught:
        source.ensure_tree(Variant.FORK)
    said = str(caught.value)
    for part in (f"{B} does not apply", "Objects/b.c: hunk 1 does not fit", "reject of Objects/b.c", "+changed 5"):
        assert part in said
    assert caught.value.exit_code is Exit.BAD_INPUT
    assert times(world.fork) == before
    assert source.ensure_tree(Variant.FORK, until="1").patches == (A,)


def test_a_patch_for_a_file_that_is_not_there(world: World) -> None:
    path = world.patches / B
    path.write_bytes(path.read_bytes().replace(b"Objects/b.c", b"Objects/z.c"))
    with pytest.raises(SeriesRejectedError, match=r"Objects/z\.c: No such file"):
        source.ensure_tree(Variant.FORK)


# --- series ------------------------------------------------------------------------------------------------------


def test_a_good_series_passes(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("series") == 0
    said = capfd.readouterr().out
    assert "3 patches apply and export byte-identical; 1 globals moved" in said
    assert series.series_hash(series.load(world.patches)) in said


def moved(text: bytes) -> bytes:
    return text.replace(b"@@ -2,7 +2,7 @@", b"@@ -3,7 +3,7 @@")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (moved, "applies only with an offset"),
        (lambda text: text.replace(b"[PATCH]", b"[PATCH 1/3]"), "does not export byte-identical"),
        (lambda text: text + b"-- \n2.39\n", "does not export byte-identical"),
        (lambda text: text.replace(b"line 4", b"line four"), "does not apply"),
        (lambda text: text.replace(b"line 4", b"line four"), f"new-file.patch: was not tried, for {B} does not"),
        (lambda text: text.replace(b"Why: It must be so.\n", b""), "the trailer Why: is missing"),
        (lambda text: text.replace(b"Globals: -1", b"Globals: -7"), "Globals: -7, but"),
        (lambda text: text.replace(b"Test: test_a", b"Test: test_z"), "test_z names no test file"),
        (lambda text: text.replace(b"\n", b"\r\n"), "CRLF"),
    ],
)
def test_series_says_what_is_wrong_and_exits_1(
    world: World, change: object, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert callable(change)
    path = world.patches / B
    text = path.read_bytes()
    path.write_bytes(change(text))
    assert path.read_bytes() != text
    assert run("series") == Exit.FAILED
    shown = capfd.readouterr().err
    assert f"{B}: " in shown
    assert said in shown
    assert "refresh" in shown


def test_series_lists_problems_of_all_kinds_at_once(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    first, last = (world.patches / name for name in (A, "state/new-file.patch"))
    first.write_bytes(first.read_bytes().replace(b"Perf: none", b"Perf: fast"))
    last.write_bytes(last.read_bytes().replace(b"Topic: state", b"Topic: gil"))
    (world.patches / B).unlink()
    assert run("series") == Exit.FAILED
    shown = capfd.readouterr().err
    for part in (
        "Perf: fast",
        "Topic: gil",
        f"{B}: is listed in series, but",
        "series: was not applied, for it cannot be read whole",
    ):
        assert part in shown


def test_series_leaves_a_persons_work_alone(world: World) -> None:
    (world.fork / "Objects/a.c").write_bytes(edit(30))
    assert run("series") == 0
    assert (world.fork / "Objects/a.c").read_bytes() == edit(30)


def test_a_tree_of_other_patches_elsewhere(world: World) -> None:
    other = world.home / "revision"
    other.mkdir()
    (other / "series").write_text("", encoding="utf-8")
    tree = source.ensure_tree(Variant.FORK, patches=other, path=world.home / "extra" / "fork")
    assert tree.patches == ()
    assert tree.series_hash == series.series_hash([])
    assert not os.path.lexists(paths.build_dir() / "extra")
    assert series_tree.read_state(tree.path) is not None
