"""Start and end of an interpreter process: with `site`, bare (`-I -S`), and with common modules imported."""

from __future__ import annotations

import os
import sys
import time

from bench_script import TimeFunc, main


def starting(*arguments: str) -> TimeFunc:
    """A benchmark whose loop is one run of this interpreter with `arguments`; RuntimeError if it fails."""
    command = [sys.executable, *arguments]

    def timed(loops: int) -> float:
        again = range(loops)
        started = time.perf_counter()
        for _ in again:
            process = os.posix_spawn(sys.executable, command, {})
            _, status = os.waitpid(process, 0)
            if status:
                raise RuntimeError(f"{command} ended with wait status {status}")
        return time.perf_counter() - started

    return timed


if __name__ == "__main__":
    main(
        {
            "startup": starting("-c", "pass"),
            "startup_bare": starting("-I", "-S", "-c", "pass"),
            "startup_imports": starting("-c", "import argparse, json, re, threading, typing"),
        }
    )
