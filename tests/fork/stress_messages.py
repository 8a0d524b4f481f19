"""Stress for messages: eight interpreters and main use a hundred queues, which are destroyed at random moments.

Each of eight threads makes an interpreter, which puts and gets for a moment, with and without waiting, and closes it:
what it has put stays behind, and so do queues whose lines it stood in. One more thread destroys queues that others
wait for, and makes new ones. What arrives must be what someone sent.
"""

from __future__ import annotations

import argparse
import importlib
import random
import threading
import time
from concurrent import interpreters  # type: ignore[attr-defined]
from typing import Any

import _interpqueues  # type: ignore[import-not-found]

_queues: Any = importlib.import_module("concurrent.interpreters._queues")
THREADS = 8
QUEUES = 100
SAMPLE = 25  # queues that an interpreter knows: few enough for it to meet others there
POLICIES = tuple(getattr(_queues, name) for name in ("UNBOUND", "UNBOUND_ERROR", "UNBOUND_REMOVE"))

WORK = """
import random, time
from concurrent import interpreters
from concurrent.interpreters import _queues
chance = random.Random(seed)
queues = []
for id in ids:
    try:
        queues.append(interpreters.Queue(id))
    except _queues.QueueNotFoundError:
        pass
ITEMS = [
    None, True, -1, 10 ** 30, 1.5, 2j, "", "x", "\\u20ac" * 500, "a" * 300_000, b"", b"y" * 100_000,
    (1, ("z", (2.5, None)), b"b"), [1, {"k": (2,)}], {"pickled": True}, {1, 2, 3},
]
VIEW = bytes(range(256)) * 40
def known(item):
    if item is _queues.UNBOUND:
        return True
    if type(item) is memoryview:
        return bytes(item) == VIEW
    if type(item) is interpreters.Queue:
        return item.id > 0
    return any(type(item) is type(one) and item == one for one in ITEMS)
def step(queue, timeout):
    if chance.random() < 0.5:
        kind = chance.random()
        if kind < 0.1:
            queue.put(memoryview(VIEW), timeout=timeout)
        elif kind < 0.2:
            queue.put(chance.choice(queues), timeout=timeout)
        else:
            queue.put(chance.choice(ITEMS), timeout=timeout)
    else:
        item = queue.get(timeout=timeout)
        assert known(item), repr(item)[:200]
done = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    try:
        step(chance.choice(queues), chance.choice((0, 0, 0.0005, 0.02)))
        done += 1
    except (interpreters.QueueEmpty, interpreters.QueueFull, _queues.QueueNotFoundError,
            _queues.ItemInterpreterDestroyed):
        pass
    except interpreters.NotShareableError as error:
        assert "QueueNotFoundError" in str(error), error  # the item was a queue
"""


class Stress:
    """What the threads share: the queues, when to stop, what was done, what went wrong."""

    def __init__(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.queues = [self.new_queue() for _ in range(QUEUES)]
        self.interpreters = 0
        self.messages = 0
        self.destroyed = 0
        self.failures: list[str] = []

    @staticmethod
    def new_queue() -> interpreters.Queue:
        """A queue of a random kind."""
        return interpreters.create_queue(random.choice((0, 1, 2, 10)), unbounditems=random.choice(POLICIES))

    def going_on(self) -> bool:
        """Is there time left, and has nothing failed?"""
        return time.monotonic() < self.deadline and not self.failures

    def some_queues(self) -> tuple[int, ...]:
        """The IDs of those that one interpreter gets to know."""
        with self.lock:
            return tuple(queue.id for queue in random.sample(self.queues, SAMPLE))

    def live(self) -> None:
        """One interpreter: made, used, closed."""
        made = interpreters.create()
        try:
            made.prepare_main(seed=random.getrandbits(32), ids=self.some_queues(), seconds=random.random() * 0.5)
            made.exec(WORK)
            done = made.call(eval, "done")
        finally:
            made.close()
        with self.lock:
            self.interpreters += 1
            self.messages += done

    def work(self) -> None:
        """The body of a thread."""
        try:
            while self.going_on():
                self.live()
        except BaseException as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def destroy(self) -> None:
        """Destroy queues, and make others in their places."""
        try:
            while self.going_on():
                time.sleep(random.random() * 0.01)
                with self.lock:
                    index = random.randrange(QUEUES)
                    queue, self.queues[index] = self.queues[index], self.new_queue()
                if random.random() < 0.5:  # otherwise its last reference goes some time
                    _interpqueues.destroy(queue.id)
                self.destroyed += 1
        except BaseException as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def run(self) -> None:
        """Let the threads work, and main, too."""
        threads = [threading.Thread(target=self.work) for _ in range(THREADS)]
        threads.append(threading.Thread(target=self.destroy))
        for thread in threads:
            thread.start()
        while self.going_on():
            space = {"seed": 1, "ids": self.some_queues(), "seconds": 0.2}
            try:
                exec(WORK, space)
            except BaseException as error:
                self.failures.append(f"main: {type(error).__name__}: {error}")
            self.messages += space["done"]  # type: ignore[operator]
        for thread in threads:
            thread.join()


def main() -> None:
    """Run for --seconds; exit non-zero on a failure, or if nothing was done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0)
    stress = Stress(parser.parse_args().seconds)
    stress.run()
    print(f"{stress.interpreters} interpreters, {stress.messages} messages, {stress.destroyed} queues destroyed")
    if stress.failures or not stress.interpreters or not stress.messages:
        raise SystemExit(f"failed: {stress.failures or 'no message was passed'}")


if __name__ == "__main__":
    main()
