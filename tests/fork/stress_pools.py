"""Stress for pools of interpreters: futures are made, waited for, cancelled and forgotten by all at once.

Threads of the main interpreter, and others in interpreters of their own, make executors with two workers and use each
for a moment in several ways. One executor is used by all threads; some are shut down, or lost, while others submit.
Each future must end as what it was made for says: with its value, its exception, or cancelled.
"""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import random
import threading
from collections.abc import Callable, Iterator
from concurrent import interpreters  # type: ignore[attr-defined]
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import stressing

Pool = cf.InterpreterPoolExecutor  # type: ignore[attr-defined]
HERE, THERE = 4, 2  # threads that use pools of the main interpreter, and of others
BATCH = 40
SECONDS = 120.0  # after that long, a future that isn't done has been lost
BAD = "no"  # int() raises for it

ENTER = """
import sys
sys.path.insert(0, folder)
import stress_pools
"""


def check(future: Any, number: int) -> None:  # noqa: ANN401 (a future)
    """`future` stands for int(number), or for int(BAD) if `number` is negative; it may have been cancelled."""
    try:
        got = future.result(SECONDS)
    except cf.CancelledError:
        assert future.cancelled()
    except ValueError as error:
        assert number < 0, (number, error)
        assert BAD in str(error)
    else:
        assert got == number, (got, number)


def submit(pool: Any, count: int = BATCH) -> dict[Any, int]:  # noqa: ANN401
    """Futures and what they stand for; fewer when the pool is shut down meanwhile."""
    made: dict[Any, int] = {}
    for number in range(count):
        wanted = -1 if random.random() < 0.1 else number
        try:
            made[pool.submit(int, BAD if wanted < 0 else str(number))] = wanted
        except RuntimeError:
            break
    return made


@contextmanager
def beside(body: Callable[[], object]) -> Iterator[None]:
    """Another thread does `body` meanwhile; what it raises is raised here."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            body()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if errors:
        raise errors[0]


def ask(pool: Any) -> None:  # noqa: ANN401
    """result(), exception(), done() in any order, from two threads."""
    futures = submit(pool)

    def ask_too() -> None:
        for future, number in futures.items():
            check(future, number)

    with beside(ask_too):
        for future, number in random.sample(list(futures.items()), len(futures)):
            future.done(), future.running(), repr(future)
            check(future, number)


def wait(pool: Any) -> None:  # noqa: ANN401
    """wait() for all, for the first, for the first exception, and for less than it takes."""
    futures = submit(pool)
    when = random.choice((cf.ALL_COMPLETED, cf.FIRST_COMPLETED, cf.FIRST_EXCEPTION))
    timeout = random.choice((SECONDS, SECONDS, 0, 0.0002))
    done, left = cf.wait(futures, timeout, when)
    assert done | left == set(futures)
    assert not left or timeout < SECONDS or when != cf.ALL_COMPLETED, len(left)
    for future in done:
        assert future.done()
    for future, number in futures.items():
        check(future, number)


def as_completed(pool: Any) -> None:  # noqa: ANN401
    """as_completed(), from two threads, one of which leaves early."""
    futures = submit(pool)

    def take_some() -> None:
        for _, future in zip(range(5), cf.as_completed(futures, SECONDS), strict=False):
            check(future, futures[future])

    seen = set()
    with beside(take_some):
        for future in cf.as_completed(futures, SECONDS):
            check(future, futures[future])
            seen.add(future)
    assert seen == set(futures)


def callbacks(pool: Any) -> None:  # noqa: ANN401
    """add_done_callback(), before and after the end, and of a future that is cancelled."""
    called: list[Any] = []
    all_called = threading.Event()
    futures = submit(pool)

    def note(future: Any) -> None:  # noqa: ANN401
        assert future.done()
        called.append(future)
        if len(called) == 2 * len(futures):
            all_called.set()

    for future in futures:
        future.add_done_callback(note)
        if random.random() < 0.2:
            future.cancel()
        future.add_done_callback(note)
    assert not futures or all_called.wait(SECONDS), len(called)
    assert set(called) == set(futures)


def cancel(pool: Any) -> None:  # noqa: ANN401
    """cancel(), while others wait in each way."""
    futures = submit(pool)

    def wait_too() -> None:
        cf.wait(futures, SECONDS)
        for future, number in futures.items():
            check(future, number)

    with beside(wait_too):
        for future, number in futures.items():
            if random.random() < 0.5 and future.cancel():
                assert future.cancelled()
            elif random.random() < 0.5:
                check(future, number)


def forget(pool: Any) -> None:  # noqa: ANN401
    """Futures that nobody keeps; map() that is left before the end."""
    submit(pool, 3 * BATCH)
    try:
        numbers = pool.map(abs, range(BATCH), chunksize=random.choice((1, 1, 7)))
        for number in range(random.choice((1, 5, BATCH))):
            assert next(numbers) == number
    except (RuntimeError, cf.CancelledError):
        pass  # the pool was shut down meanwhile


def loop(pool: Any) -> None:  # noqa: ANN401
    """run_in_executor() of an event loop."""

    async def all_of_them() -> list[int]:
        running = asyncio.get_running_loop()
        return await asyncio.gather(*(running.run_in_executor(pool, abs, -number) for number in range(BATCH)))

    assert asyncio.run(all_of_them()) == list(range(BATCH))


USES: tuple[Callable[[Any], None], ...] = (ask, wait, as_completed, callbacks, cancel, forget)


def use_pool() -> None:
    """Make a pool, use it, and end it in one of the ways there are."""
    pool = Pool(2)
    for use in random.sample(USES, 4):
        use(pool)
    if random.random() < 0.3:
        loop(pool)
    ending = random.random()
    if ending < 0.3:
        futures = submit(pool)
        pool.shutdown(wait=random.random() < 0.5, cancel_futures=random.random() < 0.5)
        for future, number in futures.items():
            check(future, number)
    elif ending < 0.6:
        # Others still use it.
        one, two = random.sample(USES, 2)
        with beside(lambda: one(pool)), beside(lambda: two(pool)):
            pool.shutdown(cancel_futures=random.random() < 0.5)
    elif ending < 0.8:
        pool.shutdown()
    # or it is lost


class Pools(stressing.Stress):
    """One pool that all threads use for some time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.common = Pool(2)

    def use_common(self) -> None:
        """Use the common pool; now and then end it, and put another in its place."""
        pool = self.common
        if random.random() < 0.05:
            self.common = Pool(2)
            pool.shutdown(wait=False)
        else:
            random.choice(USES)(pool)

    def here(self) -> None:
        """One round of a thread of the main interpreter."""
        use_pool()
        self.use_common()
        self.count(pools=1)

    def there(self) -> None:
        """An interpreter that makes pools of its own."""
        made = interpreters.create()
        try:
            made.prepare_main(folder=str(Path(__file__).resolve().parent))
            made.exec(ENTER)
            for _ in range(5):
                if self.going_on():
                    made.exec("stress_pools.use_pool()")
                    self.count(pools_there=1)
        finally:
            made.close()


def main() -> None:
    """Run for --seconds; exit non-zero on a failure, or if nothing was done."""
    stress = Pools(stressing.parser().parse_args().seconds)
    bodies = [stress.again(stress.here)] * HERE + [stress.again(stress.there)] * THERE
    stress.run(*bodies)
    stress.common.shutdown()
    stress.judge("pools", "pools_there")


if __name__ == "__main__":
    main()
