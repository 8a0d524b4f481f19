"""Layouts: the interpreter of a finished build, linked again and again with its object files in other orders.

Where functions happen to lie moves a benchmark by several percent, and any change of the source moves them. One
executable a side therefore compares two accidents; many layouts a side average over them. Layout number n puts the
objects of every build into the same order, drawn from n.
"""

from __future__ import annotations

import random
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness import atomic, build_log, paths
from harness.build import Built, object_directory
from harness.build_objects import ObjectDirectory
from harness.build_profiles import REPRODUCIBLE
from harness.console import say
from harness.errors import BuildFailedError, ResultDamagedError, ResultMissingError
from harness.runner import Runner, run_in
from harness.variants import Profile, Variant

REVISION = 1  # of how layouts are made; raised when they must be made again
PROBE = "python-layout"  # a target name that make knows for the moment
STAMP = "layouts.json"
LINK_SECONDS = 600.0


def folder(prefix: Path) -> Path:
    """Where the layouts of the build in `prefix` are: beside it, <prefix>-layouts/<number>/bin/python3."""
    return prefix.with_name(f"{prefix.name}-layouts")


def ready(built: Built, numbers: Sequence[int]) -> bool:
    """Whether the layouts `numbers` of this very build are there."""
    try:
        stamp = atomic.read_json(folder(built.prefix) / STAMP)
    except (ResultMissingError, ResultDamagedError):
        return False
    same: bool = all(stamp.get(name) == value for name, value in _stamp(built).items())
    return same and set(numbers) <= set(stamp.get("numbers", ()))


def make(built: Built, numbers: Sequence[int], runner: Runner, objects_of: Built) -> None:
    """Link the layouts `numbers` of `built` from the objects of a build equal to it (itself, or what it copies).

    Raises BuildFailedError if the objects are gone or the linker fails.
    """
    directory = ObjectDirectory(object_directory(*_what(objects_of), objects_of.prefix))
    if directory.state().get("input") != built.provenance["input_hash"]:
        raise BuildFailedError(f"the objects of {objects_of.prefix} are gone: build it again before it is linked")
    where = folder(built.prefix)
    shutil.rmtree(where, ignore_errors=True)
    objects = directory.path
    command = link_command(objects, runner)
    say(f"linking {len(numbers)} layouts of {built.prefix.name} into {where}")
    for number in numbers:
        _link(objects, command, number, _python(where, number), runner)
        (where / f"{number:02d}" / "lib").symlink_to(built.prefix / "lib")
    atomic.write_json(where / STAMP, {**_stamp(built), "numbers": list(numbers)})


def layouts(built: Built, numbers: Sequence[int]) -> list[Built]:
    """The layouts `numbers`, as builds."""
    where = folder(built.prefix)
    return [Built(where / f"{n:02d}", _python(where, n), built.provenance) for n in numbers]


def _python(where: Path, number: int) -> Path:
    return where / f"{number:02d}" / "bin" / "python3"


def _stamp(built: Built) -> dict[str, object]:
    return {"revision": REVISION, "input_hash": built.provenance["input_hash"]}


def _what(built: Built) -> tuple[Variant, Profile]:
    return Variant(built.provenance["variant"]), Profile(built.provenance["profile"])


def link_command(objects: Path, runner: Runner) -> list[str]:
    """The words of the makefile's own command that links the interpreter, with PROBE as its output."""
    asked = ["make", "--dry-run", f"BUILDPYTHON={PROBE}", PROBE]
    done = run_in(runner, asked, env=REPRODUCIBLE, cwd=objects, timeout=LINK_SECONDS)
    found = [shlex.split(line) for line in done.stdout.splitlines() if f"-o {PROBE} " in line]
    if done.returncode != 0 or len(found) != 1:
        log = paths.logs_dir() / "layouts.log"
        atomic.write_text(log, done.stdout)
        raise build_log.failure("make --dry-run", log)
    return found[0]


def ordered(command: Sequence[str], number: int, output: str) -> list[str]:
    """`command` with its objects in the order of layout `number`, writing to `output`."""
    objects = sorted(word for word in command if word.endswith(".o"))
    random.Random(f"layout {number}").shuffle(objects)
    following = iter(objects)
    words = [next(following) if word.endswith(".o") else word for word in command]
    return [output if word == PROBE else word for word in words]


def _link(objects: Path, command: Sequence[str], number: int, target: Path, runner: Runner) -> None:
    log = paths.logs_dir() / "layouts.log"
    target.parent.mkdir(parents=True, exist_ok=True)
    words = ordered(command, number, str(target))
    done = run_in(runner, words, env=REPRODUCIBLE, cwd=objects, log=log, timeout=LINK_SECONDS)
    if done.returncode != 0:
        raise build_log.failure(f"linking layout {number}", log)
