"""Control flow: exceptions, generators and coroutines, context managers, recursion, locks and thread-local data."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

from bench_script import calls, main


class _Refused(ValueError):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _deep(depth: int) -> int:
    if depth == 0:
        raise _Refused(7)
    return _deep(depth - 1) + 1


_EMPTY: dict[str, int] = {}


def _exceptions() -> int:
    total = 0
    for _ in range(20):
        try:
            _deep(3)
        except _Refused as problem:
            total += problem.code
        try:
            _EMPTY["absent"]
        except (IndexError, KeyError):
            total += 1
        try:
            total += 1
        finally:
            total -= 1
        try:
            try:
                int("no number")
            except ValueError as problem:
                raise RuntimeError("again") from problem
        except RuntimeError as problem:
            total += problem.__cause__ is not None
    return total


def _numbers(upto: int) -> Iterator[int]:
    yield from range(upto)


def _tree(depth: int) -> Iterator[int]:
    if depth:
        yield from _tree(depth - 1)
        yield depth
        yield from _tree(depth - 1)


def _averager() -> Generator[float, float, None]:
    total, count = 0.0, 0
    while True:
        total += yield total / (count or 1)
        count += 1


async def _leaf(number: int) -> int:
    return number


async def _branch() -> int:
    return await _leaf(1) + await _leaf(2)


def _generators() -> float:
    total = float(sum(_numbers(100)) + sum(_tree(5)))
    averager = _averager()
    next(averager)
    for number in range(20):
        total += averager.send(float(number))
    averager.close()
    coroutine = _branch()
    try:
        coroutine.send(None)
    except StopIteration as ended:
        total += ended.value
    return total


def _fibonacci(number: int) -> int:
    return number if number < 2 else _fibonacci(number - 1) + _fibonacci(number - 2)


def _recursion() -> int:
    return _fibonacci(12)


_LOCK = threading.Lock()
_CONDITION = threading.RLock()
_LOCAL = threading.local()


def _locks() -> int:
    _LOCAL.count = 0
    for _ in range(50):
        with _LOCK:
            _LOCAL.count += 1
        with _CONDITION, _CONDITION:
            _LOCAL.count += 1
        threading.get_ident()
        threading.current_thread()
    return int(_LOCAL.count)


if __name__ == "__main__":
    main(
        {
            "exceptions": calls(_exceptions),
            "generators": calls(_generators),
            "recursion": calls(_recursion),
            "locks": calls(_locks),
        }
    )
