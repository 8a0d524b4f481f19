"""SVG by percentages: marks keep their size and text stays readable at any width, from a phone to print.

Coordinates along a scale are percentages of the plot's box, so that one drawing serves every screen; colours are CSS
classes, so that light and dark are the page's business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Value = str | float | int | None


def _text(value: str | float | int) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def tag(name: str, *children: str, **attributes: Value) -> Markup:
    """One element. `class_` becomes class, other underscores hyphens; an attribute that is None is left out."""
    written = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    inside = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{''.join(written)}>{inside}</{name}>")


def percent(value: float) -> str:
    """`value` (0 to 100) as an SVG percentage."""
    return f"{_text(round(value, 2))}%"


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map of [low, high] to 0..100 percent; values outside are kept at the edge."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        """The place of `value` in percent, clipped to the plot."""
        span = self.high - self.low or 1.0
        return min(100.0, max(0.0, 100.0 * (value - self.low) / span))

    def holds(self, value: float) -> bool:
        """Whether `value` is inside."""
        return self.low <= value <= self.high


def nice_step(span: float, wanted: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts `span` into about `wanted` parts."""
    raw = max(span, 1e-12) / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values inside [low, high], about `wanted` of them."""
    step = nice_step(high - low, wanted)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line between two places in percent."""
    return tag("line", x1=percent(x1), y1=percent(y1), x2=percent(x2), y2=percent(y2), class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """A polyline through places in percent; its stroke keeps its width however the plot is stretched."""
    written = " ".join(f"{_text(x)},{_text(y)}" for x, y in points)
    inner = tag("polyline", points=written, class_=class_, vector_effect="non-scaling-stroke")
    return tag("svg", inner, viewBox="0 0 100 100", preserveAspectRatio="none", width="100%", height="100%")


def dot(x: float, y: float, class_: str, title: str, radius: float = 4.5, shape: str = "circle") -> Markup:
    """A mark at a place in percent: circle, square, diamond or triangle, with its figures as a tooltip."""
    told = tag("title", title)
    if shape == "circle":
        return tag("circle", told, cx=percent(x), cy=percent(y), r=radius, class_=class_)
    outline = {
        "square": "-{r},-{r} {r},-{r} {r},{r} -{r},{r}",
        "diamond": "0,-{d} {d},0 0,{d} -{d},0",
        "triangle": "0,-{d} {d},{r} -{d},{r}",
    }[shape].format(r=_text(radius * 0.9), d=_text(radius * 1.3))
    mark = tag("polygon", told, points=outline, class_=class_)
    return tag("svg", mark, x=percent(x), y=percent(y), overflow="visible", width="1", height="1")


def label(
    x: float, y: float, words: str, class_: str, *, dx: float = 0, dy: float = 0, anchor: str = "middle"
) -> Markup:
    """Text at a place in percent, moved by dx and dy pixels."""
    return tag("text", words, x=percent(x), y=percent(y), dx=dx, dy=dy, text_anchor=anchor, class_=class_)


def picture(title: str, height: int, class_: str, *children: Markup) -> Markup:
    """A drawing as wide as its box and `height` pixels high, named for people who cannot see it."""
    return tag(
        "svg",
        *children,
        class_=class_,
        width="100%",
        height=height,
        role="img",
        aria_label=title,
        overflow="visible",
    )
