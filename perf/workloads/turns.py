"""One block of interpreters against processes: both are there at once and take turns of some hundredths of a second.

In a turn all workers of one arm do a share of the work at the same time, while the other arm waits for its turn; the
two follow each other closely, in random order, so that what the machine does at the time meets both. Prints the
seconds of every turn of both arms as JSON.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from typing import Any

import interp_api
import turn_worker

TURNS = 40
WARM_UPS = 3
WAIT = 60.0  # seconds until a worker that has been told to end is given up
ARMS = ("processes", "interpreters")


class Arm:
    """The workers of one kind: the two ends of each worker's pipes, and the processes behind them."""

    def __init__(self, ends: list[tuple[int, int]], children: list[subprocess.Popen[bytes]]) -> None:
        self._ends = ends
        self._children = children
        self.checksums = [_line(reading) for _, reading in ends]

    def turn(self) -> float:
        """Seconds from the word to all workers until the last is done; RuntimeError if one has ended."""
        started = time.perf_counter()
        for writing, _ in self._ends:
            os.write(writing, turn_worker.GO)
        for _, reading in self._ends:
            if os.read(reading, 1) != turn_worker.DONE:
                raise RuntimeError("a worker ended before its work was done")
        return time.perf_counter() - started

    def close(self) -> None:
        """Tell all workers to end, and wait for it."""
        for writing, _ in self._ends:
            os.close(writing)
        for child in self._children:
            if child.wait(WAIT) != 0:
                raise RuntimeError(f"a worker ended with {child.returncode}")
        for _, reading in self._ends:
            os.close(reading)


def _line(reading: int) -> str:
    with open(reading, closefd=False) as stream:  # nothing follows the line until the worker is told to go
        line = stream.readline()
    if not line.endswith("\n"):
        raise RuntimeError("a worker ended before it had begun")
    return line.strip()


def _pipes(workers: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(writing, reading) of this side and (reading, writing) of the workers'."""
    ours, theirs = [], []
    for _ in range(workers):
        to_worker, from_worker = os.pipe(), os.pipe()
        ours.append((to_worker[1], from_worker[0]))
        theirs.append((to_worker[0], from_worker[1]))
    return ours, theirs


def _processes(name: str, loops: int, workers: int) -> Arm:
    ours, theirs = _pipes(workers)
    children = []
    for reading, writing in theirs:
        command = [sys.executable, str(turn_worker.__file__), name, str(loops)]
        children.append(subprocess.Popen(command, stdin=reading, stdout=writing))
    _close(theirs)
    return Arm(ours, children)


def _interpreters(name: str, loops: int, workers: int) -> Arm:
    ours, theirs = _pipes(workers)
    ends = [end for pair in theirs for end in pair]
    command = [sys.executable, __file__, name, "served", "--loops", str(loops), "--ends", *map(str, ends)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=ends)
    _close(theirs)
    return Arm(ours, [child])


def _close(pairs: list[tuple[int, int]]) -> None:
    for pair in pairs:
        for end in pair:
            os.close(end)


def _served(name: str, loops: int, ends: list[int]) -> None:
    """The process of the interpreters: one for each pair of `ends`, in a thread; one that fails closes its pipe."""
    api = interp_api.find()
    failures: list[BaseException] = []

    def body(one: Any, reading: int, writing: int) -> None:  # noqa: ANN401 (a handle of the api)
        try:
            api.run(one, f"turn_worker.serve({name!r}, {loops}, {reading}, {writing})")
        except BaseException as problem:
            failures.append(problem)
        finally:
            os.close(writing)

    threads = []
    made = [api.create() for _ in ends[::2]]
    for one, reading, writing in zip(made, ends[::2], ends[1::2], strict=True):
        api.run(one, f"{interp_api.entering()}import turn_worker")
        threads.append(threading.Thread(target=body, args=(one, reading, writing)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in made:
        api.close(one)
    if failures:
        raise failures[0]


def measure(name: str, loops: int, workers: int) -> dict[str, object]:
    """The block: `processes` and `interpreters` are the seconds of their turns, in pairs of neighbours.

    `rate` is the work of both arms over the time of all turns.
    """
    api = interp_api.find()
    arms = {"processes": _processes(name, loops, workers), "interpreters": _interpreters(name, loops, workers)}
    sums = {one for arm in arms.values() for one in arm.checksums}
    if len(sums) != 1:
        raise RuntimeError(f"the workers disagree: {sums}")
    seconds: dict[str, list[float]] = {arm: [] for arm in arms}
    for number in range(-WARM_UPS, TURNS):
        for arm in random.sample(ARMS, 2):
            taken = arms[arm].turn()
            if number >= 0:
                seconds[arm].append(taken)
    for closing in arms.values():
        closing.close()
    total = sum(map(sum, seconds.values()))
    done = 2 * TURNS * loops * workers
    return {**seconds, "seconds": total, "rate": done / total, "unit": "work/s", "gil": api.gil}


def main() -> None:
    parser = argparse.ArgumentParser(description="interpreters and processes take turns at one kind of work")
    parser.add_argument("workload")
    parser.add_argument("mode", choices=("turns", "served"))
    parser.add_argument("--loops", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--ends", type=int, nargs="*", default=[])
    options = parser.parse_args()
    if options.mode == "served":
        _served(options.workload, options.loops, options.ends)
    else:
        interp_api.answer(lambda: measure(options.workload, options.loops, options.workers))


if __name__ == "__main__":
    main()
