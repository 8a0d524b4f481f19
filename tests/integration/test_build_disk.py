"""A disk that is really full while building: a file system of four megabytes under a miniature source."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import build, cli, source
from harness.errors import DiskFullError, Exit
from harness.runner import NativeRunner
from harness.source import Tree
from harness.variants import Profile, Variant

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")

CONFIGURE = "#!/bin/sh\ncp src/Makefile.pre.in Makefile\n"
# Writes 8 MB where only 4 fit, unless told not to.
MAKEFILE = """\
SIZE = 8192
all:
\tdd if=/dev/zero of=object.o bs=1024 count=$(SIZE)
\tprintf '#!/bin/sh\\n' > python
\tchmod +x python
install:
\tmkdir -p $(DESTDIR)/usr/local/bin
\techo '#!/bin/sh' > $(DESTDIR)/usr/local/bin/python3.11
\tchmod +x $(DESTDIR)/usr/local/bin/python3.11
\tcp $(DESTDIR)/usr/local/bin/python3.11 $(DESTDIR)/usr/local/bin/python3
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A build directory of 4 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.decode()}")
    monkeypatch.setenv("REDWOODTJ_BUILD", str(place))
    monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REDWOODTJ_LOCK_HELD", raising=False)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def tree(tmp_path: Path, **files: str) -> Tree:
    root = tmp_path / "tree"
    texts = {
        "configure": CONFIGURE,
        "Makefile.pre.in": MAKEFILE,
        "pyconfig.h.in": "",
        "Modules/Setup.stdlib.in": "",
        **{name.replace("__", "."): text for name, text in files.items()},
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "configure").chmod(0o755)
    return Tree(root, "5" * 64, None, ())


def test_full_while_compiling_then_resumed(small: Path, tmp_path: Path) -> None:
    with NativeRunner() as runner:
        with pytest.raises(DiskFullError, match="the disk is full: make") as caught:
            build.build(Variant.UPSTREAM, Profile.FAST, runner=runner, tree=tree(tmp_path))
        assert caught.value.exit_code == Exit.ENVIRONMENT
        assert not (small / "upstream").exists()
        fits = tree(tmp_path, Makefile__pre__in=MAKEFILE.replace("8192", "16"))
        built = build.build(Variant.UPSTREAM, Profile.FAST, runner=runner, tree=fits)
    assert built.python.exists()


def test_full_before_anything_is_compiled(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    large = tree(tmp_path, big__c="/* " + "x" * 6_000_000 + " */\n")
    monkeypatch.setattr(source, "ensure_tree", lambda _variant, until=None: large)
    code = cli.run({"build": "harness.build"}, "harness", ["build", "upstream", "--native"])
    assert code == Exit.ENVIRONMENT
    assert "the disk is full" in capsys.readouterr().err
