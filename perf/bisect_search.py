"""Binary search over the series: which patch turned good into bad, with steps that cannot be judged left out.

Positions are numbers of applied patches: 0 is upstream, n the whole series. Nothing here builds or runs anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from harness.errors import BisectEndpointError


class Judgement(StrEnum):
    """What one position is; SKIP: it cannot be told (it does not build, the measurement stays undecided)."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """The culprit is among the positions `first`..`last` (equal when it is certain); `judged` in order of judging."""

    first: int
    last: int
    judged: tuple[tuple[int, Judgement], ...]

    @property
    def certain(self) -> bool:
        """Is it one patch?"""
        return self.first == self.last


def search(good: int, bad: int, judge: Callable[[int], Judgement]) -> Finding:
    """The first bad position between `good` (exclusive) and `bad` (inclusive), as git bisect looks for it.

    Both ends are judged first; BisectEndpointError if `good` is not good or `bad` not bad, for then the answer would
    mean nothing. Assumes that once bad it stays bad.
    """
    if good >= bad:
        raise BisectEndpointError(f"there is no patch between position {good} (good) and {bad} (bad)")
    judged: list[tuple[int, Judgement]] = []

    def ask(position: int) -> Judgement:
        judged.append((position, judge(position)))
        return judged[-1][1]

    for position, expected in ((good, Judgement.GOOD), (bad, Judgement.BAD)):
        found = ask(position)
        if found is not expected:
            raise BisectEndpointError(
                f"{describe(position)} should be {expected} and is {_word(found)}: there is nothing to search for"
            )
    low, high = good, bad
    skipped: set[int] = set()
    while (middle := _next(low, high, skipped)) is not None:
        found = ask(middle)
        if found is Judgement.SKIP:
            skipped.add(middle)
        elif found is Judgement.GOOD:
            low = middle
        else:
            high = middle
    return Finding(low + 1, high, tuple(judged))


def _next(low: int, high: int, skipped: set[int]) -> int | None:
    """The position nearest to the middle of the open interval that was not skipped."""
    open_ones = [position for position in range(low + 1, high) if position not in skipped]
    middle = (low + high) // 2
    return min(open_ones, key=lambda position: (abs(position - middle), position), default=None)


def describe(position: int) -> str:
    """Words for a position."""
    return "upstream" if position == 0 else f"the series up to patch {position}"


def _word(judgement: Judgement) -> str:
    return "neither good nor bad" if judgement is Judgement.SKIP else str(judgement)
