"""`checkout`: the series as git commits in build/src/fork, to edit with ordinary git.

A patch that does not apply leaves the person where `git am` leaves anyone: the patches before it committed, what fits
of it in the files, the rest in .rej files, and `git am --continue` to go on. Nothing of a person's work is
overwritten; `--discard` drops it, but keeps a ref to it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness import paths, series, series_tree, source, source_git
from harness.console import out, say
from harness.lock import clone_lock
from harness.series import Patch
from harness.series_reject import PatchRejected
from harness.series_tree import State
from harness.variants import Variant


def checkout(tree: Path, state: State, patches: Sequence[Patch], rest: Sequence[Patch]) -> State:
    """Bring `tree` to `patches` (`rest`: beyond --until).

    PatchRejected, with git am in progress in `tree`, if one does not apply.
    """
    state = series_tree.guard(tree, state)
    try:
        return series_tree.update(tree, state, patches, rest)
    except PatchRejected as rejected:
        # The commits were tried in a scratch tree: now the same again in the person's tree, up to where it stops.
        count = len(series_tree.common(state, patches)) + rejected.index
        series_tree.update(tree, state, patches[:count], rest)
        return _stop_at(tree, patches[count:])


def _stop_at(tree: Path, pending: Sequence[Patch]) -> State:
    state = series_tree.read_state(tree)
    assert state is not None
    state = replace(state, pending=tuple(patch.path for patch in pending))
    series_tree.write_state(tree, state)
    try:
        series.apply(tree, pending)
    except PatchRejected as rejected:
        rejected.remedy = instructions(tree)
        raise
    return state


def instructions(tree: Path) -> str:
    """What to do in a tree where git am stopped."""
    return "\n".join(
        [
            f"git am is in progress in {tree}; what fits of the patch is in the files there, the rest in FILE.rej:",
            f"  cd {tree}",
            "  (edit the files as each FILE.rej says; see `git status` and `git am --show-current-patch`)",
            "  git add -A && git am --continue",
            "  cd - && ./noxw -s refresh",
            "or leave the patch out with `git am --skip`, or give up with `git am --abort`.",
        ]
    )


def discard(tree: Path, state: State) -> list[str]:
    """Drop all work in `tree`; return the refs that keep it (empty if there was none)."""
    state = series_tree.finish(tree, state)
    if series_tree.work_in(tree, state) is None and not source_git.edited(tree):
        return []
    stamp = f"refs/discarded/{datetime.now(UTC):%Y%m%dT%H%M%S}"
    kept = {f"{stamp}/files": _snapshot(tree)}
    for name in ("HEAD", f"refs/heads/{series_tree.BRANCH}"):
        commit = source_git.commit_of(tree, name)
        if commit is not None:
            kept[f"{stamp}/{name.rsplit('/', 1)[-1]}"] = commit
    for ref, commit in kept.items():
        source_git.git(tree, "update-ref", ref, commit)
    operation = source_git.in_progress(tree)
    if operation:
        source_git.git(tree, operation.removeprefix("git "), "--quit")
    source_git.git(tree, "checkout", "--quiet", "--force", "-B", series_tree.BRANCH, state.head)
    source_git.git(tree, "clean", "--quiet", "--force", "-d")
    series_tree.write_state(tree, replace(state, pending=()))
    return sorted(kept)


def _snapshot(tree: Path) -> str:
    """A commit of all files as they are (with new ones), made without touching the index."""
    index = Path(source_git.git(tree, "rev-parse", "--absolute-git-dir")) / f"snapshot-{os.getpid()}"
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        source_git.git(tree, "read-tree", "HEAD", env=env)
        source_git.git(tree, "add", "--all", env=env)
        files = source_git.git(tree, "write-tree", env=env)
    finally:
        index.unlink(missing_ok=True)
    name, email = source_git.COMMITTER
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email}
    return source_git.git(
        tree, "commit-tree", "-p", "HEAD", "-m", "discarded by checkout --discard", files, env=author
    )


def main(argv: list[str]) -> int:
    """`checkout`: turn patches/ into git commits in build/src/fork."""
    parser = argparse.ArgumentParser(prog="checkout", description=main.__doc__)
    parser.add_argument("--until", metavar="PATCH", help="stop after this patch (name, unique slug or number)")
    parser.add_argument("--discard", action="store_true", help="drop edits and commits that are not in patches/")
    options = parser.parse_args(argv)
    with clone_lock("checkout"):
        loaded = series.load(paths.PATCHES)
        wanted = series.until(loaded, options.until)
        tree = paths.source_tree(Variant.FORK)
        if options.discard:
            _discard(tree)
        origin = source.pristine()
        state = series_tree.open_tree(tree, origin.tarball, origin.sha256)
        checkout(tree, state, wanted, loaded[len(wanted) :])
    out.print(f"{tree}: {len(wanted)} of {len(loaded)} patches, one commit each, on branch {series_tree.BRANCH}")
    out.print("edit with ordinary git, then ./noxw -s refresh")
    return 0


def _discard(tree: Path) -> None:
    state = series_tree.read_state(tree)
    refs = [] if state is None else discard(tree, state)
    if refs:
        say(f"dropped; `git -C {tree} log {refs[0]}` still shows it (also {', '.join(refs[1:])})")
