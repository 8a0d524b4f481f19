"""`checkout` and `refresh`: commits that a person makes become patches, and nothing is lost on the way."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from series_kit import World, edit, git

from harness import atomic, cli, source
from harness.__main__ import COMMANDS
from harness.errors import Exit
from harness.variants import Variant

A, B, C = "state/change-a.patch", "gil/change-b.patch", "state/change-a-again.patch"
SQUASH = "sed -i 2s/^pick/fixup/"


def run(*argv: str) -> int:
    return cli.run(COMMANDS, "harness", list(argv))


def build(home: Path, patch: pytest.MonkeyPatch) -> None:
    """A release with three patches: two on a.c, far from each other, one on b.c between them."""
    made = World(home, patch)
    source.ensure_tree(Variant.FORK)
    made.commit("state: change a", {"Objects/a.c": edit(5)})
    made.commit("gil: change b", {"Objects/b.c": edit(5)}, Topic="gil")
    made.commit("state: change a again", {"Objects/a.c": edit(5).replace(b"line 30\n", b"changed 30\n")})
    assert run("refresh") == 0


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


def test_refresh_writes_canonical_patches(world: World) -> None:
    assert world.names()[-3:] == [A, B, C]
    text = (world.patches / A).read_text(encoding="utf-8")
    assert text.startswith("From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n")
    assert "From: =?UTF-8?q?Zo=C3=AB=20Person?= <zoe@example.invalid>\n" in text
    assert "Subject: [PATCH] state: change a\n" in text
    assert "2 +-" not in text  # no diffstat
    assert text.endswith(" line 8\n")


def test_nothing_to_do_changes_nothing(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in world.patches.rglob("*.patch")}
    assert run("refresh") == 0
    assert run("refresh", "--dry-run") == 0
    assert run("checkout") == 0
    assert run("refresh", "--dry-run") == 0
    assert {path: path.stat().st_mtime_ns for path in world.patches.rglob("*.patch")} == before
    assert "nothing to write" in capfd.readouterr().err


def test_dry_run_names_what_is_stale_and_writes_nothing(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    git(world.fork, "rebase", "-q", "-i", "upstream", GIT_SEQUENCE_EDITOR="sed -i '1d;2{h;d};3G'")
    world.commit("types: new one", {"Objects/b.c": edit(5).replace(b"line 20", b"line XX")}, Topic="types")
    before = world.stored()
    assert run("refresh", "--dry-run") == Exit.FAILED
    said = capfd.readouterr()
    assert said.out.splitlines() == [
        "new      types/new-one.patch",
        f"stale    {C}",
        f"removed  {A}",
        "reordered series",
    ]
    assert "patches/ is stale: 4 differences" in said.err
    assert world.stored() == before
    assert run("refresh") == 0
    assert world.names()[-3:] == [C, B, "types/new-one.patch"]
    assert sorted(world.stored()) == sorted([*world.names()[-3:], "series"])
    assert run("series") == 0


def test_a_reworded_subject_renames_the_patch_and_a_new_topic_moves_it(world: World) -> None:
    message = (
        git(world.fork, "log", "-1", "--format=%B").replace("again", "anew").replace("Topic: state", "Topic: types")
    )
    git(world.fork, "commit", "-q", "--amend", "-m", message)
    assert run("refresh") == 0
    assert world.names()[-1] == "types/state-change-a-anew.patch"
    assert C not in world.stored()


def test_a_patch_keeps_the_file_name_that_it_was_given(world: World) -> None:
    (world.patches / B).rename(world.patches / "gil" / "short.patch")
    text = (world.patches / "series").read_text(encoding="utf-8").replace(B, "gil/short.patch")
    (world.patches / "series").write_text(f"# mine\n{text}", encoding="utf-8")
    assert run("checkout") == 0
    world.commit("gil: more", {"Objects/b.c": edit(5).replace(b"line 20", b"line XX")}, Topic="gil")
    assert run("refresh") == 0
    assert "gil/short.patch" in world.names()
    assert "# mine" in world.names()


@pytest.mark.parametrize(
    ("trailers", "said"),
    [
        ({"Topic": None}, "the trailer Topic: is missing"),
        ({"Topic": "misc"}, "Topic: misc is no topic"),
        ({"Why": None}, "the trailer Why: is missing"),
        (dict.fromkeys(("Topic", "Why", "Upstream", "Globals", "Perf", "Test")), "has no trailers"),
    ],
)
def test_commits_without_good_trailers_are_listed_and_nothing_is_written(
    world: World, trailers: dict[str, str | None], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    world.commit("mine one", {"Objects/b.c": edit(20)}, **trailers)
    world.commit("mine two", {"Objects/b.c": edit(21)}, **trailers)
    before = world.stored()
    assert run("refresh") == Exit.FAILED
    shown = capfd.readouterr().err
    assert shown.count(said) == 2
    assert "commit 'mine one'" in shown
    assert "commit 'mine two'" in shown
    assert world.stored() == before


def test_two_commits_with_one_file_name_are_refused(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.commit("state: change a", {"Objects/b.c": edit(20)})
    assert run("refresh") == Exit.FAILED
    assert f"{A} is that of an earlier commit" in capfd.readouterr().err


def test_a_message_that_does_not_survive_is_refused(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    (world.fork / "Objects/b.c").write_bytes(edit(20))
    message = (
        git(world.fork, "log", "-1", "--format=%B").replace("Because of", "---\nBecause of").replace("again", "x")
    )
    git(world.fork, "commit", "-q", "-a", "-m", message)
    assert run("refresh") == Exit.FAILED
    assert "cannot be exported" in capfd.readouterr().err


def test_empty_commits_and_merges_are_refused(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    git(world.fork, "commit", "-q", "--allow-empty", "-m", "empty")
    assert run("refresh") == Exit.FAILED
    assert "empty: changes nothing" in capfd.readouterr().err
    git(world.fork, "reset", "-q", "--hard", "HEAD~1")
    git(world.fork, "checkout", "-q", "-b", "side", "HEAD~1")
    world.commit("side", {"Objects/b.c": edit(25)})
    git(world.fork, "checkout", "-q", "series")
    git(world.fork, "merge", "-q", "-m", "merged", "side")
    assert run("refresh") == Exit.FAILED
    assert "merged: is a merge" in capfd.readouterr().err


@pytest.mark.parametrize("state", ["edited", "untracked", "rebase", "other branch"])
def test_an_unfinished_tree_is_not_exported(world: World, state: str, capfd: pytest.CaptureFixture[str]) -> None:
    said = "uncommitted edits"
    if state == "edited":
        (world.fork / "Objects/b.c").write_bytes(edit(20))
    elif state == "untracked":
        (world.fork / "Objects/forgotten.c").touch()
    elif state == "rebase":
        git(world.fork, "rebase", "-q", "-i", "HEAD~1", GIT_SEQUENCE_EDITOR="sed -i s/^pick/edit/")
        said = "git rebase is in progress"
    else:
        git(world.fork, "checkout", "-q", "-b", "side")
        world.commit("side", {"Objects/b.c": edit(25)})
        said = "is not on its branch series"
    before = world.stored()
    assert run("refresh") == Exit.BAD_INPUT
    assert said in capfd.readouterr().err
    assert world.stored() == before


def test_build_products_do_not_count_as_edits(world: World) -> None:
    (world.fork / "Lib" / "__pycache__").mkdir()
    (world.fork / "Lib" / "__pycache__" / "x.pyc").touch()
    assert run("refresh") == 0


def test_refresh_without_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    World(tmp_path, monkeypatch)
    assert run("refresh") == Exit.USAGE


def test_a_tree_that_only_series_has_made_is_not_exported(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(world.fork)
    assert run("series") == 0
    before = world.stored()
    for options in ([], ["--dry-run"], ["--force"]):
        assert run("refresh", *options) == Exit.USAGE
    assert "nothing is checked out" in capfd.readouterr().err
    assert world.stored() == before


def test_patches_changed_since_checkout_are_not_overwritten(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    path = world.patches / A
    path.write_bytes(path.read_bytes().replace(b"Because", b"Only because"))
    world.commit("state: mine", {"Objects/b.c": edit(5).replace(b"line 20", b"line XX")})
    assert run("refresh") == Exit.BAD_INPUT
    assert f"was changed since the tree was made of it: {A}" in capfd.readouterr().err
    assert b"Only because" in path.read_bytes()
    assert run("refresh", "--force") == 0
    assert b"Only because" not in path.read_bytes()


def test_a_write_that_fails_half_way_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.commit("state: mine", {"Objects/b.c": edit(5).replace(b"line 20", b"line XX")})
    before = world.stored()
    real, calls = atomic.stage, []

    def full(target: Path, content: bytes) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device", str(target))
        return real(target, content)

    monkeypatch.setattr(atomic, "stage", full)
    assert run("refresh") == Exit.ENVIRONMENT
    assert world.stored() == before
    monkeypatch.setattr(atomic, "stage", real)
    assert run("refresh") == 0
    assert world.names()[-1] == "state/mine.patch"


# --- checkout ----------------------------------------------------------------------------------------------------


def test_checkout_until_keeps_the_rest_of_the_series(world: World) -> None:
    assert run("checkout", "--until", "change-a") == 0
    assert git(world.fork, "log", "-1", "--format=%s") == "state: change a"
    world.commit("state: between", {"Objects/a.c": b"a new first line\n" + edit(5)})
    assert run("refresh") == 0
    assert world.names()[-4:] == [A, "state/between.patch", B, C]
    assert b"@@ -28,7 +28,7 @@" in (world.patches / C).read_bytes()  # was 27: refreshed although not checked out
    assert run("series") == 0
    assert run("checkout") == 0
    assert git(world.fork, "rev-list", "--count", "upstream..HEAD") == "4"


def test_a_rest_that_fits_no_more_is_kept_and_checkout_stops_there(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    stored = (world.patches / C).read_bytes()
    assert run("checkout", "--until", B) == 0
    world.commit("state: in the way", {"Objects/a.c": edit(5).replace(b"line 31\n", b"in the way\n")})
    assert run("refresh") == 0
    assert f"{C} does not apply" in capfd.readouterr().err
    assert (world.patches / C).read_bytes() == stored
    assert run("series") == Exit.FAILED
    capfd.readouterr()
    assert run("checkout") == Exit.BAD_INPUT
    said = capfd.readouterr().err
    for part in (f"{C} does not apply", "Objects/a.c: hunk 1", "git am --continue", "./noxw -s refresh"):
        assert part in said
    assert git(world.fork, "log", "-1", "--format=%s") == "state: in the way"
    assert run("refresh") == Exit.BAD_INPUT  # git am is in progress
    assert (world.fork / "Objects/a.c.rej").exists()
    fixed = (world.fork / "Objects/a.c").read_bytes().replace(b"line 30\n", b"changed 30\n")
    (world.fork / "Objects/a.c").write_bytes(fixed)
    git(world.fork, "add", "-A")
    git(world.fork, "am", "--continue")
    assert run("refresh") == 0
    assert run("series") == 0
    assert world.names()[-2:] == ["state/in-the-way.patch", C]
    assert git(world.fork, "log", "-1", "--format=%an") == "Zo\u00eb Person"


@pytest.fixture
def stopped(world: World) -> World:
    """checkout stopped at B, with C still to come."""
    path = world.patches / B
    path.write_bytes(path.read_bytes().replace(b" line 4\n", b" other\n"))
    assert run("checkout") == Exit.BAD_INPUT
    assert git(world.fork, "log", "-1", "--format=%s") == "state: change a"
    return world


def test_skip_drops_the_patch(stopped: World) -> None:
    git(stopped.fork, "am", "--skip")
    assert run("refresh") == 0
    assert stopped.names()[-2:] == [A, C]
    assert run("series") == 0


def test_abort_keeps_all_patches(stopped: World) -> None:
    before = stopped.stored()
    git(stopped.fork, "am", "--abort")
    assert run("refresh") == 0
    assert stopped.stored() == before


def test_checkout_again_refuses_until_discard(stopped: World, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("checkout", "--until", "1") == Exit.BAD_INPUT
    assert "git am is in progress" in capfd.readouterr().err
    assert run("checkout", "--until", "1", "--discard") == 0
    assert git(stopped.fork, "status", "--porcelain") == ""
    assert git(stopped.fork, "symbolic-ref", "HEAD") == "refs/heads/series"


def test_discard_drops_work_but_keeps_a_ref(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    commit = world.commit("state: mine", {"Objects/b.c": edit(20)})
    (world.fork / "Objects/b.c").write_bytes(edit(33))
    (world.fork / "Objects/forgotten.c").write_bytes(b"forgotten\n")
    assert run("checkout") == Exit.BAD_INPUT
    assert run("checkout", "--discard") == 0
    said = capfd.readouterr().err
    assert "still shows it" in said
    refs = git(world.fork, "for-each-ref", "--format=%(refname)", "refs/discarded").splitlines()
    assert [ref.rsplit("/", 1)[1] for ref in refs] == ["HEAD", "files", "series"]
    assert git(world.fork, "rev-parse", refs[0]) == commit
    assert git(world.fork, "show", f"{refs[1]}:Objects/forgotten.c") == "forgotten"
    assert git(world.fork, "status", "--porcelain") == ""
    assert run("refresh", "--dry-run") == 0


def test_discard_without_work_does_nothing(world: World) -> None:
    assert run("checkout", "--discard") == 0
    assert git(world.fork, "for-each-ref", "refs/discarded") == ""


def test_checkout_of_an_unknown_patch_changes_nothing(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("checkout", "--until", "change-q") == Exit.USAGE
    assert "the closest is" in capfd.readouterr().err
    assert git(world.fork, "rev-list", "--count", "upstream..HEAD") == "3"


def test_two_runs_in_one_clone(world: World) -> None:
    import filelock

    with filelock.FileLock(world.home / "build" / ".lock"):
        assert run("checkout") == Exit.BUSY
