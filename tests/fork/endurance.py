"""Many tasks for one pool, many interpreters at once, and many after each other; runs in the fork.

`endurance.py --tasks 10000000` prints the resident memory (KiB) after a tenth of the tasks and at the end; it fails
if the difference is more than --growth. `endurance.py --crowd 1000` has that many interpreters alive, each of which
answers twice. `endurance.py --cycles 1000` makes that many, one after the other, that import thirty modules and end;
it fails if the resident memory grows by more than --each KiB a cycle, after the first quarter of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent import interpreters  # type: ignore[attr-defined]
from concurrent.futures import InterpreterPoolExecutor, as_completed, wait  # type: ignore[attr-defined]

FLIGHT = 64
MODULES = (
    "argparse array ast asyncio base64 bisect csv ctypes datetime decimal difflib email.message functools "
    "hashlib inspect json logging math pickle queue random select shutil socket sqlite3 ssl subprocess "
    "threading urllib.request xml.etree.ElementTree"
)


def resident() -> int:
    """KiB of memory that this process has now."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def fail(number: int) -> int:
    """Raise an exception with the number."""
    raise ValueError(number)


def make(number: int) -> dict[str, object]:
    """Return something that takes pickle."""
    return {"number": number, "text": "x" * number}


def ask_all(pool: InterpreterPoolExecutor, begin: int) -> None:
    for number, future in enumerate([pool.submit(abs, -number) for number in range(begin, begin + FLIGHT)], begin):
        assert future.result() == number


def map_all(pool: InterpreterPoolExecutor, begin: int) -> None:
    numbers = range(begin, begin + FLIGHT)
    assert list(pool.map(str, numbers)) == [str(number) for number in numbers]


def forget(pool: InterpreterPoolExecutor, begin: int) -> None:
    for _ in range(FLIGHT - 1):
        pool.submit(bytes, 1000)
    assert pool.submit(abs, -begin).result() == begin


def call_back(pool: InterpreterPoolExecutor, begin: int) -> None:
    results: list[int] = []
    futures = [pool.submit(abs, -number) for number in range(begin, begin + FLIGHT)]
    for future in futures:
        future.add_done_callback(lambda done: results.append(done.result()))
    wait(futures)
    while len(results) < FLIGHT:  # wait() may end before the last callback
        time.sleep(0)
    assert sorted(results) == list(range(begin, begin + FLIGHT))


def complete(pool: InterpreterPoolExecutor, begin: int) -> None:
    for future in as_completed([pool.submit(make, number) for number in range(FLIGHT)]):
        assert len(future.result()) == 2


def fail_all(pool: InterpreterPoolExecutor, begin: int) -> None:
    for number, future in enumerate([pool.submit(fail, begin + number) for number in range(FLIGHT)], begin):
        error = future.exception()
        assert isinstance(error, ValueError)
        assert error.args == (number,)


SHARES = [ask_all] * 40 + [map_all] * 10 + [forget] * 10 + [call_back] * 5 + [complete] * 2 + [fail_all]


def work(tasks: int, growth: int) -> None:
    """Do that many tasks and compare the memory."""
    started = time.monotonic()
    done, before = 0, 0
    with InterpreterPoolExecutor(2) as pool:
        while done < tasks:
            for share in SHARES:
                share(pool, done)
                done += FLIGHT
            if before == 0 and done >= tasks / 10:
                before = resident()
        after = resident()
    print(f"{done} tasks, {before} KiB, {after} KiB, {done / (time.monotonic() - started):.0f} a second")
    if after - before > growth:
        sys.exit(f"{after - before} KiB more than after a tenth of the tasks")


def gather(count: int) -> None:
    """Have that many interpreters at once."""
    before = resident()
    all_of_them = []
    for number in range(count):
        there = interpreters.create()
        assert there.call(pow, number, 2) == number * number
        all_of_them.append(there)
    assert len(interpreters.list_all()) == count + 1
    queue = interpreters.create_queue()
    for number, there in enumerate(all_of_them):
        there.prepare_main(queue=queue, number=number)
        there.exec("queue.put(number)")
    assert [queue.get_nowait() for _ in range(count)] == list(range(count))
    print(f"{count} interpreters, {(resident() - before) / count:.0f} KiB each")
    for there in all_of_them:
        there.close()


def cycle() -> None:
    """One interpreter that imports all the modules."""
    there = interpreters.create()
    there.exec("import " + ", ".join(MODULES.split()))
    there.close()


def repeat(cycles: int, each: float) -> None:
    """Make that many interpreters and compare the memory."""
    first = cycles // 4  # until the allocators have what they keep
    for _ in range(first):
        cycle()
    before = resident()
    for _ in range(cycles - first):
        cycle()
    grown = (resident() - before) / (cycles - first)
    print(f"{len(MODULES.split())} modules, {cycles} cycles, {grown:.2f} KiB a cycle")
    if grown > each:
        sys.exit(f"more than {each} KiB a cycle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=0)
    parser.add_argument("--growth", type=int, default=2048, help="KiB")
    parser.add_argument("--crowd", type=int, default=0)
    parser.add_argument("--cycles", type=int, default=0)
    parser.add_argument("--each", type=float, default=4, help="KiB")
    options = parser.parse_args()
    if options.tasks:
        work(options.tasks, options.growth)
    if options.crowd:
        gather(options.crowd)
    if options.cycles:
        repeat(options.cycles, options.each)


if __name__ == "__main__":
    main()
