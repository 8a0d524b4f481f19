"""The multicore, lifecycle and messaging benchmarks: which cells they have, and their tables.

multicore: the same CPU work by 1..N workers, speed-up against one worker of the same implementation in sequence.
lifecycle: what a worker costs to make, run and end, in time and memory. messaging: what a message costs.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from harness.console import out, say
from harness.errors import Exit
from perf import bench_ceiling, bench_cells, bench_sides, bench_store, machine
from perf.bench_cells import Cell, Script
from perf.bench_sides import Side
from perf.bench_store import Store

PROCESSES = ("fork", "spawn", "forkserver")
SCRIPTS = {
    "multicore": Script("multicore.py", 180.0),
    "lifecycle": Script("lifecycle.py", 120.0),
    "messaging": Script("messaging.py", 120.0),
}
MULTICORE_MODES = ("sequential", "threads", "interpreters", *PROCESSES, "processes")
MULTICORE_WORK = ("compute", "mixed", "floats", "strings", "attributes", "exceptions", "calls", "imports")
FAST_WORK = ("compute", "mixed")  # the two of design.md's targets
PROBE_LOOPS = 50
# seconds of one worker's share, repeats: (fast, full)
SHARE = (0.15, 0.5)
REPEATS = {"multicore": (3, 5), "lifecycle": (3, 5), "messaging": (3, 5)}
CEILING_BLOCKS = (0, 20)
LIFECYCLE_MODES = {
    "create": ("interpreters",),
    "create_destroy": ("threads", "interpreters", *PROCESSES),
    "run_import_destroy": ("threads", "interpreters", *PROCESSES),
    "memory": ("threads", "interpreters", *PROCESSES),
    "pool_start": ("threads", "interpreters", *PROCESSES),
}
MESSAGING_MODES = {
    "queue": ("threads", "interpreters", *PROCESSES),
    "simplequeue": ("threads", *PROCESSES),
    "pipe": PROCESSES,
}
MESSAGES = {"one_way_ints": 20_000, "round_trip": 2_000, "bytes_64mib": 3}
POOL_WORK = ("pool_tasks", "pool_wait", "pool_as_completed", "pool_callbacks", "pool_map")
POOL_TASKS = 2_000  # for processes: the others do that many in a hundredth of a second, and get twenty times as many
MAPPED = {"mapped_ints": 1_000_000, "mapped_blocks": 64}
POLLED = 100  # round trips between interpreters: 3.13's queue does about 62 a second


def worker_counts(cores: int) -> list[int]:
    """1, 2, 4, ... and `cores`."""
    powers = [2**exponent for exponent in range(cores.bit_length()) if 2**exponent <= cores]
    return sorted({*powers, cores})


def multicore_cells(sides: Sequence[Side], loops: Mapping[str, int], cores: int) -> list[Cell]:
    """Every work in `loops` by every mode with 1..cores workers."""
    return [
        Cell(work, side.name, mode, workers, count)
        for work, count in loops.items()
        for side in sides
        for mode in MULTICORE_MODES
        for workers in worker_counts(cores)
    ]


def lifecycle_cells(sides: Sequence[Side], fast: bool) -> list[Cell]:
    """Every step of a worker's life for every kind of worker."""
    return [
        Cell(workload, side.name, mode, 1, _cycles(mode, fast))
        for workload, modes in LIFECYCLE_MODES.items()
        for side in sides
        for mode in modes
    ]


def _cycles(mode: str, fast: bool) -> int:
    return (5 if fast else 20) if mode in PROCESSES else 20


