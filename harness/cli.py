"""Command-line entry of both packages: `python -m harness COMMAND` and `python -m perf COMMAND`.

A command is a module with `main(argv: list[str]) -> int`. This module turns every failure into a message, a remedy
and an exit code. nox itself exits 1 for any failure, so the code is also left in the file named by
REDWOODTJ_EXIT_FILE, from which `noxw` takes it.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.markup import escape

from harness import proc
from harness.console import console
from harness.errors import DiskFullError, Exit, HarnessError, PermissionFailure, UsageError


def _as_harness_error(problem: BaseException) -> HarnessError | None:
    if isinstance(problem, HarnessError):
        return problem
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"the disk is full: {problem.filename or problem}")
    if isinstance(problem, PermissionError):
        return PermissionFailure(f"permission denied: {problem.filename or problem}")
    return None


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add --docker and --native: `docker` becomes True, False, or None where the engine decides (if one answers)."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--docker", action="store_const", const=True, help="in a container, or not at all")
    place.add_argument("--native", dest="docker", action="store_const", const=False, help="on this machine itself")


def report(problem: HarnessError) -> None:
    """Print what failed, why, and what to do."""
    console.print(f"[bold red]error:[/] {escape(str(problem))}")
    if problem.remedy:
        console.print(f"[bold green]what to do:[/] {escape(problem.remedy)}")
    if problem.log is not None:
        console.print(f"[bold]log:[/] {escape(str(problem.log))}")


def leave_exit_code(code: int) -> None:
    """Leave the first non-zero exit code of this nox invocation where noxw finds it."""
    name = os.environ.get("REDWOODTJ_EXIT_FILE")
    if not name or code == 0:
        return
    path = Path(name)
    if not path.exists() or not path.read_text(encoding="utf-8").strip():
        path.write_text(f"{code}\n", encoding="utf-8")


def _call(table: Mapping[str, str], prog: str, argv: list[str]) -> int:
    if not argv or argv[0] not in table:
        named = f"unknown command {argv[0]!r}" if argv else "no command given"
        raise UsageError(f"{prog}: {named}; commands: {', '.join(sorted(table))}")
    module = importlib.import_module(table[argv[0]])
    return int(module.main(argv[1:]))


def run(table: Mapping[str, str], prog: str, argv: list[str] | None = None) -> int:
    """Run the command named by `argv[0]` out of `table` (name -> module) and return its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):  # SIGINT may have been ignored by the parent
        signal.signal(number, proc.interrupt)
    try:
        code = _call(table, prog, sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        console.print("[bold red]interrupted[/]: what was complete is kept; the same command resumes.")
        code = Exit.INTERRUPTED
    except SystemExit as leaving:  # argparse: 0 after --help, 2 for bad usage
        code = int(Exit.USAGE) if leaving.code else 0
    except BaseException as problem:
        known = _as_harness_error(problem)
        if known is None:
            leave_exit_code(Exit.FAILED)
            raise
        report(known)
        code = known.exit_code
    leave_exit_code(code)
    return int(code)
