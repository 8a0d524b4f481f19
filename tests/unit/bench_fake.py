"""Fakes for the tests of benchmarks: a runner that runs here, sides made of this Python, scripts that misbehave."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from perf.bench_sides import Side
from perf.suites import Benchmark

PYTHON = Path(sys.executable)


class HereRunner:
    kind = "native"

    def __init__(self) -> None:
        self.description: dict[str, Any] = {"kind": "native"}
        self.seen: list[list[str]] = []

    def argv(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        cpuset: str | None = None,
    ) -> list[str]:
        pinned = [] if cpuset is None else ["taskset", "--cpu-list", cpuset]
        assignments = ["env", *(f"{name}={value}" for name, value in env.items())] if env else []
        place = ["env", "--chdir", str(cwd)] if cwd else []
        self.seen.append([*pinned, *place, *assignments, *(str(word) for word in argv)])
        return self.seen[-1]

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


def side(name: str, python: Path = PYTHON) -> Side:
    return Side(name, python, HereRunner(), {"version": "3.11"})


def script(directory: Path, body: str, name: str = "bm_made.py") -> Benchmark:
    """A benchmark whose script is `body`; `output` is the file after --output, `values` the number asked for."""
    path = directory / name
    path.write_text(
        "import json, os, signal, sys, time\n"
        "output = sys.argv[sys.argv.index('--output') + 1]\n"
        "values = int(sys.argv[sys.argv.index('--values') + 1])\n"
        "def write(run):\n"
        "    with open(output, 'w') as stream:\n"
        "        json.dump({'benchmarks': [{'runs': [run]}], 'metadata': {'aslr': 'Full randomization'}}, stream)\n"
        f"{body}\n",
        encoding="utf-8",
    )
    return Benchmark("made", path, (), "test", 0.01)
