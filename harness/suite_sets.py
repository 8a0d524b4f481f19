"""Which test files run, how long each may take, in what order: suite_sets.toml and the lists of the builds.

The longest files start first, by the durations that earlier runs on this machine left in the cache, or else by the
rough ones in the data file.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness import atomic, paths, proc
from harness.errors import HarnessError, InterpreterStartError, UnknownTestSetError
from harness.runner import RunsCommands, run_in
from harness.suite_diff import Accepted
from harness.suite_model import FileResult, Options, Subject
from harness.suite_run import isolated

DATA = Path(__file__).with_name("suite_sets.toml")
FULL = "full"
LIST_SECONDS = 60.0
UNKNOWN_SECONDS = 2.0  # assumed of a file that was never timed


@cache
def _data() -> dict[str, Any]:
    with DATA.open("rb") as stream:
        return tomllib.load(stream)


def timeouts() -> dict[str, float]:
    """Seconds a file may take, for the files that need more than the common timeout."""
    return dict(_data()["timeouts"])


def accepted() -> list[Accepted]:
    """Tests that the fork may lack or skip, each with its reason."""
    return [Accepted(entry["test"], entry["reason"]) for entry in _data().get("accepted", ())]


@dataclass(frozen=True, slots=True)
class Selection:
    """The test files of a run, and its name: quick, full, or what was given instead."""

    name: str
    files: tuple[str, ...]


def listed(runner: RunsCommands, subject: Subject, testdir: Path | None = None) -> list[str]:
    """All test files that the interpreter's regrtest lists; InterpreterStartError if it cannot even do that."""
    words: list[str | Path] = [subject.python, "-m", "test", "--list-tests"]
    if testdir is not None:
        words += ["--testdir", testdir]
    done = run_in(runner, isolated(words, LIST_SECONDS), timeout=2 * LIST_SECONDS)
    if done.returncode != 0:
        shown = "\n".join(done.stdout.splitlines()[-proc.TAIL :])
        raise InterpreterStartError(
            f"{subject.variant}: `{subject.python} -m test --list-tests` ended with {done.returncode}\n{shown}"
        )
    return [line for line in done.stdout.splitlines() if line.startswith("test_")]


def select(name: str, tests: Sequence[str], known: Iterable[str]) -> Selection:
    """The files of a set, of a file that lists them, or those named one by one.

    UnknownTestSetError names the set that does not exist, and the test files that are in neither build (`known`).
    """
    every = set(known)
    if tests:
        return Selection("tests", _checked(tests, every, "--tests"))
    if name == FULL:
        return Selection(FULL, tuple(sorted(every)))
    sets = _data()["sets"]
    if name in sets:
        return Selection(name, _checked(sets[name]["files"], every, f"the set {name}"))
    path = Path(name)
    if not path.is_file():
        known_sets = ", ".join([*sets, FULL])
        raise UnknownTestSetError(f"unknown test set {name!r}: neither one of {known_sets} nor a file")
    return Selection(path.name, _checked(_lines(path), every, str(path)))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise UnknownTestSetError(f"{path} is not a list of test files: {problem}") from None
    return [words[0] for line in text.splitlines() if (words := line.partition("#")[0].split())]


def _checked(files: Iterable[str], every: set[str], where: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.removesuffix(".py") for name in files))
    unknown = [name for name in names if name not in every]
    if unknown:
        raise UnknownTestSetError(f"{where} names test files that are in neither build: {', '.join(unknown)}")
    if not names:
        raise UnknownTestSetError(f"{where} names no test file")
    return names


# --- order -----------------------------------------------------------------------------------------------------


def _timings() -> Path:
    return paths.cache_dir() / "suite" / "durations.json"


def durations() -> dict[str, float]:
    """Seconds by file: the rough ones of the data file, overlaid with those of earlier runs here."""
    known: dict[str, float] = dict(_data()["durations"])
    with suppress(HarnessError):  # a cache: without it, or with a damaged one, only the order is worse
        known.update(atomic.read_json(_timings()))
    return known


def longest_first(files: Iterable[str], known: Mapping[str, float]) -> list[str]:
    """The files, those that take longest first, so that no long one is left alone at the end."""
    return sorted(files, key=lambda file: (-known.get(file, UNKNOWN_SECONDS), file))


def remember(results: Iterable[FileResult]) -> None:
    """Keep the durations of a run for the order of the next."""
    known = durations()
    known.update({result.file: round(result.seconds, 1) for result in results})
    atomic.write_text(_timings(), json.dumps(known, sort_keys=True) + "\n")


def options(
    *,
    workers: int,
    timeout: float | None = None,
    testdir: Path | None = None,
    match: Sequence[str] = (),
    leaks: bool = False,
) -> Options:
    """Options of a run; without a `timeout` of its own (seconds), that of the data file."""
    common = float(_data()["timeout"])
    overrides = timeouts() if timeout is None else {}
    return Options(workers, timeout or common, overrides, testdir, tuple(match), leaks=leaks)
