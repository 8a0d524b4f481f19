"""Containers: dict, list and set work, sorting, comprehensions, and the garbage collector over linked objects."""

from __future__ import annotations

import gc
import random

from bench_script import calls, main

_WORDS = [f"word{number}" for number in range(200)]
_NUMBERS = random.Random(7).sample(range(10_000), 500)
_PAIRS = [(number % 17, str(number)) for number in _NUMBERS]


def _dict_ops() -> int:
    counts: dict[str, int] = {}
    for word in _WORDS:
        counts[word] = counts.get(word, 0) + 1
    other = {number: number for number in range(200)}
    counts.update(dict.fromkeys(_WORDS[:50], 0))
    total = 0
    for key, value in counts.items():
        total += value + len(key)
    for number in range(0, 200, 2):
        del other[number]
    return total + sum(other.values()) + ("absent" in counts) + len({**counts, "extra": 1})


def _list_ops() -> int:
    items = list(range(200))
    for number in range(100):
        items.append(number)
        items[number] = items[-1]
    items[10:20] = items[30:50]
    items.extend(reversed(items[:50]))
    items.insert(5, 1)
    while len(items) > 100:
        items.pop()
    first, *_middle, last = items
    return first + last + items.index(30) + len(items + items) + items.count(3)


def _set_ops() -> int:
    even = {number for number in _NUMBERS if number % 2 == 0}
    small = set(_NUMBERS[:250])
    both = even & small
    either = even | small
    for number in range(100):
        either.add(number)
        either.discard(number + 50)
    return len(both) + len(either - both) + len(even ^ small) + (17 in either) + len(frozenset(both))


def _sort() -> int:
    by_number = sorted(_NUMBERS)
    by_key = sorted(_PAIRS, key=lambda pair: pair[1])
    by_tuple = sorted(_PAIRS)
    return by_number[0] + len(by_key) + by_tuple[0][0]


def _comprehension() -> int:
    squares = [number * number for number in _NUMBERS if number & 1]
    table = {word: index for index, word in enumerate(_WORDS)}
    nested = [(left, right) for left in range(20) for right in range(10)]
    lengths = {len(word) for word in _WORDS}
    return len(squares) + len(table) + len(nested) + len(lengths) + sum(number for number in squares)


class _Node:
    def __init__(self, depth: int, parent: _Node | None) -> None:
        self.parent = parent
        self.children = [_Node(depth - 1, self) for _ in range(2)] if depth else []


def _gc_objects() -> int:
    tree = _Node(7, None)
    del tree
    return gc.collect()


if __name__ == "__main__":
    main(
        {
            "dict_ops": calls(_dict_ops),
            "list_ops": calls(_list_ops),
            "set_ops": calls(_set_ops),
            "sort": calls(_sort),
            "comprehension": calls(_comprehension),
            "gc_objects": calls(_gc_objects),
        }
    )
