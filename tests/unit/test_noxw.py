"""noxw: exit codes come through, missing packages are named or installed, the environment follows its pins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import paths


class Bootstrap:
    """A directory with the real noxw around fake tools, so that nothing of this machine is changed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.tools = home / "tools"
        self.tools.mkdir()
        shutil.copy(paths.ROOT / "noxw", home / "noxw")
        (home / "packages.txt").write_text("# comment\ncore git\ncore ccache\ntests chromium\nengine docker.io\n")
        (home / "requirements.txt").write_text("nox==1\n")
        self.tool("dpkg-query", 'case "$3" in git) echo installed;; *) exit 1;; esac')
        self.tool("apt-get", f'echo "apt-get $*" >> {home}/apt.log')
        self.tool("id", "echo 0")
        self.python("exit 0")

    def tool(self, name: str, body: str) -> None:
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def python(self, body: str) -> None:
        """A ready .venv whose python does `body`."""
        folder = self.home / ".venv" / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "python").write_text(f"#!/bin/sh\n{body}\n")
        (folder / "python").chmod(0o755)
        pins = (self.home / "requirements.txt").read_bytes()
        (self.home / ".venv" / ".requirements").write_text(hashlib.sha256(pins).hexdigest())

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{self.tools}:{os.environ['PATH']}"}
        return subprocess.run(
            ["./noxw", *arguments], cwd=self.home, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def bootstrap(tmp_path: Path) -> Bootstrap:
    return Bootstrap(tmp_path)


@pytest.mark.parametrize("code", [1, 3, 4, 5, 130])
def test_the_sessions_own_exit_code_comes_through(bootstrap: Bootstrap, code: int) -> None:
    bootstrap.python(f'echo {code} > "$REDWOODTJ_EXIT_FILE"; exit 1')
    assert bootstrap.run("-s", "gate").returncode == code


def test_without_an_exit_file_noxs_own_code_stands(bootstrap: Bootstrap) -> None:
    bootstrap.python("exit 1")
    assert bootstrap.run("-s", "lint").returncode == 1
    bootstrap.python('echo 3 > "$REDWOODTJ_EXIT_FILE"; exit 0')
    assert bootstrap.run("-s", "lint").returncode == 0


def test_arguments_reach_nox_unchanged(bootstrap: Bootstrap) -> None:
    bootstrap.python('printf "%s|" "$@"')
    shown = bootstrap.run("-s", "build", "--", "fork", "--until", "a b")
    assert shown.stdout == "-m|nox|-s|build|--|fork|--until|a b|"


def test_root_installs_only_what_is_missing(bootstrap: Bootstrap) -> None:
    bootstrap.run("-s", "run")
    log = (bootstrap.home / "apt.log").read_text()
    assert "install --no-install-recommends ccache" in log
    assert "chromium" not in log


def test_the_tests_session_also_gets_its_packages(bootstrap: Bootstrap) -> None:
    bootstrap.run("-s", "tests", "--", "engine")
    log = (bootstrap.home / "apt.log").read_text()
    assert "ccache chromium" in log
    assert "docker.io" not in log


def test_without_rights_it_names_what_is_missing_and_goes_on(bootstrap: Bootstrap) -> None:
    bootstrap.tool("id", "echo 1000")
    bootstrap.tool("sudo", "exit 1")
    shown = bootstrap.run("-s", "run")
    assert shown.returncode == 0
    assert "missing system packages: ccache" in shown.stderr
    assert not (bootstrap.home / "apt.log").exists()


def test_failing_installation_is_an_environment_error(bootstrap: Bootstrap) -> None:
    bootstrap.tool("apt-get", "echo E: Unable to locate package; exit 100")
    shown = bootstrap.run("-s", "run")
    assert shown.returncode == 2
    assert "Unable to locate package" in shown.stderr


def test_changed_pins_make_the_environment_again(bootstrap: Bootstrap) -> None:
    (bootstrap.home / "requirements.txt").write_text("nox==2\n")
    bootstrap.tool("python3.11", "exit 1")
    bootstrap.tool("python3", "exit 1")
    bootstrap.tool("python3.12", "exit 1")
    bootstrap.tool("python3.13", "exit 1")
    shown = bootstrap.run("-s", "run")
    assert shown.returncode == 2
    assert "no Python 3.11 or newer found" in shown.stderr
