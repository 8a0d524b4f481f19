"""Result folders results/<date>-<kind>-<id>/: made, found and described in one place."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from harness import paths
from harness.errors import ResultMissingError


def new(kind: str) -> Path:
    """Make the folder of a new result of `kind` (gate, test, multicore, globals, abi, ledger, ...)."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    folder = paths.results_dir() / f"{stamp}-{kind}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    return folder


def all_of(kind: str, holding: str) -> list[Path]:
    """Folders of `kind` that hold the file `holding` (the result's main file, written last), oldest first."""
    found = [path.parent for path in paths.results_dir().glob(f"*-{kind}-*/{holding}")]
    return sorted(path for path in found if path.name.split("-")[1] == kind)


def latest(kind: str, holding: str) -> Path:
    """The newest complete folder of `kind`; ResultMissingError if there is none."""
    found = all_of(kind, holding)
    if not found:
        raise ResultMissingError(f"no {kind} result is stored", remedy=f"Run `./noxw -s {kind}` first.")
    return found[-1]
