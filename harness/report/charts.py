"""The drawings about speed: intervals on an axis, ratios over blocks, instruction counts against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.report import text
from harness.report.kinds import UNMEASURED
from harness.report.svg import Scale, dot, label, line, path, percent, picture, tag, ticks

Row = Mapping[str, Any]
ROW_HEIGHT = 22
WIDEST = 0.25  # a ratio further than 25% from 1 is drawn at the edge; its figure is beside it
LAST_LABEL = 97.0  # percent of the axis after which a label would leave the page


def ratio_scale(rows: Sequence[Row | None], margin: float) -> Scale:
    """A scale of ratios, even around 1, that holds the margin and all intervals up to WIDEST."""
    reach = 1.6 * margin
    for row in rows:
        for key in ("low", "ratio", "high"):
            value = row.get(key) if row else None
            if value is not None:
                reach = max(reach, abs(float(value) - 1) * 1.08)
    reach = min(reach, WIDEST)
    return Scale(1 - reach, 1 + reach)


def axis_labels(scale: Scale, wanted: int = 5) -> Markup:
    """The labels of a ratio axis, in percent of change."""
    marks = ticks(scale.low - 1, scale.high - 1, wanted)
    digits = _digits(marks)
    words = [
        label(scale(1 + mark), 100, text.signed_percent(mark, digits), "tick", dy=-5)
        for mark in marks
        if 100 - LAST_LABEL <= scale(1 + mark) <= LAST_LABEL
    ]
    return picture("axis: change of time in percent", 20, "axis", *words)


def _digits(marks: Sequence[float]) -> int:
    """Decimals that a percentage label needs at these steps."""
    return 1 if len(marks) > 1 and round(100 * (marks[1] - marks[0]), 6) % 1 else 0


def _ground(scale: Scale, margin: float, wanted: int = 5) -> list[Markup]:
    low, high = scale(1 - margin), scale(1 + margin)
    band = tag("rect", x=percent(low), y="0", width=percent(high - low), height="100%", class_="band")
    grid = [line(scale(1 + at), 0, scale(1 + at), 100, "grid") for at in ticks(scale.low - 1, scale.high - 1, wanted)]
    return [band, *grid, line(scale(1), 0, scale(1), 100, "unity")]


def _edges(scale: Scale, low: float, high: float, class_: str) -> list[Markup]:
    """Arrow heads where an interval leaves the plot."""
    heads = []
    if not scale.holds(low):
        heads.append(label(0, 50, "◂", f"edge {class_}", dy=4, anchor="start"))
    if not scale.holds(high):
        heads.append(label(100, 50, "▸", f"edge {class_}", dy=4, anchor="end"))
    return heads


def interval(scale: Scale, row: Row, margin: float, class_: str, height: int = ROW_HEIGHT) -> Markup:
    """One row of the forest: the interval, its estimate and, hollow, the ratio of instructions."""
    name = str(row.get("name", ""))
    parts = _ground(scale, margin)
    if row.get("ratio") is None or row.get("status") in UNMEASURED:
        words = str(row.get("status") or "not measured")
        return picture(f"{name}: {words}", height, "row", *parts, label(50, 50, words, "lost", dy=4))
    value = float(row["ratio"])
    low = value if row.get("low") is None else float(row["low"])
    high = value if row.get("high") is None else float(row["high"])
    told = f"{name}: {text.ratio(value)} {text.interval(low, high)}"
    parts += [line(scale(low), 50, scale(high), 50, f"whisker {class_}"), *_edges(scale, low, high, class_)]
    counted = row.get("instructions")
    if counted:
        told += f", instructions {text.ratio(counted['ratio'])}"
        parts.append(dot(scale(counted["ratio"]), 50, "witness", told, shape="diamond"))
    shape = "diamond" if class_.startswith(("suite", "control")) else "circle"
    parts.append(dot(scale(value), 50, f"mark {class_}", told, radius=5 if shape == "diamond" else 4, shape=shape))
    return picture(told, height, "row", *parts)


def strip(scale: Scale, ratios: Sequence[float], estimate: Row, margin: float, class_: str) -> Markup:
    """The ratios of all blocks of one arm as a swarm, with the estimate's interval under them."""
    places = _swarm([scale(value) for value in ratios])
    parts = _ground(scale, margin)
    for index, (value, (x, y)) in enumerate(zip(ratios, places, strict=True), start=1):
        parts.append(dot(x, y, f"block {class_}", f"block {index}: {text.ratio(value)}", radius=4))
    if estimate.get("ratio") is not None:
        middle = scale(float(estimate["ratio"]))
        ends = [scale(float(estimate[key])) for key in ("low", "high") if estimate.get(key) is not None]
        if len(ends) == 2:
            parts.append(line(ends[0], 88, ends[1], 88, f"whisker thick {class_}"))
        parts.append(dot(middle, 88, f"mark {class_}", f"estimate {text.ratio(estimate['ratio'])}", 5, "diamond"))
    told = f"{text.plural(len(ratios), 'block')}, from {text.ratio(min(ratios))} to {text.ratio(max(ratios))}"
    return picture(told, 96, "strip", *parts)


def _swarm(places: Sequence[float], apart: float = 1.6, step: float = 11.0) -> list[tuple[float, float]]:
    """Heights (in percent) that keep marks at neighbouring places from covering each other."""
    taken: list[tuple[float, float]] = []
    for x in places:
        level = 0
        while True:
            y = 42 + step * ((level + 1) // 2) * (-1 if level % 2 else 1)
            if level > 6 or all(abs(x - other) > apart or abs(y - at) > 1 for other, at in taken):
                break
            level += 1
        taken.append((x, y))
    return taken


def witness(rows: Sequence[Row], margin: float) -> Markup:
    """Ratio of time (up) against ratio of instructions (right): on the diagonal the two witnesses agree."""
    counted = [row for row in rows if row.get("instructions") and row.get("ratio") is not None]
    plain = [{"ratio": row["instructions"]["ratio"]} for row in counted]
    scale = ratio_scale([*plain, *({"ratio": row["ratio"]} for row in counted)], margin)
    low, high = scale(1 - margin), scale(1 + margin)
    parts = [
        tag("rect", x="0", y=percent(100 - high), width="100%", height=percent(high - low), class_="band"),
        tag("rect", x=percent(low), y="0", width=percent(high - low), height="100%", class_="band"),
        path([(0, 100), (100, 0)], "diagonal"),
    ]
    marks = ticks(scale.low - 1, scale.high - 1, 6)
    digits = _digits(marks)
    for at in marks:
        place, words = scale(1 + at), text.signed_percent(at, digits)
        parts += [line(place, 0, place, 100, "grid"), line(0, 100 - place, 100, 100 - place, "grid")]
        parts.append(label(place, 100, words, "tick", dy=16))
        parts.append(label(0, 100 - place, words, "tick", dx=-6, dy=4, anchor="end"))
    for row in counted:
        told = (
            f"{row['name']}: time {text.ratio(row['ratio'])}, instructions {text.ratio(row['instructions']['ratio'])}"
        )
        parts.append(dot(scale(row["instructions"]["ratio"]), 100 - scale(row["ratio"]), f"mark {row['tone']}", told))
    return picture("time against instructions, one mark a benchmark", 260, "plot", *parts)


def far_out(scale: Scale, rows: Sequence[Row]) -> bool:
    """Whether any estimate lies outside the scale."""
    return any(row.get("ratio") is not None and not scale.holds(float(row["ratio"])) for row in rows)
