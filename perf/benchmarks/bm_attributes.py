"""Attribute access: instances, slots, properties, classes and modules of many types, and making classes."""

from __future__ import annotations

import math
import time

from bench_script import main


class _Plain:
    kind = "plain"

    def __init__(self) -> None:
        self.a = 1
        self.b = 2
        self.c = 3


class _Slotted:
    __slots__ = ("a", "b", "c")

    def __init__(self) -> None:
        self.a = 1
        self.b = 2
        self.c = 3


class _Computed:
    def __init__(self) -> None:
        self._value = 1

    @property
    def value(self) -> int:
        return self._value

    @value.setter
    def value(self, value: int) -> None:
        self._value = value


class _Dynamic:
    def __getattr__(self, name: str) -> str:
        return name


def attr_instance(loops: int) -> float:
    item = _Plain()
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        item.a = item.b
        item.b = item.c
        item.c = item.a
        item.a = item.b
        item.b = item.c
    return time.perf_counter() - started


def attr_slots(loops: int) -> float:
    item = _Slotted()
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        item.a = item.b
        item.b = item.c
        item.c = item.a
        item.a = item.b
        item.b = item.c
    return time.perf_counter() - started


def attr_property(loops: int) -> float:
    item = _Computed()
    dynamic = _Dynamic()
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        item.value = item.value
        item.value = item.value
        getattr(dynamic, "anything")  # noqa: B009 (by name on purpose)
        getattr(item, "value")  # noqa: B009
    return time.perf_counter() - started


def attr_class(loops: int) -> float:
    """Class and module attributes, and one place that sees twenty types (the method cache, not inline caches)."""
    kinds = [type(f"Kind{number}", (_Plain,), {"tag": number}) for number in range(20)]
    items = [kind() for kind in kinds]
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        seen: object = _Plain.kind
        seen = math.pi
        for item in items:
            seen = item.kind
            seen = item.tag
        _ = seen
    return time.perf_counter() - started


def class_creation(loops: int) -> float:
    """Make a class, look its methods up, change it (which empties its cache entries), drop it."""
    again = range(loops)
    started = time.perf_counter()
    for _ in again:

        class Made(_Plain):
            size = 3

            def area(self) -> int:
                return self.size * self.size

        item = Made()
        item.area()
        Made.size = 4
        item.area()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(
        {
            "attr_instance": attr_instance,
            "attr_slots": attr_slots,
            "attr_property": attr_property,
            "attr_class": attr_class,
            "class_creation": class_creation,
        }
    )
