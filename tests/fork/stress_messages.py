"""Stress for messages: eight interpreters and main use a hundred queues, which are destroyed at random moments.

Each of eight threads makes an interpreter, which puts and gets for a moment, with and without waiting, and closes it:
what it has put stays behind, and so do queues whose lines it stood in. One more thread destroys queues that others
wait for, and makes new ones. What arrives must be what someone sent.
"""

from __future__ import annotations

import importlib
import random
import time
from concurrent import interpreters  # type: ignore[attr-defined]
from typing import Any

import _interpqueues  # type: ignore[import-not-found]
import stressing

_queues: Any = importlib.import_module("concurrent.interpreters._queues")
THREADS = 8
QUEUES = 100
SAMPLE = 25  # queues that an interpreter knows: few enough for it to meet others there
POLICIES = tuple(getattr(_queues, name) for name in ("UNBOUND", "UNBOUND_ERROR", "UNBOUND_REMOVE"))

WORK = """
import random, time
from concurrent import interpreters
from concurrent.interpreters import _queues
HUGE = 32 * 1024 * 1024
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
huge = b"spam" + bytes(HUGE) + b"eggs" if chance.random() < 0.25 else b""  # its pages are mapped, not copied
def known(item):
    if item is _queues.UNBOUND:
        return True
    if type(item) is memoryview:
        return bytes(item) == VIEW
    if type(item) is interpreters.Queue:
        return item.id > 0
    if type(item) is bytes and len(item) > HUGE:
        return item[:4] == b"spam" and item[-4:] == b"eggs" and item[::4096].count(0) == HUGE // 4096
    return any(type(item) is type(one) and item == one for one in ITEMS)
def step(queue, timeout):
    if chance.random() < 0.5:
        kind = chance.random()
        if kind < 0.1:
            queue.put(memoryview(VIEW), timeout=timeout)
        elif kind < 0.2:
            queue.put(chance.choice(queues), timeout=timeout)
        elif huge and kind < 0.21:
            queue.put(huge, timeout=timeout)
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


class Messages(stressing.Stress):
    """The queues."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.queues = [self.new_queue() for _ in range(QUEUES)]

    @staticmethod
    def new_queue() -> interpreters.Queue:
        """A queue of a random kind."""
        return interpreters.create_queue(random.choice((0, 1, 2, 10)), unbounditems=random.choice(POLICIES))

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
        self.count(interpreters=1, messages=done)

    def destroy(self) -> None:
        """Destroy a queue, and make another in its place."""
        time.sleep(random.random() * 0.01)
        with self.lock:
            index = random.randrange(QUEUES)
            queue, self.queues[index] = self.queues[index], self.new_queue()
        if random.random() < 0.5:  # otherwise its last reference goes some time
            _interpqueues.destroy(queue.id)
        self.count(destroyed=1)

    def work_here(self) -> None:
        """Do for a moment in main what the interpreters do."""
        space: dict[str, Any] = {"seed": 1, "ids": self.some_queues(), "seconds": 0.2}
        exec(WORK, space)
        self.count(messages=space["done"])


def main() -> None:
    """Run for --seconds; exit non-zero on a failure, or if nothing was done."""
    stress = Messages(stressing.parser().parse_args().seconds)
    bodies = [stress.again(stress.live)] * THREADS + [stress.again(stress.destroy)]
    stress.run(*bodies, here=stress.again(stress.work_here))
    stress.judge("interpreters", "messages")


if __name__ == "__main__":
    main()
