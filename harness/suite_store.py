"""Finished test files, one JUnit file each, in a folder named by a hash of all that decides their outcome.

A run that was stopped finds here what it need not repeat, and upstream's results serve every later run. A damaged
file is reported, dropped and run again. Results are `raw` as they come, `settled` once their failures ran again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import atomic, provenance, source_cache, suite_install, suite_junit
from harness.console import warn
from harness.errors import ResultDamagedError, ResultMissingError
from harness.suite_model import FileResult, Options, Subject
from harness.suite_run import DRIVER, ISOLATED_DRIVER, leak_words

_SHARED = ("source_sha256", "series_hash", "patches", "profile", "configure", "cflags", "ldflags", "compiler")
_EXACT = ("input_hash", "binary_sha256")


def key(subject: Subject, options: Options, *, exact: bool) -> str:
    """Hash (hex) of source, build, environment and options; with `exact`, of this very binary too."""
    prov = subject.provenance
    parts: dict[str, Any] = {name: prov.get(name) for name in _SHARED}
    parts["configure"] = [word for word in prov.get("configure") or () if not str(word).startswith("--prefix")]
    parts["environment"] = provenance.environment_hash(dict(prov))
    parts["driver"] = source_cache.sha256_of(DRIVER)
    if options.isolated:
        parts["isolated"] = [source_cache.sha256_of(ISOLATED_DRIVER), *options.ignore]
    if options.leaks:
        parts["leaks"] = leak_words(options)
    parts["embedding"] = suite_install.embedding_program(subject.python.parent.parent).exists()
    parts["options"] = [options.timeout, sorted((options.timeouts or {}).items()), _testdir(options.testdir)]
    if exact:
        parts["exact"] = [prov.get(name) for name in _EXACT]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _testdir(folder: Path | None) -> list[str]:
    if folder is None:
        return []
    files = sorted(path for path in folder.rglob("*.py"))
    return [str(folder), *(source_cache.sha256_of(path) for path in files)]


class Store:
    """Results of one variant in `folder`; `note` (what the hash stands for) is written beside them."""

    def __init__(self, folder: Path, note: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        if note is not None and not (folder / "note.json").exists():
            atomic.write_json(folder / "note.json", dict(note))

    def get(self, file: str, *, settled: bool = False) -> FileResult | None:
        """The stored result of a test file, or None; a damaged one is dropped with a warning."""
        path = self._path(file, settled)
        try:
            results = suite_junit.read(path)
            if len(results) != 1 or results[0].file != file:
                raise ResultDamagedError(f"{path} does not hold the result of {file}")
        except ResultMissingError:
            return None
        except ResultDamagedError as problem:
            warn(f"{problem}; {file} runs again")
            path.unlink()
            return None
        return results[0]

    def put(self, result: FileResult, *, settled: bool = False) -> None:
        """Store the result of a test file."""
        suite_junit.write(self._path(result.file, settled), [result])

    def drop(self, file: str) -> None:
        """Forget the result of a test file."""
        for settled in (False, True):
            self._path(file, settled).unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, file: str, settled: bool) -> Path:
        return self.folder / ("settled" if settled else "raw") / f"{file}.xml"
