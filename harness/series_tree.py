"""The fork's tree: a git repository whose first commit is the pristine source and every further one a patch.

It is moved from one state of the series to another by git itself, so only files that differ are written and make
rebuilds only those. New commits are made in a scratch work tree first: a patch that does not apply changes nothing
here. A note in the git directory says which commit came from which patch; whatever else is found is a person's work
and is never overwritten.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness import atomic, series, series_text, source_git, source_tree
from harness.console import say, warn
from harness.errors import ForkTreeBusyError, HarnessError
from harness.series import Patch

SCHEMA = 1
BRANCH = "series"
PRISTINE = "upstream"  # the tag of the first commit
RELEASED = "1675777071 +0000"  # date of the pristine commit: fixed, so that its hash is
EXCLUDED = ("__pycache__/", "*.py[co]", "*.o", "*.rej", "*.orig", "*~", "*.sw[op]", "Lib/lib2to3/*.pickle")
# For a person's own git in this tree; the harness's gets the same on its command line.
CONFIG = """\
[core]
	autocrlf = false
	eol = lf
	attributesFile = /dev/null
[am]
	keepcr = true
	threeWay = false
[apply]
	whitespace = nowarn
[gc]
	auto = 0
"""


@dataclass(frozen=True, slots=True)
class Applied:
    """A patch that is a commit of the tree."""

    path: str
    sha256: str
    commit: str


@dataclass(frozen=True, slots=True)
class State:
    """What the harness made of the tree: `head` is the tip it left, `applied` the patches below it in order.

    `rest` names patches of the series beyond `--until`; `pending` those given to a git am that stopped; `moving` is
    set while git changes the files, so that an interrupted move is told from a person's edits.
    """

    source_sha256: str
    pristine: str
    head: str
    applied: tuple[Applied, ...] = ()
    rest: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    moving: bool = False


def _note(tree: Path) -> Path:
    return tree / ".git" / "redwoodtj.json"


def read_state(tree: Path) -> State | None:
    """The state of `tree`, or None if there is no tree; ForkTreeBusyError if the tree is not one of ours."""
    if not tree.exists():
        return None
    try:
        known = atomic.read_json(_note(tree))
        known.pop("schema")
        known["applied"] = tuple(Applied(**entry) for entry in known["applied"])
        known |= {name: tuple(known[name]) for name in ("rest", "pending")}
        return State(**known)
    except (HarnessError, KeyError, TypeError) as problem:
        raise ForkTreeBusyError(
            f"{tree} is there, but was not made by the harness ({type(problem).__name__}: {problem})",
            remedy=f"Move {tree} away or delete it, if nothing in it is needed; it is made again.",
        ) from None


def write_state(tree: Path, state: State) -> None:
    """Write the note atomically."""
    atomic.write_json(_note(tree), {"schema": SCHEMA, **asdict(state)})


def create(tree: Path, tarball: Path, sha256: str) -> State:
    """Make the repository with the pristine commit alone; a tree that was there is replaced."""
    say(f"making {tree}: a git repository of the pristine source")
    with source_tree.replacing(tree) as incoming:
        source_tree.unpack(tarball, incoming)
        pristine = _commit_pristine(incoming)
        state = State(source_sha256=sha256, pristine=pristine, head=pristine)
        write_state(incoming, state)
    return state


def _commit_pristine(tree: Path) -> str:
    source_git.git(tree, "init", "--quiet", "--template=", f"--initial-branch={BRANCH}", "--object-format=sha1")
    with (tree / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(CONFIG)
    source_git.git(tree, "add", "--all", "--force")  # before there are any excludes
    identity = {"GIT_AUTHOR_NAME": "CPython", "GIT_AUTHOR_EMAIL": "cpython@redwoodtj.invalid"}
    dates = {"GIT_AUTHOR_DATE": RELEASED, "GIT_COMMITTER_DATE": RELEASED}
    source_git.git(tree, "commit", "--quiet", "--message=CPython 3.11.2, pristine", env=identity | dates)
    source_git.git(tree, "tag", PRISTINE)
    exclude = tree / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("".join(f"{pattern}\n" for pattern in EXCLUDED), encoding="utf-8")
    return source_git.git(tree, "rev-parse", "HEAD")


def work_in(tree: Path, state: State) -> str | None:
    """What a person did in `tree` that is not in patches/ (edits, commits, an operation in progress), or None."""
    operation = source_git.in_progress(tree)
    if operation:
        return f"{operation} is in progress in {tree}"
    edits = source_git.edited(tree, untracked=False)
    if edits:
        return f"{tree} has uncommitted edits ({edits[0].strip()}; {len(edits)} in all)"
    tip = source_git.commit_of(tree, f"refs/heads/{BRANCH}")
    if tip is None:
        return f"{tree} has no branch {BRANCH!r} any more"
    if tip != state.head:
        made = source_git.lines(tree, "log", "--format=%h %s", f"{state.head}..{tip}")
        what = f"{len(made)} commits, the last is {made[0]}" if made else "commits were dropped or moved back"
        return f"branch {BRANCH!r} of {tree} was changed and is not exported ({what})"
    if not source_git.is_ancestor(tree, "HEAD", state.head):
        return f"{tree} is on commits that branch {BRANCH!r} does not have"
    return None


def finish(tree: Path, state: State) -> State:
    """Finish a move of `tree` that was interrupted, if one was."""
    if not state.moving:
        return state
    warn(f"the last update of {tree} was interrupted: finishing it")
    (tree / ".git" / "index.lock").unlink(missing_ok=True)
    source_git.git(tree, "symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
    source_git.git(tree, "reset", "--quiet", "--hard", state.head)
    state = replace(state, moving=False)
    write_state(tree, state)
    return state


def guard(tree: Path, state: State) -> State:
    """ForkTreeBusyError if `tree` holds a person's work; finishes a move that was interrupted."""
    state = finish(tree, state)
    work = work_in(tree, state)
    if work:
        raise ForkTreeBusyError(f"{work}: it would be overwritten")
    return state


