"""`refresh`: the commits of build/src/fork back into patches/, in canonical form; `--dry-run` names what is stale.

A commit keeps the file name of the patch with the same topic and subject; any other gets <Topic>/<slug of the
subject>.patch. Before a file is written, the whole series is applied again to the pristine source and must come out
the same, so that what is written is known to apply.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness import paths, series, series_export, series_plan, series_rules, series_text, series_tree, source_git
from harness.console import out, say, warn
from harness.errors import ForkTreeBusyError, SeriesCheckError, SeriesStaleError, UsageError
from harness.lock import clone_lock
from harness.series import Patch, Problem
from harness.series_reject import PatchRejected
from harness.series_tree import Applied, State
from harness.variants import Variant

UNFINISHED = "Commit or finish it (git am --continue, git rebase --continue), or drop it, then refresh again."


def require_finished(tree: Path) -> str:
    """The tip of the series branch; ForkTreeBusyError if something is in progress or not committed."""
    operation = source_git.in_progress(tree)
    if operation:
        raise ForkTreeBusyError(f"{operation} is in progress in {tree}", remedy=UNFINISHED)
    edits = source_git.edited(tree)
    if edits:
        shown = "\n".join(edits[:20])
        raise ForkTreeBusyError(f"{tree} has uncommitted edits:\n{shown}", remedy=UNFINISHED)
    tip = source_git.commit_of(tree, f"refs/heads/{series_tree.BRANCH}")
    if tip is None or tip != source_git.commit_of(tree, "HEAD"):
        remedy = f"`git -C {tree} switch {series_tree.BRANCH}`; merge or cherry-pick there what should be exported."
        raise ForkTreeBusyError(f"{tree} is not on its branch {series_tree.BRANCH}", remedy=remedy)
    return tip


def export(tree: Path, state: State, tip: str, old: Sequence[Patch]) -> list[Patch]:
    """The commits after the pristine one as named patches; SeriesCheckError lists those that cannot be one."""
    if not source_git.is_ancestor(tree, state.pristine, tip):
        raise SeriesCheckError(f"branch {series_tree.BRANCH} of {tree} does not stand on the pristine source")
    unfit = series_export.unfit(tree, state.pristine, tip)
    if unfit:
        raise SeriesCheckError("\n".join(["these commits cannot be patches:", *unfit]))
    texts = series_export.export(tree, state.pristine, tip)
    patches, problems = named(texts, old)
    if problems:
        remedy = "Amend the messages (git rebase -i upstream, reword); patches/README.md names the trailers."
        raise SeriesCheckError(series.listing("these commits cannot be exported", problems), remedy=remedy)
    return patches


def named(texts: Sequence[bytes], old: Sequence[Patch]) -> tuple[list[Patch], list[Problem]]:
    """Exported `texts` as patches under their file names, and what is wrong with their messages."""
    names = {(patch.topic, patch.subject): patch.path for patch in old}
    patches: list[Patch] = []
    problems: list[Problem] = []
    for text in texts:
        message = series_text.message(text)
        topic = series_text.by_name(message.trailers).get("Topic", "")
        where = f"commit {message.subject!r}"
        slug = series_text.slug(message.subject, topic)
        try:
            patch = series.parse(names.get((topic, message.subject), f"{topic}/{slug}.patch"), text)
        except ValueError as problem:
            problems.append(Problem(where, str(problem)))
            continue
        found = series_rules.message_problems(patch)
        if not slug:
            found.append("its subject has no letter or digit to make a file name of")
        if topic and topic not in series.TOPICS:
            found.append(f"Topic: {topic} is no topic ({', '.join(series.TOPICS)})")
        if patch.path in [other.path for other in patches]:
            found.append(f"its file name {patch.path} is that of an earlier commit: reword one of the subjects")
        problems += [Problem(where, what) for what in found]
        patches.append(patch)
    return patches, problems


def beyond(state: State, tip: str, exported: Sequence[Patch], old: Sequence[Patch]) -> list[Patch]:
    """The stored patches that are no commits of the tree and stay: beyond --until, or of an aborted git am."""
    done = {patch.path for patch in exported}
    # After `git am --abort` none of the pending ones is a commit; after --continue and --skip some are.
    aborted = state.pending if not done.intersection(state.pending) else ()
    names = [name for name in (*aborted, *state.rest) if name not in done]
    by_name = {patch.path: patch for patch in old}
    missing = [Problem(name, "is gone from patches/, or cannot be read") for name in names if name not in by_name]
    if missing:
        raise SeriesCheckError(series.listing("patches beyond the tree's last one are needed", missing))
    return [by_name[name] for name in names]


def proven(tree: Path, state: State, exported: Sequence[Patch], rest: Sequence[Patch]) -> list[Patch]:
    """`exported` and `rest` as they apply to the pristine source: each proved to come out the same, `rest` refreshed.

    Where `rest` does not apply on top any more it stays as it is stored, with a warning.
    """
    with series_tree.scratch(tree, state.pristine, [*exported, *rest]) as work:
        series.apply(work, exported)
        again = series_export.export(work, state.pristine, "HEAD")
        wrong = [patch for patch, text in zip(exported, again, strict=True) if patch.text != text]
        if wrong:
            problems = [
                Problem(
                    patch.path, "comes out different when applied (a line of its message begins a diff, or is ---)"
                )
                for patch in wrong
            ]
            raise SeriesCheckError(series.listing("these commits cannot be exported", problems))
        tip = source_git.git(work, "rev-parse", "HEAD")
        try:
            series.apply(work, rest)
        except PatchRejected as rejected:
            warn(f"beyond the commits of the tree, {rejected}")
            warn("the patches beyond are kept as they are; `./noxw -s checkout` stops there, to be mended")
            return [*exported, *rest]
        texts = series_export.export(work, tip, "HEAD")
        return [*exported, *(series.parse(patch.path, text) for patch, text in zip(rest, texts, strict=True))]


def changed_on_disk(state: State, old: Sequence[Patch]) -> list[str]:
    """Stored patches that are not as they were when the tree was made of them (somebody's work, or a pull)."""
    now = {patch.path: patch.sha256 for patch in old}
    before = {entry.path: entry.sha256 for entry in state.applied}
    known = {*before, *state.pending, *state.rest}
    edited = [name for name, sha256 in before.items() if now.get(name) != sha256]
    return sorted({*edited, *(name for name in now if name not in known)})


def refresh(tree: Path, patches: Path, *, dry_run: bool, force: bool) -> series_plan.Plan:
    """Bring the folder `patches` up to the commits of `tree`; with `dry_run` only say what would be written."""
    state = series_tree.read_state(tree)
    if state is None:
        raise UsageError(f"there is no {tree}", remedy="Run `./noxw -s checkout` first.")
    state = series_tree.finish(tree, state)
    tip = require_finished(tree)
    old, _problems = series.read(patches)
    if old and tip == state.pristine and not state.applied and not state.rest:
        raise UsageError(f"nothing is checked out in {tree} yet", remedy="Run `./noxw -s checkout` first.")
    foreign = changed_on_disk(state, old)
    if foreign and not force:
        raise ForkTreeBusyError(
            f"patches/ was changed since the tree was made of it: {', '.join(foreign)}",
            remedy="Take the change over with `./noxw -s checkout` (with --discard if you have commits: a ref keeps "
            "them, to cherry-pick from), or overwrite it: `./noxw -s refresh -- --force`.",
        )
    exported = export(tree, state, tip, old)
    whole = proven(tree, state, exported, beyond(state, tip, exported, old))
    plan = series_plan.make(patches, {patch.path: patch.text for patch in whole})
    if not dry_run:
        series_plan.write(patches, plan)
        commits = series_tree.commits_between(tree, state.pristine, tip)
        applied = tuple(Applied(p.path, p.sha256, c) for p, c in zip(whole, commits, strict=False))
        rest = tuple(patch.path for patch in whole[len(applied) :])
        series_tree.write_state(tree, State(state.source_sha256, state.pristine, tip, applied, rest))
    return plan


def main(argv: list[str]) -> int:
    """`refresh`: turn the commits of build/src/fork into patches/."""
    parser = argparse.ArgumentParser(prog="refresh", description=main.__doc__)
    parser.add_argument("--dry-run", action="store_true", help="write nothing; exit 1 if something is stale")
    parser.add_argument("--force", action="store_true", help="overwrite patches that were changed since checkout")
    options = parser.parse_args(argv)
    with clone_lock("refresh"):
        tree = paths.source_tree(Variant.FORK)
        plan = refresh(tree, paths.PATCHES, dry_run=options.dry_run, force=options.force)
    for line in plan.lines():
        out.print(line, markup=False)
    if options.dry_run and plan.changed:
        raise SeriesStaleError(f"patches/ is stale: {len(plan.lines())} differences from the commits of {tree}")
    say(f"{len(plan.files)} patches; {'written' if plan.changed else 'nothing to write'}")
    return 0
