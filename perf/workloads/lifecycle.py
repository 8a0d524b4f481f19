"""One measurement of a worker's life: making and ending it, its memory, a pool until it is ready; prints JSON.

The same for threads, interpreters and processes by each start method, so that they can be set side by side.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import interp_api

MODES = ("threads", "interpreters", "fork", "spawn", "forkserver")
LIVE = 20  # workers alive at once while their memory is counted
KIB = 1024
IMPORTS = "import json, re, decimal"


def _nothing() -> None:
    """What an idle worker does."""


def _importing() -> None:
    exec(IMPORTS, {})  # (the same text runs in interpreters)


def _rate(seconds: float, count: int) -> dict[str, object]:
    return {"seconds": seconds / count, "rate": seconds / count * 1e3, "unit": "ms each"}


def _cycle(mode: str, count: int, target: Callable[[], None], code: str) -> dict[str, object]:
    if mode == "interpreters":
        api = interp_api.find()

        def once() -> None:
            interpreter = api.create()
            if code:
                api.run(interpreter, code)
            api.close(interpreter)

    else:
        context: Any = None if mode == "threads" else multiprocessing.get_context(mode)
        make: Any = threading.Thread if context is None else context.Process

        def once() -> None:
            worker = make(target=target)
            worker.start()
            worker.join()
            if getattr(worker, "exitcode", 0):
                raise RuntimeError(f"a worker ended with {worker.exitcode}")

    once()
    started = time.perf_counter()
    for _ in range(count):
        once()
    return _rate(time.perf_counter() - started, count)


def create_destroy(mode: str, count: int) -> dict[str, object]:
    """Make a worker that does nothing and end it."""
    return _cycle(mode, count, _nothing, "")


def run_import_destroy(mode: str, count: int) -> dict[str, object]:
    """Make a worker, let it import three modules, end it."""
    return _cycle(mode, count, _importing, IMPORTS)


def create(_mode: str, count: int) -> dict[str, object]:
    """Make interpreters without ending them (they are ended after the clock stopped)."""
    api = interp_api.find()
    first = api.create()
    made = []
    started = time.perf_counter()
    for _ in range(count):
        made.append(api.create())
    found = _rate(time.perf_counter() - started, count)
    for one in [first, *made]:
        api.close(one)
    return found


def _resident() -> int:
    """Resident bytes of this process."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def _private(pid: int) -> int:
    """Bytes that only process `pid` has: what it costs over its parent."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(line.split()[1]) * KIB for line in rollup.splitlines() if line.startswith("Private"))


def _process_memory(mode: str, count: int) -> int:
    context: Any = multiprocessing.get_context(mode)
    ready, leave = context.Semaphore(0), context.Event()
    children = [context.Process(target=_waiting, args=(ready, leave)) for _ in range(count)]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    used = sum(_private(child.pid) for child in children)
    leave.set()
    for child in children:
        child.join()
    return used


def _waiting(ready: Any, leave: Any) -> None:  # noqa: ANN401 (multiprocessing's own types)
    ready.release()
    leave.wait()


def _thread_memory(count: int) -> int:
    ready, leave = threading.Semaphore(0), threading.Event()
    before = _resident()
    threads = [threading.Thread(target=_waiting, args=(ready, leave)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    used = _resident() - before
    leave.set()
    for thread in threads:
        thread.join()
    return used


def _interpreter_memory(count: int) -> int:
    api = interp_api.find()
    api.close(api.create())
    before = _resident()
    made = [api.create() for _ in range(count)]
    used = _resident() - before
    for one in made:
        api.close(one)
    return used


def memory(mode: str, count: int) -> dict[str, object]:
    """Resident MiB of each of LIVE idle workers: growth of this process, or private pages of the children."""
    live = min(count, LIVE)
    started = time.perf_counter()
    if mode == "interpreters":
        used = _interpreter_memory(live)
    elif mode == "threads":
        used = _thread_memory(live)
    else:
        used = _process_memory(mode, live)
    return {"seconds": time.perf_counter() - started, "rate": used / live / KIB / KIB, "unit": "MiB each"}


def pool_start(mode: str, _count: int) -> dict[str, object]:
    """Make a pool of two workers, get one result from it, end it."""
    started = time.perf_counter()
    with executor(mode, 2) as pool:
        if pool.submit(abs, -3).result() != 3:
            raise RuntimeError("the pool computed something else")
    return _rate(time.perf_counter() - started, 1)


def executor(mode: str, workers: int) -> concurrent.futures.Executor:
    """A pool of `workers` workers of this kind; Unavailable where Python has none."""
    if mode == "threads":
        return concurrent.futures.ThreadPoolExecutor(workers)
    if mode == "interpreters":
        made: Any = getattr(concurrent.futures, "InterpreterPoolExecutor", None)
        if made is None:
            raise interp_api.Unavailable("concurrent.futures has no InterpreterPoolExecutor")
        pool: concurrent.futures.Executor = made(workers)
        return pool
    return concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(mode))


LIFECYCLE: dict[str, Callable[[str, int], dict[str, object]]] = {
    "create": create,
    "create_destroy": create_destroy,
    "run_import_destroy": run_import_destroy,
    "memory": memory,
    "pool_start": pool_start,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="the life of a worker")
    parser.add_argument("workload", choices=list(LIFECYCLE))
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--loops", type=int, default=20, help="workers made")
    parser.add_argument("--workers", type=int, default=1, help="always 1 here")
    options = parser.parse_args()
    interp_api.answer(lambda: LIFECYCLE[options.workload](options.mode, options.loops))


if __name__ == "__main__":
    main()
