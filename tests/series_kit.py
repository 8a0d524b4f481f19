"""A small release with its series, outputs and cache in a temporary directory: what the source tests stand on."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from harness import paths, source, source_cache

GLOBALS = "Tools/c-analyzer/cpython/globals-to-fix.tsv"
NUMBERS = "".join(f"line {number}\n" for number in range(1, 41))
FILES: dict[str, bytes] = {
    "Objects/a.c": NUMBERS.encode(),
    "Objects/b.c": NUMBERS.encode(),
    "Lib/test/test_a.py": b"# a test\n",
    "Lib/latin.py": "# coding: latin-1\n# caf\u00e9\n".encode("latin-1"),
    "PCbuild/x.vcxproj": b"<one/>\r\n<two/>\r\n<three/>\r\n",
    GLOBALS: b"filename\tfuncname\tname\treason\n# rows\nObjects/a.c\t-\tone\t-\nObjects/a.c\t-\ttwo\t-\n",
}
TRAILERS = {
    "Topic": "state",
    "Why": "It must be so.",
    "Upstream": "none",
    "Globals": "0",
    "Perf": "none",
    "Test": "test_a",
}
PERSON = {
    "GIT_AUTHOR_NAME": "Zo\u00eb Person",
    "GIT_AUTHOR_EMAIL": "zoe@example.invalid",
    "GIT_COMMITTER_NAME": "Zo\u00eb Person",
    "GIT_COMMITTER_EMAIL": "zoe@example.invalid",
}


def tarball(path: Path, files: Mapping[str, bytes] = FILES, top: str = "Python-3.11.2") -> str:
    """Write a release tarball and return its sha256."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mtime = len(content), 1_675_777_071
            member.mode = 0o755 if name == "configure" else 0o644
            tar.addfile(member, BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


class World:
    """A clone's worth of directories below `home`, redirected by environment and patches; the release is cached."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch, template: Path | None = None) -> None:
        self.home = home
        if template is not None:
            shutil.copytree(template, home, dirs_exist_ok=True)
        for name in ("BUILD", "RESULTS", "CACHE"):
            patch.setenv(f"REDWOODTJ_{name}", str(home / name.lower()))
        self.patches = home / "patches"
        if template is None:
            self.patches.mkdir(parents=True)
            (self.patches / "series").touch()
        patch.setattr(paths, "PATCHES", self.patches)
        patch.setattr(paths, "SUBMODULE", home / "cpython")
        self.tarball = home / "release.tar.gz"
        self.sha256 = tarball(self.tarball) if template is None else source_cache.sha256_of(self.tarball)
        patch.setattr(source, "SHA256", self.sha256)
        if template is None:
            source_cache.adopt(self.tarball, self.sha256)

    @property
    def fork(self) -> Path:
        """The fork's tree."""
        return paths.source_tree("fork")

    def names(self) -> list[str]:
        """The lines of patches/series."""
        return (self.patches / "series").read_text(encoding="utf-8").splitlines()

    def stored(self) -> dict[str, bytes]:
        """Every file below patches/."""
        found = (path for path in self.patches.rglob("*") if path.is_file())
        return {path.relative_to(self.patches).as_posix(): path.read_bytes() for path in found}

    def commit(self, subject: str, files: Mapping[str, bytes | None], **trailers: str | None) -> str:
        """Commit `files` (None: delete) in the fork's tree as a person would; trailers in addition to TRAILERS."""
        for name, content in files.items():
            path = self.fork / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
        lines = [f"{name}: {value}" for name, value in (TRAILERS | trailers).items() if value is not None]
        git(self.fork, "add", "-A")
        git(self.fork, "commit", "-q", "-m", f"{subject}\n\nBecause of this and that.\n\n" + "\n".join(lines))
        return git(self.fork, "rev-parse", "HEAD")


def git(repo: Path, *words: str, check: bool = True, **env: str) -> str:
    """git as a person runs it in `repo`."""
    done = subprocess.run(
        ["git", "-C", repo, *words],
        env=dict(os.environ) | PERSON | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done.stdout.strip()


def edit(number: int, text: str = "changed") -> bytes:
    """NUMBERS with one line changed."""
    return NUMBERS.replace(f"line {number}\n", f"{text} {number}\n").encode()
