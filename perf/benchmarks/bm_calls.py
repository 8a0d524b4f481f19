"""Calls: Python functions by position and by keyword, methods, C functions, C functions with keyword parsing."""

from __future__ import annotations

import time

from bench_script import main


def _three(a: int, b: int, c: int) -> int:
    return b


def _keywords(a: int, *, b: int = 1, c: int = 2, **rest: int) -> int:
    return b


class _Counter:
    def __init__(self) -> None:
        self.count = 0

    def step(self, by: int) -> int:
        return by

    def twice(self) -> int:
        return self.step(1) + self.step(2)

    @classmethod
    def make(cls, by: int) -> int:
        return by

    @staticmethod
    def plain(by: int) -> int:
        return by


def call_positional(loops: int) -> float:
    f = _three
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        f(1, 2, 3)
        f(4, 5, 6)
        f(7, 8, 9)
        f(f(1, 2, 3), f(1, 2, 3), 3)
        f(10, 11, 12)
    return time.perf_counter() - started


def call_keyword(loops: int) -> float:
    f = _keywords
    positional = (1,)
    named = {"b": 2, "c": 3}
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        f(1, b=2)
        f(1, c=3, b=2)
        f(a=1, b=2, c=3)
        f(1, d=4)
        f(*positional, **named)
    return time.perf_counter() - started


def call_method(loops: int) -> float:
    counter = _Counter()
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        counter.step(1)
        counter.twice()
        counter.make(2)
        counter.plain(3)
        _Counter()
    return time.perf_counter() - started


def call_builtin(loops: int) -> float:
    items = [3, 1, 2]
    text = "redwood"
    table = {"a": 1}
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        len(items)
        isinstance(text, str)
        text.startswith("red")
        table.get("a")
        abs(-3)
        ord("x")
        max(1, 2, 3)
        items.append(4)
        items.pop()
    return time.perf_counter() - started


def call_clinic(loops: int) -> float:
    """C functions whose keyword arguments go through the shared argument parsers."""
    text = "one,two,three"
    items = [3, 1, 2]
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        text.split(sep=",", maxsplit=1)
        text.encode(encoding="utf-8", errors="strict")
        int("7f", base=16)
        sum(items, start=1)
        sorted(items, reverse=True)
        enumerate(items, start=1)
        text.expandtabs(tabsize=4)
        b"abc".decode(encoding="ascii")
    return time.perf_counter() - started


if __name__ == "__main__":
    main(
        {
            "call_positional": call_positional,
            "call_keyword": call_keyword,
            "call_method": call_method,
            "call_builtin": call_builtin,
            "call_clinic": call_clinic,
        }
    )
