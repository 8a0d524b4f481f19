"""Where the official pyperformance suite lives: its wheels, fetched once, and a home a build, made without network.

A home is a virtual environment of the interpreter under test with pyperformance in it; pyperformance itself makes
the environments of its benchmarks beside it and installs their requirements, all from the directory of wheels.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyperformance
from pyperformance import _manifest

from harness import atomic, paths, proc
from harness.console import say
from harness.errors import CommandFailedError, EnvironmentFailure, HarnessError
from harness.runner import run_in
from perf.bench_sides import Side

# What pyperformance installs besides a benchmark's own requirements, and what building a source package needs.
TOOLS = ("pip", "setuptools", "wheel", "psutil", "packaging")
FETCH_SECONDS = 900.0
INSTALL_SECONDS = 900.0
SHOWN = 1500  # characters of a failed command's output that go into the reason


@dataclass(frozen=True, slots=True)
class Official:
    """One benchmark of the package's manifest: its name, its requirements file (or None), the Pythons it runs on."""

    name: str
    requirements: Path | None
    python: str

    def refusal(self, version: str) -> str | None:
        """Why it does not run on Python `version`, or None."""
        from packaging.specifiers import SpecifierSet

        return None if SpecifierSet(self.python).contains(version) else f"it needs Python {self.python}"


def manifest() -> list[Official]:
    """All benchmarks of the installed pyperformance, by name."""
    listed: list[Any] = _manifest.load_manifest(None).benchmarks
    return [_official(one) for one in sorted(listed, key=lambda one: str(one.name))]


def _official(one: Any) -> Official:  # noqa: ANN401 (pyperformance has no types)
    lockfile = Path(one.requirements_lockfile) if one.requirements_lockfile else None
    return Official(str(one.name), lockfile if lockfile is not None and lockfile.is_file() else None, str(one.python))


def _version() -> str:
    return str(pyperformance.__version__)


def wheels() -> Path:
    """The directory of fetched wheels (and source packages where there is no wheel)."""
    return paths.cache_dir() / f"pyperformance-{_version()}" / "wheels"


def _pip_download(arguments: list[str], mark: Path) -> str | None:
    if mark.exists():
        return None
    say(f"fetching packages for pyperformance: {' '.join(arguments)}")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--dest", str(wheels()), *arguments]
    done = proc.run(command, check=False, echo=False, timeout=FETCH_SECONDS)
    if done.failed:
        return done.stdout.strip()[-SHOWN:] or f"pip exited with {done.returncode}"
    atomic.write_text(mark, " ".join(arguments) + "\n")
    return None


def fetch_tools() -> None:
    """Fetch pyperformance itself and what it installs everywhere; EnvironmentFailure if that cannot be had."""
    wheels().mkdir(parents=True, exist_ok=True)
    pyperf = importlib.metadata.version("pyperf")
    wanted = [f"pyperformance=={_version()}", f"pyperf=={pyperf}", *TOOLS]
    mark = wheels() / f"tools-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:16]}.done"
    problem = _pip_download(wanted, mark)
    if problem is not None:
        raise EnvironmentFailure(
            f"pyperformance's own packages cannot be fetched: {problem}",
            remedy="Run it once where a package index is reachable; after that it needs no network.",
        )


def fetch(one: Official) -> str | None:
    """Fetch the requirements of a benchmark, once; the reason if that cannot be done."""
    if one.requirements is None:
        return None
    digest = hashlib.sha256(one.requirements.read_bytes()).hexdigest()[:16]
    return _pip_download(["--requirement", str(one.requirements)], wheels() / f"{digest}.done")


@dataclass(frozen=True, slots=True)
class Home:
    """The environment of one side in which pyperformance runs."""

    side: Side
    directory: Path

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.directory / "home" / "bin" / "python"

    def environment(self) -> dict[str, str]:
        """Variables that keep pip off the network, and off the settings of this machine."""
        return {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels()),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_NO_CACHE_DIR": "1",
        }

    def run(
        self,
        command: list[str],
        *,
        log: Path,
        timeout: float,
        error: Callable[[str], HarnessError] | None = None,
    ) -> proc.Done:
        """Run `command` in the home; see harness.runner.run_in."""
        return run_in(
            self.side.runner,
            command,
            env=self.environment(),
            cwd=self.directory,
            log=log,
            timeout=timeout,
            error=error,
        )


def home(side: Side) -> Home:
    """The home of `side`, made if it is not there; CommandFailedError with the log if it cannot be made.

    It is named by the hash of the interpreter's binary and of the wheels' names, so a new build gets a new one.
    """
    digest = hashlib.sha256(f"{side.python} {side.identity()} {_version()}".encode()).hexdigest()[:16]
    made = Home(side, paths.build_dir() / "pyperformance" / digest)
    ready = made.directory / "ready"
    if ready.exists():
        return made
    shutil.rmtree(made.directory, ignore_errors=True)
    made.directory.mkdir(parents=True)
    log = paths.logs_dir() / f"pyperformance-home-{side.name}.log"
    say(f"making pyperformance's environment for {side.name}; log {log}")
    pyperf = importlib.metadata.version("pyperf")
    installing = [str(made.python), "-m", "pip", "install", f"pyperformance=={_version()}", f"pyperf=={pyperf}"]
    for command in ([str(side.python), "-m", "venv", str(made.directory / "home")], installing):
        made.run(command, log=log, timeout=INSTALL_SECONDS, error=CommandFailedError)
    atomic.write_text(ready, f"{side.python}\n")
    return made
