"""git, run so that its results depend on nothing but its input: no user or system settings, no hooks, no prompts.

Exports must be the same bytes and commits the same hashes on every machine, so the environment is made from scratch
where git reads it, and identities and dates of the commits that the harness makes are fixed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import proc
from harness.errors import DiskFullError, GitFailedError

COMMITTER = ("redwoodtj", "series@redwoodtj.invalid")

# Given on every command line, because the repository's own config (which a person may edit) would win otherwise.
SETTINGS = (
    "core.autocrlf=false",
    "core.safecrlf=false",
    "core.eol=lf",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=true",
    "commit.gpgSign=false",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "am.threeWay=false",
    "am.messageid=false",
    "apply.whitespace=nowarn",
    "apply.ignoreWhitespace=no",
    "diff.renames=false",
    "diff.mnemonicPrefix=false",
    "diff.noprefix=false",
    "diff.suppressBlankEmpty=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "rerere.enabled=false",
)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of an isolated git: the caller's without any GIT_ variable, with fixed ones instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    name, email = COMMITTER
    return kept | {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "LC_ALL": "C",
        "LANGUAGE": "C",
        "TZ": "UTC",
        **(extra or {}),
    }


# What ties git to one repository (`git rev-parse --local-env-vars`); set when the harness is started from a git hook.
LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)


def persons_environment() -> dict[str, str]:
    """The environment of a git with the person's own settings (proxy, certificates, insteadOf) that asks nothing."""
    kept = {name: value for name, value in os.environ.items() if name not in LOCAL}
    return kept | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=10"),
        "LC_ALL": "C",
    }


def attempt(
    repo: Path, *words: str | Path, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> proc.Done:
    """Run `git -C repo WORDS` isolated and return what became of it, whatever its exit status."""
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    return proc.run(
        ["git", *settings, "-C", repo, *words], env=environment(env), check=False, echo=False, stdin=stdin
    )


def git(repo: Path, *words: str | Path, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """Run `git -C repo WORDS` isolated and return its output without the last newline; GitFailedError if it fails."""
    done = attempt(repo, *words, env=env, stdin=stdin)
    if done.returncode != 0:
        if "No space left on device" in done.stdout:
            raise DiskFullError(f"the disk is full: {repo}")
        said = done.stdout.strip() or "nothing was printed"
        shown = " ".join(str(word) for word in words)
        raise GitFailedError(f"git {shown} failed in {repo} (exit {done.returncode}): {said}")
    return done.stdout.removesuffix("\n")


def lines(repo: Path, *words: str | Path) -> list[str]:
    """The output of `git -C repo WORDS`, one string a line."""
    return git(repo, *words).splitlines()


def commit_of(repo: Path, revision: str) -> str | None:
    """The commit hash that `revision` names in `repo`, or None."""
    done = attempt(repo, "rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}")
    return done.stdout.strip() if done.returncode == 0 else None


def is_ancestor(repo: Path, older: str, newer: str) -> bool:
    """Whether commit `older` is `newer` or one of its ancestors."""
    return attempt(repo, "merge-base", "--is-ancestor", older, newer).returncode == 0


def in_progress(repo: Path) -> str | None:
    """The operation that a person left unfinished in `repo` ("git am", "git rebase", ...), or None."""
    directory = Path(git(repo, "rev-parse", "--absolute-git-dir"))
    marks: Sequence[tuple[str, str]] = (
        ("rebase-apply/applying", "git am"),
        ("rebase-apply", "git rebase"),
        ("rebase-merge", "git rebase"),
        ("MERGE_HEAD", "git merge"),
        ("CHERRY_PICK_HEAD", "git cherry-pick"),
        ("REVERT_HEAD", "git revert"),
    )
    for mark, operation in marks:
        if (directory / mark).exists():
            return operation
    return None


def edited(repo: Path, *, untracked: bool = True) -> list[str]:
    """Paths with uncommitted changes in `repo` (as `git status --porcelain` shows them), sorted."""
    mode = "normal" if untracked else "no"
    return sorted(lines(repo, "status", "--porcelain", f"--untracked-files={mode}"))
