"""Stands in for pyperf under cachegrind: runs the wanted benchmark LOOPS times and times nothing.

Importing the real pyperf costs twenty times what most benchmarks do, and would be counted too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

LOOPS = "REDWOODTJ_LOOPS"


class Options:
    """Parses `--only NAME`, the one option of perf/benchmarks/."""

    only: str | None = None

    def add_argument(self, *_names: str, **_how: object) -> None:
        """The option is known."""

    def parse(self, words: list[str]) -> Options:
        """Take NAME from `words`."""
        self.only = words[words.index("--only") + 1] if "--only" in words else None
        return self


class Runner:
    """The part of pyperf.Runner that perf/benchmarks/ use."""

    def __init__(self, add_cmdline_args: object = None) -> None:
        self.argparser = Options()

    def parse_args(self) -> Options:
        """Parse the script's own options."""
        return self.argparser.parse(sys.argv)

    def bench_time_func(self, _name: str, function: Callable[[int], float]) -> None:
        """Run the benchmark's loops once."""
        function(int(os.environ[LOOPS]))
