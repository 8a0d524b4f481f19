"""Builds of the real CPython: what is installed, and that the same input gives the same binaries anywhere, any way.

The second build is made in another place, without ccache, and is interrupted in the middle: when it is resumed, its
binaries must still be those of the session's undisturbed build.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import build_log, engine, paths, proc, provenance, runner
from harness.build import Built
from harness.errors import Exit
from harness.runner_docker import LABEL_CLONE, LABEL_OWNER, clone_label

pytestmark = pytest.mark.build

ASK = """
import bz2, ctypes, curses, dbm.gnu, hashlib, json, lzma, readline, sqlite3, ssl, sys, sysconfig, uuid, zlib
print(json.dumps({
    "version": sys.version, "git": sys._git, "prefix": [sys.prefix, sys.exec_prefix, sys.base_prefix],
    "stdlib": sysconfig.get_path("stdlib"), "soabi": sysconfig.get_config_var("SOABI"), "path": sys.path,
    "cc": sysconfig.get_config_var("CC"), "cflags": sysconfig.get_config_var("CFLAGS"),
}))
"""


@dataclass(frozen=True)
class Answers:
    """What an installed interpreter says of itself."""

    version: str
    git: list[str]
    prefix: list[str]
    stdlib: str
    soabi: str
    path: list[str]
    cc: str
    cflags: str


def ask(built: Built) -> Answers:
    with runner.for_build(built.prefix) as opened:
        said = proc.run(opened.argv([built.python, "-I", "-c", ASK]), echo=False).stdout
    return Answers(**json.loads(said))


def test_upstream(built_upstream_fast: Built) -> None:
    answers = ask(built_upstream_fast)
    assert re.fullmatch(r"3\.11\.2 \(v3\.11\.2:878ead1ac1, Feb  7 2023, 00:00:00\) \[GCC [\d.]+\]", answers.version)
    assert answers.git == ["CPython", "v3.11.2", "878ead1ac1"]
    assert set(answers.prefix) == {str(built_upstream_fast.prefix)}
    assert answers.stdlib == str(built_upstream_fast.prefix / "lib/python3.11")
    assert answers.cc == "gcc"
    assert "prefix-map" not in answers.cflags  # extension modules of users are compiled as ever


def test_fork(built_fork_fast: Built) -> None:
    answers = ask(built_fork_fast)
    series = built_fork_fast.provenance["series_hash"]
    assert answers.git == ["CPython", "redwoodtj", series[:8]]
    assert answers.version.startswith(f"3.11.2 (redwoodtj:{series[:8]}, Feb  7 2023, 00:00:00) [GCC")
    parsed = platform._sys_version(answers.version)  # type: ignore[attr-defined]
    assert parsed[:2] == ("CPython", "3.11.2")
    assert parsed[4] == f"redwoodtj:{series[:8]}"
    assert built_fork_fast.provenance["patches"]


def test_both_are_configured_alike(built_upstream_fast: Built, built_fork_fast: Built) -> None:
    upstream, fork = built_upstream_fast.provenance, built_fork_fast.provenance
    for name in ("configure", "cflags", "ldflags", "compiler", "environment", "source_sha256"):
        assert upstream[name] == fork[name]
    assert provenance.environment_hash(upstream) == provenance.environment_hash(fork)
    assert ask(built_upstream_fast).soabi == ask(built_fork_fast).soabi == "cpython-311-x86_64-linux-gnu"


VARIABLE = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)


def test_configure_answered_alike(built_upstream_fast: Built, built_fork_fast: Built) -> None:
    """Every makefile variable that the series leaves alone is the same: else one variant is compiled differently."""
    upstream, fork = makefile(built_upstream_fast), makefile(built_fork_fast)
    assert "-DHAVE_UINT128_T=1" in upstream["LIBMPDEC_CFLAGS"]  # what a first configure gives
    before, after = template("upstream"), template("fork")
    same = [name for name in before if after.get(name) == before[name] and name not in ("MODBUILT_NAMES", "MODOBJS")]
    assert len(same) > 100
    assert {name: upstream[name] for name in same} == {name: fork[name] for name in same}
    # Those two list the built-in modules, to which the series adds by Modules/Setup.
    added = built_in("fork") - built_in("upstream")
    assert set(fork["MODBUILT_NAMES"].split()) == set(upstream["MODBUILT_NAMES"].split()) | added
    assert len(fork["MODOBJS"].split()) == len(upstream["MODOBJS"].split()) + len(added)


def makefile(built: Built) -> dict[str, str]:
    """The variables of the installed makefile, its place left out."""
    (path,) = built.prefix.glob("lib/python3.11/config-3.11-*/Makefile")
    text = path.read_text(encoding="utf-8").replace(f"/obj/{built.provenance['variant']}/", "/obj/VARIANT/")
    return dict(VARIABLE.findall(text))


def built_in(variant: str) -> set[str]:
    """The modules of Modules/Setup.bootstrap, which are linked into the interpreter."""
    text = (paths.source_tree(variant) / "Modules" / "Setup.bootstrap.in").read_text(encoding="utf-8")
    return set(re.findall(r"^(\w+) \S+\.c", text, re.MULTILINE))


def template(variant: str) -> dict[str, str]:
    """The variables of the makefile before configure fills it in."""
    return dict(VARIABLE.findall((paths.source_tree(variant) / "Makefile.pre.in").read_text(encoding="utf-8")))


def test_provenance_is_of_what_is_installed(built_upstream_fast: Built) -> None:
    told = provenance.read(built_upstream_fast.prefix)
    assert told is not None
    assert told == built_upstream_fast.provenance
    assert told["binary_sha256"] == provenance.binaries(built_upstream_fast.prefix)
    assert len(told["binary_sha256"]) > 60
    assert told["series_hash"] is None
    assert told["patches"] == []


def test_no_binary_names_the_place_of_its_build(built_fork_fast: Built) -> None:
    here = str(paths.build_dir()).encode()
    for name in built_fork_fast.provenance["binary_sha256"]:
        assert here not in (built_fork_fast.prefix / name).read_bytes(), name


def test_nothing_to_do_takes_no_time(built_upstream_fast: Built) -> None:
    started = time.monotonic()
    again = subprocess.run(command(built_upstream_fast), cwd=paths.ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert str(built_upstream_fast.python) in again.stdout
    assert "building" not in again.stderr
    assert time.monotonic() - started < 15


def command(built: Built, *further: str) -> list[str]:
    where = f"--{built.provenance['environment']['kind']}"
    return [sys.executable, "-m", "harness", "build", "upstream", "fast", where, *further]


def elsewhere(folder: Path) -> dict[str, str]:
    return {**os.environ, "REDWOODTJ_BUILD": str(folder)}


@pytest.fixture(scope="module")
def second(built_upstream_fast: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build directory elsewhere in which a build without ccache was interrupted when it had compiled 30 files."""
    folder = tmp_path_factory.mktemp("another-clone") / "build"
    argv = command(built_upstream_fast, "--no-ccache")
    running = subprocess.Popen(argv, cwd=paths.ROOT, env=elsewhere(folder), stderr=subprocess.PIPE, text=True)
    log = folder / "logs/build-upstream-fast.log"
    deadline = time.monotonic() + 300
    while not log.exists() or build_log.compilations(log.read_text(encoding="utf-8")) < 30:
        assert running.poll() is None, running.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == Exit.INTERRUPTED
    assert running.stderr is not None
    assert "the same command resumes" in running.stderr.read()
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_same_input_gives_the_same_binaries(built_upstream_fast: Built, second: Path) -> None:
    assert not (second / "upstream").exists()
    if built_upstream_fast.provenance["environment"]["kind"] == "docker":
        assert not containers_of_ended_processes_that_run()
    done = subprocess.run(
        command(built_upstream_fast, "--no-ccache"),
        cwd=paths.ROOT,
        env=elsewhere(second),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert compiled(done.stderr) < 262  # resumed, not begun again
    other = provenance.read(second / "upstream/fast")
    assert other is not None
    assert other["input_hash"] == built_upstream_fast.provenance["input_hash"]
    assert other["binary_sha256"] == built_upstream_fast.provenance["binary_sha256"]


def compiled(stderr: str) -> int:
    found = re.search(r"(\d+) compilations", stderr)
    assert found is not None
    return int(found[1])


def containers_of_ended_processes_that_run() -> list[str]:
    """Containers of this clone whose owner ended but in which more than init and sleep runs."""
    from harness.runner_docker import owner_lives

    client = engine.client()
    try:
        found = client.containers.list(filters={"label": f"{LABEL_CLONE}={clone_label()}"})
        left = [one for one in found if not owner_lives(one.labels[LABEL_OWNER])]
        return [str(one.id) for one in left if len(one.top()["Processes"]) > 2]
    finally:
        client.close()
