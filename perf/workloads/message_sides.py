"""What the other side of a message benchmark does, for any kind of queue.

It is a module of its own because interpreters import it: one with its own GIL refuses what `multiprocessing` needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def sink(count: int, incoming: Any, outgoing: Any) -> None:  # noqa: ANN401 (any kind of queue)
    """Say ready, take `count` integers, answer with their sum."""
    outgoing.put(-1)
    total = 0
    for _ in range(count):
        total += incoming.get()
    outgoing.put(total)


def echo(count: int, incoming: Any, outgoing: Any) -> None:  # noqa: ANN401
    """Say ready, send each of `count` integers back."""
    outgoing.put(-1)
    for _ in range(count):
        outgoing.put(incoming.get())


def measure_bytes(count: int, incoming: Any, outgoing: Any) -> None:  # noqa: ANN401
    """Say ready, take `count` blocks of bytes, answer each with its length, first and last byte in one integer."""
    outgoing.put(-1)
    for _ in range(count):
        block = incoming.get()
        outgoing.put(len(block) * 65536 + block[0] * 256 + block[-1])


OTHER_SIDE: dict[str, Callable[[int, Any, Any], None]] = {
    "one_way_ints": sink,
    "round_trip": echo,
    "bytes_64mib": measure_bytes,
}
