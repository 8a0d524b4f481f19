"""The CPU work that workers do in parallel: pure Python and C-accelerated modules, nothing shared, nothing blocking.

Each function does `loops` units of its kind of work and returns a checksum that depends only on `loops`, so that a
caller can see that every worker really did it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable

_ENTRY = re.compile(r"(\w+)=(\d+);")


def compute(loops: int) -> int:
    """Integer arithmetic in local variables: no allocation, no calls."""
    total = 1
    for _ in range(loops):
        step = total
        for number in range(100):
            step = (step * 31 + number) & 0xFFFF
        total = step or 1
    return total


def mixed(loops: int) -> int:
    """Allocation, dicts, json and re: what servers do."""
    total = 0
    for number in range(loops):
        record = {f"key{index}": [index, str(index)] for index in range(20)}
        text = json.dumps(record)
        total += len(json.loads(text)) + len(text)
        line = "".join(f"k{index}={index * number % 97};" for index in range(10))
        total += sum(int(value) for _, value in _ENTRY.findall(line))
    return total


def floats(loops: int) -> int:
    """Float arithmetic, and floats to text and back."""
    value = 1.5
    length = 0
    for number in range(loops):
        for step in range(1, 20):
            value = (value * 1.0001 + step / 7.0) % 1000.0
        text = repr(value + number)
        length += len(text)
        value += float(text) % 1.0
    return length


def strings(loops: int) -> int:
    """Making, joining, splitting and hashing text."""
    total = 0
    for number in range(loops):
        words = [f"word{index}{number % 7}" for index in range(20)]
        line = " ".join(words).upper()
        total += len(line.split()) + line.count("WORD1") + len(dict.fromkeys(words, 1))
    return total


class _Point:
    scale = 2

    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def moved(self, by: int) -> _Point:
        return _Point(self.x + by, self.y + by * self.scale)


def attributes(loops: int) -> int:
    """Objects made, attributes read and written."""
    total = 0
    for _ in range(loops):
        point = _Point(0, 0)
        for step in range(20):
            point = point.moved(step)
            point.x += point.scale
        total += point.x + point.y
    return total


def exceptions(loops: int) -> int:
    """Exceptions raised and caught across two frames."""

    def fails(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number

    total = 0
    for _ in range(loops):
        for number in range(20):
            try:
                total += fails(number)
            except ValueError as problem:
                total += int(problem.args[0])
    return total


def calls(loops: int) -> int:
    """Recursive Python calls."""

    def fibonacci(number: int) -> int:
        return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)

    total = 0
    for _ in range(loops):
        total += fibonacci(9)
    return total


def imports(loops: int) -> int:
    """Pure modules loaded afresh from their .pyc files."""
    total = 0
    for _ in range(loops):
        for name in ("bisect", "colorsys", "graphlib", "sched"):
            sys.modules.pop(name, None)
            total += len(__import__(name).__name__)
    return total


WORK: dict[str, Callable[[int], int]] = {
    "compute": compute,
    "mixed": mixed,
    "floats": floats,
    "strings": strings,
    "attributes": attributes,
    "exceptions": exceptions,
    "calls": calls,
    "imports": imports,
}