@contextmanager
def scratch(tree: Path, commit: str, patches: Sequence[Patch]) -> Iterator[Path]:
    """A scratch work tree of the repository `tree` at `commit`, to apply `patches` in; gone when the block ends.

    Only the files that the patches touch are on disk: git am looks at no other, and CPython has 4,450 of them.
    """
    for left in tree.parent.glob(".scratch-*"):  # of a run that was killed; only one runs at a time
        shutil.rmtree(left)
    home = Path(tempfile.mkdtemp(dir=tree.parent, prefix=".scratch-"))
    path = home / "tree"
    try:
        source_git.git(tree, "worktree", "add", "--quiet", "--no-checkout", "--detach", path, commit)
        source_git.git(path, "read-tree", "HEAD")
        touched = sorted({name for patch in patches for name in series_text.paths(patch.text)})
        # Quiet: files that a patch makes are not there yet.
        source_git.attempt(path, "checkout-index", "--quiet", "-z", "--stdin", stdin="\0".join(touched))
        yield path
    finally:
        shutil.rmtree(home, ignore_errors=True)
        source_git.attempt(tree, "worktree", "prune")


def commits_between(repo: Path, base: str, tip: str) -> list[str]:
    """The commits after `base` up to `tip`, oldest first."""
    return source_git.lines(repo, "rev-list", "--reverse", f"{base}..{tip}")


def commit_patches(tree: Path, state: State, patches: Sequence[Patch]) -> tuple[Applied, ...]:
    """Make the commits of `patches` (in the object store only), reusing those that `tree` has already."""
    kept = common(state, patches)
    base = kept[-1].commit if kept else state.pristine
    missing = patches[len(kept) :]
    if not missing:
        return _renamed(kept, patches)
    with scratch(tree, base, missing) as work:
        series.apply(work, missing)
        made = commits_between(work, base, "HEAD")
    fresh = [Applied(patch.path, patch.sha256, commit) for patch, commit in zip(missing, made, strict=True)]
    return (*_renamed(kept, patches), *fresh)


def common(state: State, patches: Sequence[Patch]) -> tuple[Applied, ...]:
    """The applied patches that `patches` begins with too."""
    count = 0
    for applied, patch in zip(state.applied, patches, strict=False):
        if applied.sha256 != patch.sha256:
            break
        count += 1
    return state.applied[:count]


def _renamed(applied: Sequence[Applied], patches: Sequence[Patch]) -> tuple[Applied, ...]:
    return tuple(replace(entry, path=patch.path) for entry, patch in zip(applied, patches, strict=False))


def move(tree: Path, state: State, target: State) -> State:
    """Bring files and branch of `tree` from `state` to `target` (its commits exist): only what differs is written."""
    write_state(tree, replace(target, moving=True))
    try:
        source_git.git(tree, "checkout", "--quiet", "-B", BRANCH, target.head)
    except HarnessError:
        write_state(tree, state)  # git refused (an untracked file is in the way) and changed nothing
        raise
    write_state(tree, target)
    return target


def update(tree: Path, state: State, patches: Sequence[Patch], rest: Sequence[Patch] = ()) -> State:
    """Make `tree` hold exactly `patches` (`rest`: what the series has beyond them); refuses to overwrite work."""
    state = guard(tree, state)
    applied = commit_patches(tree, state, patches)
    head = applied[-1].commit if applied else state.pristine
    names = tuple(patch.path for patch in rest)
    target = State(state.source_sha256, state.pristine, head, applied, names)
    on_branch = source_git.attempt(tree, "symbolic-ref", "--quiet", "HEAD").stdout.strip() == f"refs/heads/{BRANCH}"
    if state.head == head and on_branch:
        if state != target:
            write_state(tree, target)
        return target
    return move(tree, state, target)


def open_tree(tree: Path, tarball: Path, sha256: str) -> State:
    """The state of `tree`: made if it is not there, made again (if it holds no work) when the source is another."""
    state = read_state(tree)
    if state is None:
        return create(tree, tarball, sha256)
    if state.source_sha256 != sha256:
        guard(tree, state)
        say(f"{tree} was made from another source ({state.source_sha256[:12]})")
        return create(tree, tarball, sha256)
    return state
