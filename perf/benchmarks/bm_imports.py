"""The import system: statements that find a loaded module, and pure modules loaded afresh from their .pyc files."""

from __future__ import annotations

import importlib
import sys
import time

from bench_script import calls, main

_PURE = ("bisect", "cmd", "colorsys", "graphlib", "sched", "shlex")


def import_cached(loops: int) -> float:
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        import json
        import os.path
        from collections import abc
        from os import path

        _ = json, os, abc, path
    return time.perf_counter() - started


def _import_fresh() -> int:
    for name in _PURE:
        sys.modules.pop(name, None)
    for name in _PURE:
        importlib.import_module(name)
    return len(sys.modules)


if __name__ == "__main__":
    main({"import_cached": import_cached, "import_fresh": calls(_import_fresh)})
