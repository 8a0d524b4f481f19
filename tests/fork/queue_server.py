"""Does what test_queue_model.py says with one queue of `concurrent.interpreters`; runs in the fork.

One line of JSON a command, from the named pipe that is its argument; one line with the outcome: the pickled value in
hex, or the name of an exception.
"""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from collections.abc import Callable
from concurrent import interpreters  # type: ignore[attr-defined]
from typing import Any

_queues: Any = importlib.import_module("concurrent.interpreters._queues")
POLICIES = {"marker": _queues.UNBOUND, "error": _queues.UNBOUND_ERROR, "remove": _queues.UNBOUND_REMOVE}


def put(queue: Any, value: object, timeout: float | None, policy: str | None) -> None:  # noqa: ANN401
    """Put; without a timeout, do not wait."""
    unbound = None if policy is None else POLICIES[policy]
    queue.put(value, timeout is not None, timeout, unbounditems=unbound)


def get(queue: Any, timeout: float | None) -> tuple[str, object]:  # noqa: ANN401
    """What is taken; the marker of a lost item is a word, since it may be no object of another interpreter."""
    value = queue.get(timeout is not None, timeout)
    return ("marker", None) if value is _queues.UNBOUND else ("value", value)


def look(queue: Any) -> tuple[int, bool, bool]:  # noqa: ANN401
    """How full it is, in all ways to ask."""
    return queue.qsize(), queue.empty(), queue.full()


FUNCTIONS: dict[str, Callable[..., object]] = {"put": put, "get": get, "look": look}


class Server:
    """A queue, main, and some interpreters, any of which can be told to use it."""

    def __init__(self, maxsize: int, policy: str, count: int) -> None:
        self.queue = interpreters.create_queue(maxsize, unbounditems=POLICIES[policy])
        self.others = [interpreters.create() for _ in range(count)]

    def do(self, who: int, name: str, arguments: list[Any]) -> object:
        """Number 0 is main."""
        if name == "end":
            self.others[who - 1].close()
            self.others[who - 1] = interpreters.create()
            return None
        function = FUNCTIONS[name]
        if who == 0:
            return function(self.queue, *arguments)
        return self.others[who - 1].call(function, self.queue, *arguments)


def main() -> None:
    """Serve until nobody writes to the pipe any more; `new` begins with another queue."""
    server: Server | None = None
    for line in open(sys.argv[1], encoding="utf-8"):  # noqa: SIM115,PTH123 (it is read to its end)
        command = json.loads(line)
        try:
            if command["name"] == "new":
                server = Server(*command["arguments"])
                outcome: dict[str, str] = {"value": pickle.dumps(None).hex()}
            else:
                assert server is not None
                arguments = pickle.loads(bytes.fromhex(command["arguments"]))
                outcome = {"value": pickle.dumps(server.do(command["who"], command["name"], arguments)).hex()}
        except Exception as error:
            outcome = {"error": type(error).__name__}
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
