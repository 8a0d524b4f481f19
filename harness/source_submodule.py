"""The release out of the `cpython` submodule: verified to be the release commit and clean, then packed as a tarball.

What is packed is the commit, not the files on disk, with what a release tarball does not have left out: git's own
attribute files would otherwise change how the fork's repository stores Windows files. It is not byte for byte the
release's tarball (which holds some generated documentation), so it has a hash of its own and is named as another kind
of source in every provenance.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from harness import atomic, proc, source_cache, source_git
from harness.errors import HarnessError

PROBE = 12.0  # seconds to find out whether the remote answers at all
FETCH = 600.0  # seconds for the shallow fetch once it does
NOT_RELEASED = (".azure-pipelines", ".github", ".gitattributes", ".gitignore")  # anywhere in a path


class SubmoduleUnavailable(Exception):
    """Why the submodule is no source (a reason to go on to the next way, not a failure yet)."""


@dataclass(frozen=True, slots=True)
class Submodule:
    """Where the submodule is, what it must be, and where it comes from."""

    path: Path
    commit: str
    url: str
    tag: str

    @property
    def checked_out(self) -> bool:
        """Whether the submodule has been initialised (its directory holds a .git)."""
        return (self.path / ".git").exists()


def _friendly(repo: Path, *words: str, timeout: float) -> proc.Done:
    command = ["git", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=20", "-C", str(repo), *words]
    return proc.run(command, env=source_git.persons_environment(), check=False, echo=False, timeout=timeout)


def update(submodule: Submodule) -> None:
    """Check the submodule out with `git submodule update --depth 1`; SubmoduleUnavailable fast if nothing answers."""
    root = submodule.path.parent
    probe = _friendly(root, "ls-remote", "--exit-code", submodule.url, f"refs/tags/{submodule.tag}", timeout=PROBE)
    if probe.failed:
        said = "no answer" if probe.timed_out else _last_line(probe.stdout)
        raise SubmoduleUnavailable(f"{submodule.url} cannot be reached ({said})")
    done = _friendly(root, "submodule", "update", "--init", "--depth", "1", submodule.path.name, timeout=FETCH)
    if done.failed:
        raise SubmoduleUnavailable(f"git submodule update failed: {_last_line(done.stdout)}")


def _last_line(text: str) -> str:
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return said[-1] if said else "nothing was printed"


def verify(submodule: Submodule) -> None:
    """SubmoduleUnavailable unless the submodule is checked out at the release commit and clean."""
    if not submodule.checked_out:
        raise SubmoduleUnavailable("it is not checked out")
    try:
        head = source_git.git(submodule.path, *_trusting(submodule), "rev-parse", "HEAD")
        changed = source_git.lines(submodule.path, *_trusting(submodule), "status", "--porcelain")
    except HarnessError as problem:
        raise SubmoduleUnavailable(f"git cannot read it: {problem}") from None
    if head != submodule.commit:
        raise SubmoduleUnavailable(f"it is at commit {head}, expected {submodule.commit}")
    if changed:
        raise SubmoduleUnavailable(f"it has uncommitted changes ({changed[0].strip()}, {len(changed)} in all)")


def _trusting(submodule: Submodule) -> tuple[str, str]:
    """An option by which git reads a submodule that belongs to another user (a checkout made by root, by CI)."""
    return ("-c", f"safe.directory={submodule.path}")


def tarball(submodule: Submodule, prefix: str) -> tuple[Path, str]:
    """The verified submodule as a tarball with top directory `prefix`: (path in the cache, its sha256)."""
    verify(submodule)
    note = source_cache.directory() / f"submodule-{submodule.commit}.json"
    if note.is_file():
        path = source_cache.cached(str(atomic.read_json(note).get("sha256")))
        if path is not None:
            return path, path.name.removesuffix(".tar.gz")
    with source_cache.temporary(".tar") as archived, source_cache.temporary(".tar") as packed:
        source_git.git(
            submodule.path, *_trusting(submodule), "archive", "--format=tar", f"--output={archived}", submodule.commit
        )
        repack(archived, packed, prefix)
        path, sha256 = source_cache.compress(packed)
    atomic.write_text(note, json.dumps({"commit": submodule.commit, "sha256": sha256}) + "\n")
    return path, sha256


def repack(archived: Path, packed: Path, prefix: str) -> None:
    """Write the files of tar `archived` to tar `packed` below `prefix`/, without git's and CI's own files."""
    with tarfile.open(archived) as source, tarfile.open(packed, "w", format=tarfile.GNU_FORMAT) as target:
        for member in source:
            if not member.isfile() or not set(NOT_RELEASED).isdisjoint(member.name.split("/")):
                continue
            member.name = f"{prefix}/{member.name}"
            member.mode = 0o755 if member.mode & 0o100 else 0o644
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            target.addfile(member, source.extractfile(member))
