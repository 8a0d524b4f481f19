"""The folder of one benchmark run: its inputs, every finished measurement, and the run to be resumed.

A measurement is written whole when it ends, so a run that is stopped loses one measurement at most. A folder with
its main file is complete; the newest one without it that has equal inputs is taken up again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import atomic, paths, results
from harness.console import say
from harness.errors import ResultDamagedError

INPUTS = "inputs.json"
PARTS = "parts"


@dataclass(frozen=True, slots=True)
class Store:
    """One results folder of `kind`."""

    kind: str
    folder: Path

    @property
    def main(self) -> Path:
        """The main file, written last."""
        return self.folder / f"{self.kind}.json"

    @property
    def raw(self) -> Path:
        """Where pyperf's own files go."""
        return self.folder / "raw"

    def _path(self, key: str) -> Path:
        return self.folder / PARTS / f"{key}.json"

    def get(self, key: str) -> dict[str, Any] | None:
        """The stored measurement `key`, None if it was not made yet; ResultDamagedError if it is not one."""
        path = self._path(key)
        if not path.exists():
            return None
        value = atomic.read_json(path)
        if value.get("key") != key or not isinstance(value.get("found"), dict):
            raise ResultDamagedError(f"{path} is not the measurement that its name says")
        found: dict[str, Any] = value["found"]
        return found

    def put(self, key: str, found: Mapping[str, Any]) -> None:
        """Store a measurement as soon as it is made."""
        atomic.write_json(self._path(key), {"key": key, "found": dict(found)})

    def finish(self, result: Mapping[str, Any]) -> Path:
        """Write the main file: the run is complete."""
        atomic.write_json(self.main, {"schema": 1, "kind": self.kind, **result})
        return self.main


def opened(kind: str, inputs: Mapping[str, Any], *, fresh: bool = False) -> Store:
    """The store of this run: the newest unfinished one with equal `inputs` (unless `fresh`), else a new one."""
    if not fresh:
        for path in sorted(paths.results_dir().glob(f"*-{kind}-*/{INPUTS}"), reverse=True):
            store = Store(kind, path.parent)
            if not store.main.exists() and atomic.read_json(path) == dict(inputs):
                done = len(list((store.folder / PARTS).glob("*.json")))
                say(f"resuming {store.folder}: {done} measurements are there (--fresh starts again)")
                return store
    store = Store(kind, results.new(kind))
    atomic.write_json(store.folder / INPUTS, dict(inputs))
    return store
