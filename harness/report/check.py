"""Checks that a stored result has the shape its readers count on, and names the place where it has not.

A shape is a type (`float` also takes an int; numbers must be finite), `Maybe(shape)` for null, `OneOf(words)`, a
list of one shape, or a dict of shapes in which a key that ends in `?` may be missing. Keys that no shape names are
allowed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Maybe:
    """The shape, or null."""

    shape: Any


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these strings."""

    words: tuple[str, ...]


def problems(value: object, shape: Any, where: str = "") -> list[str]:  # noqa: ANN401 - shapes are a small language
    """Each departure of `value` from `shape`, as "place: what is wrong"; empty if there is none."""
    place = where or "the file"
    if isinstance(shape, Maybe):
        return [] if value is None else problems(value, shape.shape, where)
    if isinstance(shape, OneOf):
        return [] if value in shape.words else [f"{place}: {value!r} is none of {', '.join(shape.words)}"]
    if isinstance(shape, Mapping):
        return _in_object(value, shape, where, place)
    if isinstance(shape, list):
        return _in_list(value, shape[0], where, place)
    return [] if _is_a(value, shape) else [f"{place}: {_shown(value)} is not {_named(shape)}"]


def _in_object(value: object, shape: Mapping[str, Any], where: str, place: str) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"{place}: {_shown(value)} is not an object"]
    found = []
    for key, inner in shape.items():
        name = key.removesuffix("?")
        at = f"{where}.{name}" if where else name
        if name in value:
            found += problems(value[name], inner, at)
        elif not key.endswith("?"):
            found.append(f"{at}: missing")
    return found


def _in_list(value: object, inner: Any, where: str, place: str) -> list[str]:  # noqa: ANN401
    if not isinstance(value, list):
        return [f"{place}: {_shown(value)} is not a list"]
    return [problem for index, item in enumerate(value) for problem in problems(item, inner, f"{where}[{index}]")]


def _is_a(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _named(kind: type) -> str:
    return {float: "a finite number", int: "a whole number", str: "a string", bool: "true or false"}.get(
        kind, "an object" if kind is dict else kind.__name__
    )


def _shown(value: object) -> str:
    words = repr(value)
    return words if len(words) <= 40 else words[:37] + "..."
