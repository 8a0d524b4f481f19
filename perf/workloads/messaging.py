"""One measurement of messages between two workers: one way, round trips, 64 MiB of bytes; or of pools of two.

One side is the main thread; the other is a thread, an interpreter in a thread, or a process by each start method.
The other side checks what it got, and its answer is checked here. The result is one line of JSON.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import multiprocessing.pool
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import interp_api
import lifecycle
import message_sides

MODES = lifecycle.MODES
BYTES = 64 * 1024 * 1024
TRANSPORTS = ("queue", "simplequeue", "pipe")
TASKS = ("one_way_ints", "round_trip", "bytes_64mib")
CHUNK = 64  # pool tasks in flight
BLOCK = 1024 * 1024  # bytes of a large item of Pool.map()
WAYS = ("tasks", "wait", "as_completed", "callbacks", "map")


class _PipeEnd:
    """A connection with the methods of a queue."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 (multiprocessing.connection.Connection)
        self._connection = connection

    def put(self, value: object) -> None:
        self._connection.send(value)

    def get(self) -> Any:  # noqa: ANN401 (whatever was put)
        return self._connection.recv()


def _send_one_way(count: int, sending: Any, receiving: Any) -> float:  # noqa: ANN401
    started = time.perf_counter()
    for number in range(count):
        sending.put(number)
    total = receiving.get()
    seconds = time.perf_counter() - started
    _expect(total, count * (count - 1) // 2)
    return seconds


def _send_round_trip(count: int, sending: Any, receiving: Any) -> float:  # noqa: ANN401
    started = time.perf_counter()
    for number in range(count):
        sending.put(number)
        _expect(receiving.get(), number)
    return time.perf_counter() - started


def _send_bytes(count: int, sending: Any, receiving: Any) -> float:  # noqa: ANN401
    block = b"a" + bytes(BYTES - 2) + b"z"
    started = time.perf_counter()
    for _ in range(count):
        sending.put(block)
        _expect(receiving.get(), BYTES * 65536 + ord("a") * 256 + ord("z"))
    return time.perf_counter() - started


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise RuntimeError(f"received {got!r}, not {wanted!r}")


OTHER_SIDE = message_sides.OTHER_SIDE
THIS_SIDE: dict[str, Callable[[int, Any, Any], float]] = {
    "one_way_ints": _send_one_way,
    "round_trip": _send_round_trip,
    "bytes_64mib": _send_bytes,
}


@contextmanager
def _thread_peer(task: str, count: int, transport: str) -> Iterator[tuple[Any, Any]]:
    make: Any = queue.Queue if transport == "queue" else queue.SimpleQueue
    there, back = make(), make()
    thread = threading.Thread(target=OTHER_SIDE[task], args=(count, there, back), daemon=True)
    thread.start()
    yield there, back
    thread.join()


def _run_or_exit(api: interp_api.Api, interpreter: Any, code: str) -> None:  # noqa: ANN401
    """Run the other side; if it fails, end this process at once, or the main thread would wait for ever."""
    try:
        api.run(interpreter, code)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


@contextmanager
def _interpreter_peer(task: str, count: int) -> Iterator[tuple[Any, Any]]:
    api = interp_api.find()
    there, back = api.queue(), api.queue()
    interpreter = api.create()
    # Modules are imported from the thread that later ends the interpreter: 3.11's `threading` takes the thread that
    # imports it for the interpreter's main thread, and its shutdown would wait for another one for ever.
    api.run(interpreter, f"{interp_api.entering()}import message_sides\n{api.opening(there, 'there')}")
    api.run(interpreter, api.opening(back, "back"))
    code = f"message_sides.{OTHER_SIDE[task].__name__}({count}, there, back)\n"
    thread = threading.Thread(target=_run_or_exit, args=(api, interpreter, code), daemon=True)
    thread.start()
    yield there, back
    thread.join()
    api.close(interpreter)


def _pipe_side(task: str, count: int, connection: Any) -> None:  # noqa: ANN401
    end = _PipeEnd(connection)
    OTHER_SIDE[task](count, end, end)


@contextmanager
def _process_peer(method: str, task: str, count: int, transport: str) -> Iterator[tuple[Any, Any]]:
    context: Any = multiprocessing.get_context(method)
    if transport == "pipe":
        ours, theirs = context.Pipe()
        child = context.Process(target=_pipe_side, args=(task, count, theirs))
        ends: tuple[Any, Any] = (_PipeEnd(ours), _PipeEnd(ours))
    else:
        make = context.Queue if transport == "queue" else context.SimpleQueue
        ends = (make(), make())
        child = context.Process(target=OTHER_SIDE[task], args=(count, *ends))
    child.start()
    yield ends
    child.join()


def _peer(mode: str, task: str, count: int, transport: str) -> Any:  # noqa: ANN401 (a context manager)
    if mode == "threads":
        return _thread_peer(task, count, transport)
    if mode == "interpreters":
        return _interpreter_peer(task, count)
    return _process_peer(mode, task, count, transport)


def exchange(task: str, transport: str, mode: str, count: int) -> dict[str, object]:
    """Messages a second (one way, or round trips), or milliseconds for 64 MiB."""
    with _peer(mode, task, count, transport) as (there, back):
        _expect(back.get(), -1)
        seconds = THIS_SIDE[task](count, there, back)
    if task == "bytes_64mib":
        found: dict[str, object] = {"seconds": seconds, "rate": seconds / count * 1e3, "unit": "ms each"}
    else:
        found = {"seconds": seconds, "rate": count / seconds, "unit": "1/s"}
    if mode == "interpreters":
        api = interp_api.find()
        found.update(gil=api.gil, api=api.name)
    return found


def _called(futures: list[concurrent.futures.Future[int]]) -> list[int]:
    """The results in the order in which the callbacks got them."""
    results: list[int] = []
    all_called = threading.Event()

    def note(future: concurrent.futures.Future[int]) -> None:
        results.append(future.result())
        if len(results) == len(futures):
            all_called.set()

    for future in futures:
        future.add_done_callback(note)
    all_called.wait()
    return results


def _results(way: str, pool: concurrent.futures.Executor, numbers: range) -> list[int]:
    """abs() of the negated numbers, by the pool; sorted where the order isn't told."""
    if way == "map":
        return list(pool.map(abs, [-number for number in numbers]))
    futures = [pool.submit(abs, -number) for number in numbers]
    if way == "callbacks":
        return sorted(_called(futures))
    if way == "as_completed":
        return sorted(future.result() for future in concurrent.futures.as_completed(futures))
    if way == "wait":
        concurrent.futures.wait(futures)
    return [future.result() for future in futures]


def pool_tasks(mode: str, count: int, way: str = "tasks") -> dict[str, object]:
    """Tasks a second through a pool of two workers, CHUNK in flight, waited for in one of WAYS.

    `tasks` is submit() and result(); the executor's map() has its default chunks, of one.
    """
    with lifecycle.executor(mode, 2) as pool:
        _results(way, pool, range(CHUNK))
        started = time.perf_counter()
        for begin in range(0, count, CHUNK):
            numbers = range(begin, min(begin + CHUNK, count))
            _expect(_results(way, pool, numbers), list(numbers))
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "rate": count / seconds, "unit": "1/s"}


