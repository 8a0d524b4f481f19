"""Rows of the ledger in one file, to be committed: a long series takes more hours than one sitting on one machine.

Holds what was measured of each prefix of one series under the ledger's own keys, each stage with where and when. A
row counts only if series, toolchain and counted benchmarks are equal; the ledger tells how many came from the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import atomic
from harness.errors import ResultDamagedError

SCHEMA = 2
KIND = "ledger-rows"
WHERE = "measured_on"


class RowsFile:
    """The file at `path` (made by the first write); `here` says where and when rows of this run are measured.

    What it lacks is taken from `others`, files of the same kind. ResultDamagedError if one of them is something else,
    ResultMissingError if one of `others` is not there.
    """

    def __init__(self, path: Path, here: Mapping[str, Any], others: Sequence[Path] = ()) -> None:
        self.path = path
        self.here = dict(here)
        self.used: set[str] = set()  # keys of rows of which something was taken from the file
        self._own: set[tuple[str, str]] = set()  # keys and stages that this run measured
        self._measured = _read(path) if path.exists() else {}
        for other in others:
            _add(self._measured, _read(other))
        if others:
            self._write()

    def __len__(self) -> int:
        return len(self._measured)

    def get(self, key: str) -> dict[str, Any]:
        """What the file has measured under `key`, by stage; {} if nothing."""
        found = {stage: value for stage, value in self._measured.get(key, {}).items() if stage != WHERE}
        if found:
            self.used.add(key)
        return found

    def put(self, key: str, measured: Mapping[str, Any]) -> None:
        """Keep `measured`, by stage; what the file did not have was measured here."""
        known = self._measured.get(key, {})
        where = dict(known.get(WHERE, {}))
        for stage, value in measured.items():
            if value is not None and value != known.get(stage):
                where[stage] = self.here
                self._own.add((key, stage))
        self._measured[key] = {**measured, WHERE: where}
        self._write()

    def keep(self, keys: Collection[str]) -> int:
        """Drop what has none of these keys (patches that were edited since); how many that were."""
        stale = self._measured.keys() - set(keys)
        for key in stale:
            del self._measured[key]
        if stale:
            self._write()
        return len(stale)

    def places(self) -> list[dict[str, Any]]:
        """Where the stages that were taken from the file were measured: each place once."""
        found: list[dict[str, Any]] = []
        for key in sorted(self.used):
            for stage, place in self._measured[key][WHERE].items():
                if (key, stage) not in self._own and place not in found:
                    found.append(place)
        return found

    def _write(self) -> None:
        atomic.write_json(self.path, {"schema": SCHEMA, "kind": KIND, "measured": self._measured})


def _read(path: Path) -> dict[str, dict[str, Any]]:
    content = atomic.read_json(path)
    measured = content.get("measured")
    if (content.get("schema"), content.get("kind")) != (SCHEMA, KIND) or not isinstance(measured, dict):
        raise ResultDamagedError(f"{path} holds no rows of a ledger (schema {SCHEMA})")
    return measured


def _add(measured: dict[str, dict[str, Any]], more: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the stages of `more` that `measured` lacks into it, with where they were measured."""
    for key, there in more.items():
        here = measured.setdefault(key, {WHERE: {}})
        for stage in there[WHERE].keys() - here[WHERE].keys():
            here[stage] = there[stage]
            here[WHERE][stage] = there[WHERE][stage]
