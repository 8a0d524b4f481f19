"""The wheels of the `wheels` session: read wheels.toml, fetch them once by pip, unpack them into one directory.

The manifest pins the version and hash of every wheel, of those that are exercised and of those that they need. The
wheels lie in the cache outside the clone; pip checks the hashes when it fetches and again when it unpacks.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from harness import atomic, paths, proc
from harness.console import say
from harness.errors import EnvironmentFailure, WheelManifestError

DATA = Path(__file__).with_name("wheels.toml")
EXERCISES = paths.ROOT / "tests" / "wheels"
FETCH_SECONDS = 3600.0
MACHINE = "x86_64"  # whose wheels are pinned
_FOR_311 = (
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--only-binary=:all:",
    "--no-deps",
    "--require-hashes",
)
_PLATFORMS = ("manylinux1", "manylinux2010", "manylinux2014", *(f"manylinux_2_{minor}" for minor in range(17, 37)))


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel: project, version, sha256 (hex); one that only others need is not exercised."""

    name: str
    version: str
    sha256: str
    exercised: bool

    @property
    def exercise(self) -> Path:
        """The file whose code exercises it."""
        return EXERCISES / f"{self.name.replace('-', '_')}.py"


@dataclass(frozen=True, slots=True)
class Known:
    """A wheel that does not pass in some modes, and why; if it `hangs` there, nobody waits long for it."""

    wheel: str
    modes: tuple[str, ...]
    reason: str
    hangs: bool = False


@dataclass(frozen=True, slots=True)
class OwnKnown:
    """Own tests of a package (patterns of their names) that do not end as on upstream on these sides, and why."""

    package: str
    sides: tuple[str, ...]
    tests: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All wheels, and what is known not to work."""

    wheels: tuple[Wheel, ...]
    known: tuple[Known, ...]
    own_known: tuple[OwnKnown, ...] = ()

    @property
    def exercised(self) -> tuple[Wheel, ...]:
        """Those that are exercised."""
        return tuple(wheel for wheel in self.wheels if wheel.exercised)

    def only(self, *names: str) -> Manifest:
        """The same of these wheels alone."""
        return replace(self, wheels=tuple(wheel for wheel in self.wheels if wheel.name in names))

    def requirements(self) -> str:
        """The lines of a requirements file that pins all of them."""
        return "".join(f"{one.name}=={one.version} --hash=sha256:{one.sha256}\n" for one in self.wheels)

    def digest(self) -> str:
        """Hash (hex) of what is pinned."""
        return hashlib.sha256(self.requirements().encode()).hexdigest()[:16]

    def reason(self, wheel: str, mode: str) -> str:
        """Why the wheel is known not to pass in this mode; "" if it is not."""
        return next((one.reason for one in self.known if one.wheel == wheel and mode in one.modes), "")

    def own_reason(self, package: str, side: str, test: str) -> str:
        """Why this test of the package's own is known to end otherwise on this side; "" if it is not."""
        for one in self.own_known:
            if one.package == package and side in one.sides and any(fnmatchcase(test, name) for name in one.tests):
                return one.reason
        return ""


def read(path: Path = DATA) -> Manifest:
    """The manifest in `path`; WheelManifestError names what is wrong with it."""
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
        wheels = [_wheel(words, exercised=True) for words in data["exercised"]]
        for others in ("needed", "testing"):
            wheels += [_wheel(words, exercised=False) for words in data.get(others, ())]
        known = [
            Known(str(one["wheel"]), tuple(map(str, one["modes"])), str(one["reason"]), bool(one.get("hangs", False)))
            for one in data.get("known", ())
        ]
        own = [
            OwnKnown(str(one["package"]), tuple(one["sides"]), tuple(map(str, one["tests"])), str(one["reason"]))
            for one in data.get("own_known", ())
        ]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as problem:
        raise WheelManifestError(f"{path}: {type(problem).__name__}: {problem}") from None
    names = [wheel.name for wheel in wheels]
    twice = sorted({name for name in names if names.count(name) > 1})
    lost = sorted({one.wheel for one in known} - set(names))
    if twice or lost:
        raise WheelManifestError(f"{path}: listed twice: {', '.join(twice)}; known but not listed: {', '.join(lost)}")
    return Manifest(tuple(wheels), tuple(known), tuple(own))


def _wheel(words: Sequence[str], *, exercised: bool) -> Wheel:
    name, version, sha256 = words
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise ValueError(f"{name}: {sha256!r} is no sha256")
    return Wheel(name, version, sha256, exercised)


def _pip(arguments: Sequence[str | Path]) -> str:
    """Run pip; what it said if it failed."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = proc.run(command, check=False, echo=False, timeout=FETCH_SECONDS)
    return done.stdout.strip()[-2000:] or f"pip exited with {done.returncode}" if done.returncode else ""


def _requirements(manifest: Manifest) -> list[str]:
    path = paths.build_dir() / "wheels" / f"{manifest.digest()}.txt"
    atomic.write_text(path, manifest.requirements())
    tags = [word for name in _PLATFORMS for word in ("--platform", f"{name}_{MACHINE}")]
    return [*_FOR_311, *tags, "--requirement", str(path)]


def fetch(manifest: Manifest) -> Path:
    """Fetch the wheels into the cache, once; the directory. EnvironmentFailure if they cannot be had."""
    if platform.machine() != MACHINE:
        raise EnvironmentFailure(
            f"the manifest pins wheels for {MACHINE}, this machine is {platform.machine()}",
            remedy="Pin the wheels of this machine in harness/wheels.toml.",
        )
    folder = paths.cache_dir() / "wheels-cp311"
    mark = folder / f"{manifest.digest()}.done"
    if not mark.exists():
        say(f"fetching {len(manifest.wheels)} wheels")
        folder.mkdir(parents=True, exist_ok=True)
        arguments: list[str | Path] = [
            "download",
            "--quiet",
            "--find-links",
            folder,
            "--dest",
            folder,
            *_requirements(manifest),
        ]
        problem = _pip(arguments)
        if problem:
            raise EnvironmentFailure(
                f"the wheels cannot be fetched: {problem}",
                remedy="Run it once where a package index is reachable; after that it needs no network.",
            )
        atomic.write_text(mark, manifest.requirements())
    return folder


def unpack(manifest: Manifest, folder: Path) -> Path:
    """Unpack the fetched wheels into a directory of build/, once; that directory."""
    site = paths.build_dir() / "wheels" / manifest.digest()
    if site.exists():
        return site
    new = site.with_name(f".{site.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    arguments: list[str | Path] = [
        "install",
        "--quiet",
        "--no-index",
        "--no-compile",
        "--find-links",
        folder,
        "--target",
        new,
    ]
    problem = _pip([*arguments, *_requirements(manifest)])
    if problem:
        raise EnvironmentFailure(
            f"the wheels in {folder} cannot be unpacked: {problem}",
            remedy=f"Delete {folder} and run the same command again: it fetches them anew.",
        )
    new.rename(site)
    return site
