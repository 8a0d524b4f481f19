"""The orig tarball through a fake apt: private lists, the right entries, older revisions when the newest is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import source_debian
from harness.source_debian import DebianUnavailable

STANZAS = """\
Types: deb
# a snapshot
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://other.invalid/
Suites: nodistro
Components: main

Types: deb
Enabled: no
URIs: http://off.invalid/
Suites: bookworm
Components: main
"""
LINES = """\
# comment
deb [arch=amd64 signed-by=/k.gpg] http://mirror.invalid/debian bookworm main contrib
deb-src http://mirror.invalid/debian bookworm main
deb http://security.invalid/debian-security bookworm-security main
deb https://vendor.invalid/apt vendor main
deb https://vendor.invalid/apt bookworm extra
"""
FAKE = """\
#!/bin/sh
echo "$0 $*" >>"{log}"
case "$*" in
*" update"*) exit {update} ;;
*showsrc*) printf '{listing}' ;;
*{gone}) exit 100 ;;
*source*) echo orig >python3.11_3.11.2.orig.tar.gz; exit 100 ;;
esac
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    (folder / "sources.list.d").mkdir(parents=True)
    (folder / "sources.list").write_text(LINES, encoding="utf-8")
    (folder / "sources.list.d" / "debian.sources").write_text(STANZAS, encoding="utf-8")
    return folder


def test_only_entries_of_this_debian_release_become_source_entries(etc: Path) -> None:
    one_line, deb822 = source_debian.source_entries(etc, "bookworm")
    assert one_line.splitlines() == [
        "deb-src [arch=amd64 signed-by=/k.gpg] http://mirror.invalid/debian bookworm main",
        "deb-src http://mirror.invalid/debian bookworm main",
        "deb-src http://security.invalid/debian-security bookworm-security main",
    ]
    assert deb822.splitlines() == [
        "Types: deb-src",
        "URIs: http://mirror.invalid/debian",
        "Suites: bookworm bookworm-updates",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian.gpg",
    ]


def test_versions_are_those_of_the_release() -> None:
    listing = "Package: p\nVersion: 3.11.2-6\n\nVersion: 3.11.2-6+deb12u9\n\nVersion: 3.11.4-1\n\nVersion: 3.11.2-6\n"
    assert source_debian.versions(listing, "3.11.2") == ["3.11.2-6", "3.11.2-6+deb12u9"]


def fake_apt(tmp_path: Path, patch: pytest.MonkeyPatch, *, listing: str, gone: str = "none", update: int = 0) -> Path:
    log, folder = tmp_path / "apt.log", tmp_path / "bin"
    folder.mkdir()
    for name in ("apt-get", "apt-cache"):
        script = folder / name
        script.write_text(FAKE.format(log=log, listing=listing, gone=gone, update=update), encoding="utf-8")
        script.chmod(0o755)
    patch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    patch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    patch.setattr(source_debian, "codename", lambda: "bookworm")
    return log


def test_an_older_revision_is_asked_for_when_the_newest_is_gone(
    etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = "Version: 3.11.2-6\\nVersion: 3.11.2-6+deb12u9\\n"
    log = fake_apt(tmp_path, monkeypatch, listing=listing, gone="deb12u9", update=100)
    target = tmp_path / "target"
    target.mkdir()
    found = source_debian.download("python3.11", "3.11.2", target, etc=etc)
    assert found == target / "python3.11_3.11.2.orig.tar.gz"
    said = log.read_text(encoding="utf-8")
    assert said.index("python3.11=3.11.2-6+deb12u9") < said.rindex("python3.11=3.11.2-6\n")
    assert "Dir::Etc::SourceList=/dev/null" in said
    assert "/var/lib/apt" not in said


@pytest.mark.parametrize(
    ("update", "reason"), [(100, "apt-get update failed"), (0, "no entry has python3.11 3.11.2")]
)
def test_no_such_source_package(
    etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: int, reason: str
) -> None:
    fake_apt(tmp_path, monkeypatch, listing="Version: 3.13.5-1\\n", update=update)
    with pytest.raises(DebianUnavailable, match=reason):
        source_debian.download("python3.11", "3.11.2", tmp_path, etc=etc)


def test_all_revisions_gone(etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_apt(tmp_path, monkeypatch, listing="Version: 3.11.2-6\\n", gone="3.11.2-6")
    with pytest.raises(DebianUnavailable, match="no revision"):
        source_debian.download("python3.11", "3.11.2", tmp_path, etc=etc)


def test_a_machine_without_debian_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_apt(tmp_path, monkeypatch, listing="")
    with pytest.raises(DebianUnavailable, match="no entry of Debian's main archive"):
        source_debian.download("python3.11", "3.11.2", tmp_path, etc=tmp_path / "nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DebianUnavailable, match="apt-get is not on this machine"):
        source_debian.download("python3.11", "3.11.2", tmp_path, etc=tmp_path / "nothing")