def messaging_cells(sides: Sequence[Side], fast: bool) -> list[Cell]:
    """Every kind of message over every transport that a mode has, and pools in every way to wait for them."""
    cells = []
    for side in sides:
        for transport, modes in MESSAGING_MODES.items():
            for task, count in MESSAGES.items():
                for mode in modes:
                    polled = task == "round_trip" and mode == "interpreters"
                    cells.append(Cell(f"{task}.{transport}", side.name, mode, 1, POLLED if polled else count))
        for mode in MESSAGING_MODES["queue"]:
            tasks = POOL_TASKS if mode in PROCESSES else 20 * POOL_TASKS
            counts = dict.fromkeys(POOL_WORK, tasks) | MAPPED
            for work, count in counts.items():
                cells.append(Cell(work, side.name, mode, 2, count // 4 if fast else count))
    return cells


def calibrated(store: Store, sides: Sequence[Side], works: Sequence[str], share: float) -> dict[str, int]:
    """Loops with which one worker's share of a work takes about `share` seconds on the first side; stored once.

    A work that fails here keeps the probe's count, and its cells then tell of the failure themselves.
    """
    stored = store.get("loops")
    if stored is not None:
        return {name: int(count) for name, count in stored.items()}
    loops = {}
    for name in works:
        cell = Cell(name, sides[0].name, "sequential", 1, PROBE_LOOPS)
        for _ in range(2):  # the second count is measured over a time that the clock resolves well
            found = bench_cells.measure(cell, sides[0], SCRIPTS["multicore"])
            if "error" not in found:
                wanted = max(1, round(share / found["seconds"] * cell.loops))
                cell = Cell(cell.workload, cell.implementation, cell.mode, 1, wanted)
        loops[name] = cell.loops
    store.put("loops", loops)
    return loops


def add_speedups(rows: Sequence[dict[str, Any]]) -> None:
    """Set `speedup` of each row: its rate over that of one worker in sequence of the same implementation and work.

    Set also `of_processes`: its rate over that of as many separate processes, the ceiling of the machine.
    """
    rates = {(one["workload"], one["implementation"], one["mode"], one["workers"]): one["rate"] for one in rows}
    for one in rows:
        base = rates.get((one["workload"], one["implementation"], "sequential", 1))
        ceiling = rates.get((one["workload"], one["implementation"], "processes", one["workers"]))
        one["speedup"] = one["rate"] / base if one["rate"] and base else None
        one["of_processes"] = one["rate"] / ceiling if one["rate"] and ceiling else None


def _cells(kind: str, sides: Sequence[Side], store: Store, fast: bool) -> list[Cell]:
    if kind == "lifecycle":
        return lifecycle_cells(sides, fast)
    if kind == "messaging":
        return messaging_cells(sides, fast)
    works = FAST_WORK if fast else MULTICORE_WORK
    loops = calibrated(store, sides, works, SHARE[not fast])
    return multicore_cells(sides, loops, len(os.sched_getaffinity(0)))


def run(kind: str, options: argparse.Namespace) -> int:
    """Measure `kind`, write its result folder, print its table; exit code 5 if something failed."""
    started = time.monotonic()
    repeats = options.repeats or REPEATS[kind][not options.fast]
    pairs = _pairs(kind, options)
    with bench_sides.opened(options) as sides:
        inputs = {
            "kind": kind,
            "fast": options.fast,
            "repeats": repeats,
            "ceiling_blocks": pairs,
            "binaries": {side.name: side.identity() for side in sides},
            "environments": {side.name: side.runner.kind for side in sides},
        }
        store = bench_store.opened(kind, inputs, fresh=options.fresh)
        before = machine.state()
        cells = _cells(kind, sides, store, options.fast)
        bench_cells.run(cells, sides, SCRIPTS[kind], repeats, store)
        rows = [bench_cells.row(cell, store, repeats) for cell in cells]
        if kind == "multicore":
            add_speedups(rows)
        ceiling = _ceiling(sides, cells, pairs, store) if pairs else []
        provenance = {side.name: dict(side.provenance) for side in sides}
    main = store.finish(
        {
            "rows": rows,
            "ceiling": ceiling,
            "fast": options.fast,
            "repeats": repeats,
            "machine": {"before": before, "after": machine.state()},
            "provenance": provenance,
            "seconds": time.monotonic() - started,
        }
    )
    out.print(table(kind, rows))
    if ceiling:
        out.print(bench_ceiling.table(ceiling))
    bench_cells.say_failures(rows)
    say(f"result: {main}")
    failed = bench_cells.failures(rows) or any(one["error"] for one in ceiling)
    return int(Exit.MISSING if failed else Exit.OK)


def _pairs(kind: str, options: argparse.Namespace) -> int:
    """Blocks of interpreters against processes: what --ceiling-blocks says, else none with --fast."""
    if kind != "multicore":
        return 0
    asked: int | None = options.ceiling_blocks
    return asked if asked is not None else CEILING_BLOCKS[not options.fast]


def _ceiling(sides: Sequence[Side], cells: Sequence[Cell], count: int, store: Store) -> list[dict[str, Any]]:
    """The rows of `count` blocks of every work in `cells`, with one worker a core."""
    loops = {cell.workload: cell.loops for cell in cells}
    workers = max(cell.workers for cell in cells)
    chosen = bench_ceiling.sides_with_interpreters(sides)
    seed = store.folder.name
    plans = {side.name: bench_ceiling.blocks(side, loops, workers, count, seed) for side in chosen}
    bench_ceiling.measure(chosen, plans, store)
    return list(bench_ceiling.rows(plans, store))


def _shown(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return ""
    if one["rate"] is None:
        return "n/a" if str(one["error"]).startswith(bench_cells.NOT_AVAILABLE) else "[red]failed[/]"
    figure = f"{one['speedup']:.2f}x" if one["speedup"] is not None else f"{one['rate']:,.4g} {one['unit']}"
    return f"{figure} [dim]±{one['spread'] / 2:.0%}[/]" + (" [red](failed too)[/]" if one["error"] else "")


def table(kind: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """One line a workload, mode and number of workers; one column an implementation; half the spread behind ±."""
    names = list(dict.fromkeys(one["implementation"] for one in rows))
    at = {(one["workload"], one["mode"], one["workers"], one["implementation"]): one for one in rows}
    shown = Table(title=kind)
    for heading in ("workload", "mode", "workers"):
        shown.add_column(heading)
    for name in names:
        shown.add_column(name, justify="right")
    for workload, mode, workers in dict.fromkeys((one["workload"], one["mode"], one["workers"]) for one in rows):
        figures = [_shown(at.get((workload, mode, workers, name))) for name in names]
        shown.add_row(workload, mode, str(workers), *figures)
    return shown
