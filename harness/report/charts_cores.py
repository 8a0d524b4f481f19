"""The drawings about cores and globals: speed-up against workers, the burn-down by patch, bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.report import text
from harness.report.svg import Scale, dot, label, line, path, picture, ticks

POOLS = ("fork", "spawn", "forkserver")  # multiprocessing's ways to start a worker
PROCESSES = ("processes", *POOLS)  # separate commands first: they give the ceiling where they were measured
LEAST_SPAN = 10  # globals on the axis of a burn-down, so that its ticks are whole numbers
THREADS = ("fork", "threads")
SHAPES = {"threads": "triangle", "interpreters": "circle", "sequential": "diamond"}


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: who, how, and its (workers, speed-up) points in order of workers."""

    implementation: str
    mode: str
    points: tuple[tuple[int, float], ...]

    @property
    def class_(self) -> str:
        """CSS classes: colour by implementation, dash by mode."""
        known = self.implementation if self.implementation in ("fork", "upstream") else "peer"
        return f"of-{known} by-{'processes' if self.mode in PROCESSES else self.mode}"

    @property
    def shape(self) -> str:
        """The mark of its mode, so that colour is not the only difference."""
        return SHAPES.get(self.mode, "square")


def curves(rows: Sequence[Mapping[str, Any]]) -> list[Series]:
    """One curve for each implementation and mode that has speed-ups for parallel work."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        if row.get("speedup") is not None and not row.get("error") and row["mode"] != "sequential":
            found.setdefault((row["implementation"], row["mode"]), {})[row["workers"]] = float(row["speedup"])
    return [Series(*who, tuple(sorted(points.items()))) for who, points in found.items()]


def ceiling(series: Sequence[Series]) -> dict[int, float]:
    """What processes reach at each number of workers: the machine's ceiling.

    Of the fork where it was measured, else of another implementation: separate commands, else the best pool.
    """
    found = [one for one in series if one.mode in PROCESSES]
    found.sort(key=lambda one: (one.implementation != "fork", one.implementation, one.mode != "processes"))
    if not found:
        return {}
    chosen = [one for one in found if one.implementation == found[0].implementation]
    if chosen[0].mode == "processes":
        return dict(chosen[0].points)
    best: dict[int, float] = {}
    for one in chosen:
        for workers, speedup in one.points:
            best[workers] = max(best.get(workers, 0.0), speedup)
    return best


def drawn(series: Sequence[Series]) -> list[Series]:
    """The curves that a chart shows: interpreters of all, threads of the fork; processes are its ceiling."""
    chosen = [one for one in series if one.mode == "interpreters" or (one.implementation, one.mode) == THREADS]
    return sorted(chosen, key=lambda one: (one.implementation == "fork", one.mode == "interpreters"))


def scaling(title: str, series: Sequence[Series]) -> Markup:
    """Speed-up against workers for one workload, with the ideal line and the ceiling that processes set."""
    limit = ceiling(series)
    shown = drawn(series)
    workers = sorted({at for one in shown for at, _ in one.points} | set(limit) | {1})
    speedups = [speedup for one in shown for _, speedup in one.points]
    top = max([*speedups, *limit.values(), float(workers[-1])]) * 1.06
    across, up = Scale(workers[0] - 0.15, workers[-1] + 0.15), Scale(0, top)
    parts = _scaling_ground(across, up, workers, top)
    if limit:
        parts.append(path([(across(at), 100 - up(value)) for at, value in sorted(limit.items())], "ceiling"))
    for one in shown:
        places = [(across(at), 100 - up(value)) for at, value in one.points]
        parts.append(path(places, f"curve {one.class_}"))
        for (at, value), (x, y) in zip(one.points, places, strict=True):
            told = f"{one.implementation}, {one.mode}, {text.plural(at, 'worker')}: {value:.2f}×"
            parts.append(dot(x, y, f"spot {one.class_}", told, 4, one.shape))
    return picture(f"{title}: speed-up against workers", 200, "plot", *parts)


def _scaling_ground(across: Scale, up: Scale, workers: Sequence[int], top: float) -> list[Markup]:
    parts = []
    for at in ticks(0, top, 4):
        parts += [line(0, 100 - up(at), 100, 100 - up(at), "grid")]
        parts.append(label(0, 100 - up(at), f"{at:g}×", "tick", dx=-6, dy=4, anchor="end"))
    parts += [label(across(at), 100, str(at), "tick", dy=16) for at in workers]
    last = workers[-1]
    ideal = [(across(workers[0]), 100 - up(workers[0])), (across(last), 100 - up(last))]
    return [*parts, path(ideal, "ideal")]


def key(one: Series) -> Markup:
    """The sample of a curve for the legend."""
    return picture(
        "",
        14,
        "key",
        line(0, 50, 100, 50, f"curve {one.class_}"),
        dot(50, 50, f"spot {one.class_}", "", 4, one.shape),
    )


def burn_down(total: int, by_patch: Sequence[Mapping[str, Any]]) -> Markup:
    """What is left of the process-wide variables after each patch, as steps down from all of them."""
    left = [total, *(int(row["left"]) for row in by_patch)]
    floor = axis_floor(total, left)
    across, up = Scale(0, max(len(left) - 1, 1)), Scale(floor, total + (total - floor) * 0.08)
    steps: list[tuple[float, float]] = []
    for index, value in enumerate(left):
        if steps:
            steps.append((across(index), steps[-1][1]))
        steps.append((across(index), 100 - up(value)))
    parts = []
    for at in [*(at for at in ticks(floor, total, 4) if up(total) - up(at) > 9), total]:
        parts += [
            line(0, 100 - up(at), 100, 100 - up(at), "grid"),
            label(0, 100 - up(at), text.count(at), "tick", dx=-6, dy=4, anchor="end"),
        ]
    if floor == 0:  # an area says "how much of all", which only an axis from zero can
        parts.append(path([(0, 100), *steps, (100, 100)], "fill"))
    parts.append(path(steps, "steps"))
    for index, row in enumerate(by_patch, start=1):
        told = f"{row['patch']}: {row['removed']} moved, {text.count(row['left'])} left"
        parts.append(dot(across(index), 100 - up(row["left"]), "spot of-fork", told, 4))
    parts += [label(0, 100, "upstream", "tick", dy=16, anchor="start")]
    parts += [label(100, 100, f"after {text.plural(len(by_patch), 'patch')}", "tick", dy=16, anchor="end")]
    return picture(f"globals left, from {total} to {left[-1]}", 220, "plot", *parts)


def axis_floor(total: int, left: Sequence[int]) -> float:
    """Where the burn-down's axis starts: zero, unless the whole fall would then be a hair's breadth."""
    fall = total - min(left, default=total)
    if fall >= total / 4 or fall <= 0:
        return 0.0
    return max(0.0, math.floor(total - max(fall / 0.7, LEAST_SPAN)))
