"""The `bench` command: fork against upstream by suite, to look at; the verdict is the gate's.

`bench quick` and `bench pyperformance` compare single-threaded speed; `multicore`, `lifecycle` and `messaging` set
interpreters beside threads and processes, and beside a newer Python given by --peer. A run that was stopped is taken
up again by the same command.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from harness.lock import clone_lock
from perf import bench_ceiling, bench_parallel, bench_sides

PARALLEL = {
    "multicore": "the same CPU work by 1..N workers: sequential, threads, interpreters, processes",
    "lifecycle": "making, running and ending workers; their memory; pools until they are ready",
    "messaging": "messages one way, round trips, 64 MiB of bytes, tasks of a pool",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="bench", description="fork against upstream, by suite")
    kinds = top.add_subparsers(dest="kind", required=True, metavar="SUITE")
    quick = kinds.add_parser("quick", help="our single-threaded benchmarks, in blocks like the gate's")
    quick.add_argument("--suite", default="quick", help="a suite of perf/suites.toml (default: quick)")
    quick.add_argument("--blocks", type=positive, help="blocks of six processes a benchmark (default: 4; --fast: 2)")
    suite = kinds.add_parser("pyperformance", help="the official suite through its own package")
    for one in (quick, suite):
        one.add_argument("--benchmarks", metavar="A,B", help="only these (comma-separated)")
        _common(one, peer=False)
    for kind, text in PARALLEL.items():
        one = kinds.add_parser(kind, help=text)
        one.add_argument("--repeats", type=positive, help="measurements of each cell (default: 5; --fast: 3)")
        if kind == "multicore":
            one.add_argument(
                "--ceiling-blocks",
                type=_blocks,
                metavar="N",
                help="blocks of interpreters beside as many processes, in turn (default: 20; --fast: none)",
            )
        _common(one, peer=True)
    return top


def positive(text: str) -> int:
    """A number above 0, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _blocks(text: str) -> int:
    """0, or what gives an interval, for argparse."""
    number = int(text)
    if number != 0 and number < bench_ceiling.MINIMUM:
        raise argparse.ArgumentTypeError(f"{text} is neither 0 nor at least {bench_ceiling.MINIMUM}")
    return number


def _common(one: argparse.ArgumentParser, *, peer: bool) -> None:
    one.add_argument("--fast", action="store_true", help="fewer and shorter measurements")
    one.add_argument("--fresh", action="store_true", help="start again instead of resuming an unfinished run")
    bench_sides.add_options(one, peer=peer)


def _quick(options: argparse.Namespace) -> int:
    from perf import bench_quick

    return bench_quick.run(options)


def _pyperformance(options: argparse.Namespace) -> int:
    from perf import bench_pyperformance

    return bench_pyperformance.run(options)


def main(argv: list[str]) -> int:
    """Run one suite; exit code 0, or 5 if a benchmark failed."""
    options = parser().parse_args(argv)
    chosen: dict[str, Callable[[argparse.Namespace], int]] = {"quick": _quick, "pyperformance": _pyperformance}
    with clone_lock(f"bench {options.kind}"):
        if options.kind in chosen:
            return chosen[options.kind](options)
        return bench_parallel.run(options.kind, options)
