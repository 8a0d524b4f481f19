"""The real release through the real apt, into an empty cache, leaving the machine as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness import source, source_cache
from harness.errors import SourceUnavailableError
from harness.source_submodule import Submodule, SubmoduleUnavailable
from harness.variants import Variant

APT_STATE = (Path("/var/lib/apt/lists"), Path("/var/cache/apt"), Path("/etc/apt"))


def apt_state() -> dict[str, tuple[int, int]]:
    found = {}
    for top in APT_STATE:
        for path in [top, *top.rglob("*")] if top.exists() else []:
            status = path.lstat()
            found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found


def test_debians_source_package_gives_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))

    def unreachable(module: Submodule) -> None:
        raise SubmoduleUnavailable(f"{module.url}: not tried by this test")

    monkeypatch.setattr("harness.source_submodule.update", unreachable)
    monkeypatch.setattr("harness.paths.SUBMODULE", tmp_path / "cpython")
    before = apt_state()
    try:
        found = source.pristine()
    except SourceUnavailableError as problem:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Debian archive can be reached from here: {problem}")
    assert apt_state() == before
    assert source_cache.sha256_of(found.tarball) == source.SHA256
    assert [path.name for path in source_cache.directory().iterdir()] == [f"{source.SHA256}.tar.gz"]
    tree = source.ensure_tree(Variant.UPSTREAM)
    assert (tree.path / "README.rst").read_text(encoding="utf-8").startswith("This is Python version 3.11.2")
    assert '#define PY_VERSION              "3.11.2"' in (tree.path / "Include/patchlevel.h").read_text(
        encoding="utf-8"
    )
