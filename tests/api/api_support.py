"""What the cases call in other interpreters: it is found there by its name, or pickled."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

state: dict[str, Any] = {}


@dataclass
class Point:
    """Can be pickled."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)

    def shifted(self, by: int) -> Point:
        """The point beside it."""
        return Point(self.x + by, self.y, self.tags)


class Stubborn(Exception):
    """Can be pickled, but not made again."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = second


class Careful(Exception):
    """Keeps all that it was made with."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Unsendable:
    """Cannot be pickled."""

    def __reduce__(self) -> str:
        raise TypeError("stays here")


def remember(key: str, value: Any) -> None:
    """Keep a value in this module, which each interpreter has for itself."""
    state[key] = value


def recall(key: str, default: Any = None) -> Any:
    """What `remember` kept."""
    return state.get(key, default)


def count(key: str) -> int:
    """How often it was called with this key."""
    state[key] = state.get(key, 0) + 1
    return int(state[key])


def show(*arguments: Any, **keywords: Any) -> tuple[Any, Any]:
    """What it was called with."""
    return arguments, keywords


def current(module: str) -> int:
    """The id of the interpreter that runs this."""
    return int(importlib.import_module(module).get_current().id)


def fail(text: str) -> None:
    """Raise ValueError."""
    raise ValueError(text)


def fail_with_cause() -> None:
    """Raise KeyError from ZeroDivisionError."""
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as problem:
        raise KeyError("above") from problem


def fail_with(kind: str) -> None:
    """Raise an exception of this module, or a built-in one that ends programs."""
    raise {
        "careful": Careful(42),
        "stubborn": Stubborn("one", "two"),
        "system": FileNotFoundError(2, "gone", "/nowhere"),
        "exit": SystemExit(3),
        "interrupt": KeyboardInterrupt(),
    }[kind]


def make_unsendable() -> Unsendable:
    """A result that cannot leave the interpreter."""
    return Unsendable()


def make_closure() -> Any:
    """A function that cannot be sent."""
    inside = 1

    def closure() -> int:
        return inside

    return closure
