"""Rows of the ledger in one file, to be committed: a long series takes more hours than one sitting on one machine.

Holds what was measured of each prefix of one series under the ledger's own keys, with where and when. A row counts
only if series, toolchain and counted benchmarks are the same; the ledger tells how many rows came from the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from harness import atomic
from harness.errors import ResultDamagedError, ResultMissingError

SCHEMA = 1
KIND = "ledger-rows"
WHERE = "measured_on"


class RowsFile:
    """The file at `path` (made by the first `put`); `here` says where and when rows of this run are measured.

    ResultDamagedError if the file is something else.
    """

    def __init__(self, path: Path, here: Mapping[str, Any]) -> None:
        self.path = path
        self.here = dict(here)
        self.used: set[str] = set()  # keys of rows that were taken from the file
        self._measured = _read(path)

    def __len__(self) -> int:
        return len(self._measured)

    def get(self, key: str) -> dict[str, Any]:
        """What the file has measured under `key`, by stage; {} if nothing."""
        found = {stage: value for stage, value in self._measured.get(key, {}).items() if stage != WHERE}
        if found:
            self.used.add(key)
        return found

    def put(self, key: str, measured: Mapping[str, Any]) -> None:
        """Keep `measured`, by stage, as measured here."""
        self._measured[key] = {**measured, WHERE: self.here}
        self.used.discard(key)
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
        """Where the used rows were measured: each place once."""
        found: list[dict[str, Any]] = []
        for key in sorted(self.used):
            place = self._measured[key].get(WHERE, {})
            if place not in found:
                found.append(place)
        return found

    def _write(self) -> None:
        atomic.write_json(self.path, {"schema": SCHEMA, "kind": KIND, "measured": self._measured})


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = atomic.read_json(path)
    except ResultMissingError:
        return {}
    measured = content.get("measured")
    if (content.get("schema"), content.get("kind")) != (SCHEMA, KIND) or not isinstance(measured, dict):
        raise ResultDamagedError(f"{path} holds no rows of a ledger (schema {SCHEMA})")
    return measured
