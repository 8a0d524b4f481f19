"""patches/README.md is a session: every ```sh block runs, in order, on the real source in a copy of the clone."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import paths, source

README = paths.PATCHES / "README.md"


def blocks() -> list[str]:
    """The text of the fenced sh blocks."""
    return re.findall(r"^```sh\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def copy_of_the_clone(target: Path) -> None:
    """A git repository of the files of this clone as they are now, with the packages of this .venv."""
    listed = subprocess.run(
        ["git", "-C", paths.ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (paths.ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(paths.ROOT / name, target / name)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "copy"]):
        subprocess.run(["git", *words], cwd=target, check=True)
    # A .venv of links with a matching stamp: noxw takes it as it is, and could remove only the links.
    (target / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (target / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    stamp = hashlib.sha256((target / "requirements.txt").read_bytes()).hexdigest()
    (target / ".venv" / ".requirements").write_text(stamp, encoding="ascii")


@pytest.mark.slow
def test_the_session_in_the_readme_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(blocks()) >= 9, "adding, editing, splitting, reordering, mending, dropping are sessions"
    source.ensure_tarball()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("REDWOODTJ_CACHE", str(paths.cache_dir()))
    for name in ("REDWOODTJ_BUILD", "REDWOODTJ_RESULTS", "REDWOODTJ_EXIT_FILE", "REDWOODTJ_LOCK_HELD"):
        monkeypatch.delenv(name, raising=False)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Reader")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "reader@example.invalid")
    monkeypatch.setenv("GIT_EDITOR", ":")
    clone = tmp_path / "clone"
    clone.mkdir()
    copy_of_the_clone(clone)
    script = tmp_path / "session.sh"
    script.write_text("\n".join(["set -euxo pipefail", *blocks()]), encoding="utf-8")
    done = subprocess.run(
        ["bash", script],
        cwd=clone,
        env=os.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    said = done.stdout
    for part in (
        "new      stdlib/add-an-example.patch",
        "exit 1: the commit is not in patches/ yet",
        "stale    stdlib/add-an-example.patch",
        "new      stdlib/add-the-other-half-of-the-example.patch",
        "the patches beyond are kept as they are",
        "exit 7: git am is in progress",
        "put-the-example-in-other-words.patch does not apply",
    ):
        assert part in said, part
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert status.stdout == ""
