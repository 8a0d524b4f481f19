"""Files are written whole or not at all, and read back with an error that names a damaged one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from harness.errors import ResultDamagedError, ResultMissingError


def stage(path: Path, data: bytes) -> Path:
    """Write `data` to a temporary file beside `path`, synced, that is ready to be renamed to it; return that file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` through a temporary file in the same directory, synced, then renamed."""
    temporary = stage(path, data)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; ResultMissingError if there is no such file, ResultDamagedError if it is cut short."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultMissingError(f"there is no result {path}", remedy="Run the session that writes it.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ResultDamagedError(f"{path} is cut short or damaged: {error}") from None
    if not isinstance(value, dict):
        raise ResultDamagedError(f"{path} holds a {type(value).__name__}, not an object")
    return value
