"""One measurement: N workers do the same CPU work at once, in one of the ways Python offers; prints seconds as JSON.

The workers are made, and have imported what they need, before the clock starts; it stops when the last is done.
`sequential` does the N shares one after the other in one thread; `processes` are N separate commands and give the
ceiling of the machine.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import interp_api
import work

MODES = ("sequential", "threads", "interpreters", "fork", "spawn", "forkserver", "processes")
WAIT = 120.0  # seconds until a worker that does not answer is given up


def _checked(sums: list[int]) -> None:
    if len(set(sums)) != 1:
        raise RuntimeError(f"the workers disagree: {sums}")


def _sequential(name: str, loops: int, workers: int) -> float:
    function = work.WORK[name]
    started = time.perf_counter()
    sums = [function(loops) for _ in range(workers)]
    seconds = time.perf_counter() - started
    _checked(sums)
    return seconds


def _in_threads(tasks: list[Callable[[], None]]) -> float:
    """Run each task in a thread of its own, all released at once; the exception of any is raised here."""
    barrier = threading.Barrier(len(tasks) + 1)
    failures: list[BaseException] = []

    def body(task: Callable[[], None]) -> None:
        barrier.wait(WAIT)
        try:
            task()
        except BaseException as problem:
            failures.append(problem)

    threads = [threading.Thread(target=body, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    barrier.wait(WAIT)
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if failures:
        raise failures[0]
    return seconds


def _threads(name: str, loops: int, workers: int) -> float:
    if name == "imports" and workers > 1:
        raise interp_api.Unavailable("threads take each other's modules out of sys.modules")
    sums: list[int] = []
    seconds = _in_threads([lambda: sums.append(work.WORK[name](loops))] * workers)
    _checked(sums)
    return seconds


def _interpreters(name: str, loops: int, workers: int) -> float:
    api = interp_api.find()
    made = [api.create() for _ in range(workers)]
    expected = work.WORK[name](loops)
    doing = f"if work.WORK[{name!r}]({loops}) != {expected}: raise RuntimeError('wrong checksum')"
    for one in made:
        api.run(one, f"{interp_api.entering()}import work\nwork.WORK[{name!r}](1)")
    seconds = _in_threads([lambda one=one: api.run(one, doing) for one in made])  # type: ignore[misc]
    for one in made:
        api.close(one)
    return seconds


def _child(name: str, loops: int, barrier: Any, results: Any) -> None:  # noqa: ANN401 (multiprocessing's own types)
    barrier.wait(WAIT)
    results.put(work.WORK[name](loops))


def _multiprocessing(method: str, name: str, loops: int, workers: int) -> float:
    context: Any = multiprocessing.get_context(method)
    barrier = context.Barrier(workers + 1)
    results = context.SimpleQueue()
    children = [context.Process(target=_child, args=(name, loops, barrier, results)) for _ in range(workers)]
    for child in children:
        child.start()
    barrier.wait(WAIT)
    started = time.perf_counter()
    sums = [results.get() for _ in children]
    seconds = time.perf_counter() - started
    for child in children:
        child.join()
    _checked(sums)
    return seconds


def _served(name: str, loops: int) -> None:
    """The other side of `_processes`: say that it is ready, wait for the word, work, say the checksum.

    The work is done in a thread, as that of interpreters is: the same code takes up to 15% less time there than in
    the main thread, because of where the stacks lie. Otherwise the ceiling would be too low.
    """
    function = work.WORK[name]

    def body() -> None:
        function(1)
        print("ready", flush=True)
        sys.stdin.readline()
        print(function(loops), flush=True)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()


def _processes(name: str, loops: int, workers: int) -> float:
    command = [sys.executable, __file__, name, "served", "--loops", str(loops)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(workers)
    ]
    pipes = [(child.stdin, child.stdout) for child in children if child.stdin and child.stdout]
    for _, reading in pipes:
        reading.readline()
    started = time.perf_counter()
    for writing, _ in pipes:
        writing.write("go\n")
        writing.flush()
    sums = [int(reading.readline()) for _, reading in pipes]
    seconds = time.perf_counter() - started
    for child in children:
        child.communicate()
    _checked(sums)
    return seconds


def measure(name: str, mode: str, loops: int, workers: int) -> dict[str, object]:
    """Seconds that `workers` workers took for `loops` units of the work `name` each."""
    ways = {
        "sequential": _sequential,
        "threads": _threads,
        "interpreters": _interpreters,
        "processes": _processes,
    }
    way = ways.get(mode) or functools.partial(_multiprocessing, mode)
    seconds = way(name, loops, workers)
    found: dict[str, object] = {"seconds": seconds, "rate": loops * workers / seconds, "unit": "work/s"}
    if mode == "interpreters":
        found["gil"] = interp_api.find().gil
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="N workers, one kind of work")
    parser.add_argument("workload", choices=list(work.WORK))
    parser.add_argument("mode", choices=[*MODES, "served"])
    parser.add_argument("--loops", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if options.mode == "served":
        _served(options.workload, options.loops)
    else:
        interp_api.answer(lambda: measure(options.workload, options.mode, options.loops, options.workers))


if __name__ == "__main__":
    main()