def _multiprocessing_pool(mode: str) -> Any:  # noqa: ANN401 (a multiprocessing.pool.Pool)
    if mode == "threads":
        return multiprocessing.pool.ThreadPool(2)
    name = "interpreter" if mode == "interpreters" else mode
    try:
        return multiprocessing.get_context(name).Pool(2)
    except ValueError as error:
        raise interp_api.Unavailable(f"multiprocessing: {error}") from None


def mapped_ints(mode: str, count: int) -> dict[str, object]:
    """Items a second through multiprocessing's Pool.map() with its own choice of chunks: small integers."""
    items = list(range(0, -count, -1))
    with _multiprocessing_pool(mode) as pool:
        _expect(pool.map(abs, range(-CHUNK, 0)), list(range(CHUNK, 0, -1)))
        started = time.perf_counter()
        _expect(pool.map(abs, items), [-item for item in items])
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "rate": count / seconds, "unit": "1/s"}


def mapped_blocks(mode: str, count: int) -> dict[str, object]:
    """The same with bytes of one MiB, each a chunk."""
    items = [bytes([number % 256]) * BLOCK for number in range(count)]
    with _multiprocessing_pool(mode) as pool:
        _expect(pool.map(len, items[:2]), [BLOCK] * len(items[:2]))
        started = time.perf_counter()
        _expect(pool.map(len, items, chunksize=1), [BLOCK] * count)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "rate": count / seconds, "unit": "1/s"}


MAPPED = {"mapped_ints": mapped_ints, "mapped_blocks": mapped_blocks}


def workloads() -> list[str]:
    """Names: task and transport, and the pools."""
    exchanges = [f"{task}.{transport}" for task in TASKS for transport in TRANSPORTS]
    return [*exchanges, *(f"pool_{way}" for way in WAYS), *MAPPED]


def main() -> None:
    parser = argparse.ArgumentParser(description="messages between two workers")
    parser.add_argument("workload", choices=workloads())
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--loops", type=int, default=1000, help="messages, blocks or tasks")
    parser.add_argument("--workers", type=int, default=1, help="always 1 here")
    options = parser.parse_args()
    if options.workload in MAPPED:
        interp_api.answer(lambda: MAPPED[options.workload](options.mode, options.loops))
        return
    if options.workload.startswith("pool_"):
        way = options.workload.removeprefix("pool_")
        interp_api.answer(lambda: pool_tasks(options.mode, options.loops, way))
        return
    task, transport = options.workload.split(".")
    interp_api.answer(lambda: exchange(task, transport, options.mode, options.loops))


if __name__ == "__main__":
    main()
