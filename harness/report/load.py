"""Reads stored results and refuses the ones that are cut short, of another shape, or unequal inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import results
from harness.atomic import read_json
from harness.errors import ResultDamagedError, ResultMissingError, ResultUnequalError, UsageError
from harness.report.check import problems
from harness.report.kinds import KINDS, UNMEASURED, Kind

SCHEMA = 1
SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of result as the report sees it: where it was stored and what it holds; None where it was not run."""

    kind: Kind
    folder: Path | None
    data: dict[str, Any] | None

    @property
    def date(self) -> str:
        """When its folder was made, for people; empty if its name does not tell."""
        stamp = self.folder.name.split("-")[0] if self.folder else ""
        try:
            return datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC).strftime("%Y-%m-%d %H:%M UTC")
        except ValueError:
            return ""


def newest() -> dict[str, Path | None]:
    """The newest complete folder of every kind, None where there is none."""
    found: dict[str, Path | None] = {}
    for name, kind in KINDS.items():
        stored = results.all_of(name, kind.file)
        found[name] = stored[-1] if stored else None
    return found


def named(folders: Iterable[Path]) -> dict[str, Path | None]:
    """Each folder under the kind whose main file it holds.

    ResultMissingError for a folder without any, UsageError for two of one kind.
    """
    found: dict[str, Path | None] = {}
    for folder in folders:
        held = [name for name, kind in KINDS.items() if (folder / kind.file).is_file()]
        if not held:
            files = ", ".join(kind.file for kind in KINDS.values())
            why = "is no complete result (its main file is written last)" if folder.is_dir() else "does not exist"
            raise ResultMissingError(
                f"{folder} {why}; looked for {files}",
                remedy="Run the session that writes it, or name another folder.",
            )
        for name in held:
            if found.get(name):
                raise UsageError(f"two {name} results are named: {found[name]} and {folder}")
            found[name] = folder
    return found


def sections(folders: Mapping[str, Path | None]) -> dict[str, Section]:
    """Load every kind; a kind that is not named or is None is "not run"."""
    for name in folders:
        if name not in KINDS:
            raise UsageError(f"unknown kind of result {name!r}; kinds: {', '.join(KINDS)}")
    return {name: _section(kind, folders.get(name)) for name, kind in KINDS.items()}


def _section(kind: Kind, folder: Path | None) -> Section:
    if folder is None:
        return Section(kind, None, None)
    path = folder / kind.file
    data = read_json(path)
    _check_header(path, kind, data)
    found = problems(data, kind.shape)
    if found:
        more = f" (and {len(found) - SHOWN_PROBLEMS} more)" if len(found) > SHOWN_PROBLEMS else ""
        raise ResultDamagedError(f"{path} is not a {kind.name} result: {'; '.join(found[:SHOWN_PROBLEMS])}{more}")
    if kind.name == "gate":
        check_blocks(path, data)
    if kind.name == "globals":
        check_sums(path, data)
    return Section(kind, folder, data)


def _check_header(path: Path, kind: Kind, data: Mapping[str, Any]) -> None:
    if data.get("kind") != kind.name:
        raise ResultDamagedError(f"{path} says that its kind is {data.get('kind')!r}, not {kind.name!r}")
    if data.get("schema") != SCHEMA:
        raise ResultDamagedError(f"{path} has schema {data.get('schema')!r}; this version reads {SCHEMA}")


def check_blocks(path: Path, data: Mapping[str, Any]) -> None:
    """Every measured benchmark, and the suite, must have one ratio a block: ResultUnequalError if not."""
    suite = data["suite"]
    if suite is None:
        return
    counts = {"the suite": len(suite["block_ratios"])}
    for row in data["benchmarks"]:
        if row["status"] not in UNMEASURED and row.get("block_ratios") is not None:
            counts[row["name"]] = len(row["block_ratios"])
    wrong = [f"{name} has {number}" for name, number in counts.items() if number != suite["blocks"]]
    if wrong:
        raise ResultUnequalError(f"{path} is unequal: {suite['blocks']} blocks were run, but {', '.join(wrong[:3])}")


def check_sums(path: Path, data: Mapping[str, Any]) -> None:
    """The folders must add up to what is left in all: ResultUnequalError if not."""
    for field in ("total", "left"):
        summed = sum(row[field] for row in data["by_folder"])
        if data["by_folder"] and summed != data[field]:
            raise ResultUnequalError(
                f"{path} is unequal: {field} is {data[field]}, but its folders add up to {summed}"
            )
