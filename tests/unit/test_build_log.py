"""The log of a build: compilations counted while it grows, first causes found, each kind of failure told apart."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness import build_log
from harness.errors import BuildFailedError, CompilerMissingError, DiskFullError, Exit

MAKE = """\
gcc -c -Wall -DNDEBUG -I./src/Include -o Objects/listobject.o src/Objects/listobject.c
src/Objects/listobject.c: In function 'list_append':
src/Objects/listobject.c:12:5: error: expected ';' before 'return'
make: *** [Makefile:1855: Objects/listobject.o] Error 1
"""


def log_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "build.log"
    path.write_text(text, encoding="utf-8")
    return path


def test_compilations() -> None:
    text = "gcc -pthread -c -o a.o a.c\nx86_64-linux-gnu-gcc -c -o b.o b.c\n"
    text += "gcc -shared a.o -o a.so\n/usr/bin/install -c x y\n"
    assert build_log.compilations(text) == 2


def test_failure_names_the_first_causes(tmp_path: Path) -> None:
    log = log_of(tmp_path, MAKE)
    error = build_log.failure("make", log)
    assert isinstance(error, BuildFailedError)
    assert error.exit_code == Exit.BUILD
    assert error.log == log
    assert "listobject.c:12:5: error: expected ';'" in str(error)
    assert "In function" not in str(error)


def test_failure_without_a_known_cause_shows_the_end(tmp_path: Path) -> None:
    error = build_log.failure("install", log_of(tmp_path, "one\ntwo\nlast words\n"))
    assert "last words" in str(error)


@pytest.mark.parametrize(
    "words",
    [
        "/usr/bin/ld: final link failed: No space left on device",
        "as: Objects/x.o: Disk quota exceeded",
        "OSError: [Errno 28] No space left on device: 'build/temp'",
    ],
)
def test_full_disk(tmp_path: Path, words: str) -> None:
    error = build_log.failure("make", log_of(tmp_path, f"{MAKE}{words}\n"))
    assert isinstance(error, DiskFullError)
    assert error.exit_code == Exit.ENVIRONMENT
    assert "1 GiB" in error.remedy


def test_no_compiler(tmp_path: Path) -> None:
    said = "configure: error: in `/x':\nconfigure: error: no acceptable C compiler found in $PATH\n"
    error = build_log.failure("configure", log_of(tmp_path, said))
    assert isinstance(error, CompilerMissingError)
    assert "build-essential" in error.remedy


def test_module_that_make_does_not_fail_for(tmp_path: Path) -> None:
    said = "Failed to build these modules:\n_ctypes            _ssl\n\nrunning build_scripts\n"
    assert build_log.failed_modules(said) == "Failed to build these modules:\n_ctypes            _ssl"
    assert (
        build_log.failed_modules("The necessary bits to build these optional modules were not found:\n_tkinter\n")
        is None
    )
    assert "_ctypes" in str(build_log.failure("make", log_of(tmp_path, said)))


def test_watch_counts_while_the_log_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_log, "TICK", 0.01)
    log = tmp_path / "build.log"
    with build_log.Watch("building", log, 3) as watch, log.open("a", encoding="utf-8") as stream:
        stream.write("gcc -c -o a.o a.c\n" * 2 + "gcc -c -o half")
        stream.flush()
        deadline = time.monotonic() + 10
        while watch.count < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert watch.count == 2
        stream.write(".o half.c\n")
    assert watch.count == 3


def test_watch_of_a_log_that_never_comes(tmp_path: Path) -> None:
    with build_log.Watch("building", tmp_path / "none.log", None) as watch:
        pass
    assert watch.count == 0
