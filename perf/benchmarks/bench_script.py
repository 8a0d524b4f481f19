"""Runs the benchmarks of one script under pyperf: all of them, or the one named by `--only`.

A benchmark is a function that takes a number of loops and returns the seconds they took. A script is
`main({"name": function, ...})`; it works as an ordinary pyperf script and, with `--worker`, as one timed process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping

import pyperf

TimeFunc = Callable[[int], float]


def calls(function: Callable[[], object]) -> TimeFunc:
    """A benchmark whose loop is one call of `function` (for work that is long against a call)."""

    def timed(loops: int) -> float:
        again = range(loops)
        started = time.perf_counter()
        for _ in again:
            function()
        return time.perf_counter() - started

    return timed


def _forward(command: list[str], args: argparse.Namespace) -> None:
    if args.only is not None:
        command.extend(("--only", args.only))


def main(table: Mapping[str, TimeFunc]) -> None:
    """Run the benchmarks of `table` as the command line says."""
    runner = pyperf.Runner(add_cmdline_args=_forward)
    runner.argparser.add_argument("--only", choices=list(table), help="run this benchmark alone")
    args = runner.parse_args()
    for name, function in table.items():
        if args.only in (None, name):
            runner.bench_time_func(name, function)
