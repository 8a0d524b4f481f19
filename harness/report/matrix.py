"""What the page shows of extensions: wheels, a package's own tests, CPython's suite in an own-GIL interpreter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.report import text
from harness.report.cards import card
from harness.wheels_show import GROWN

Context = dict[str, Any]
MODES = {"main": "main", "one": "one own-GIL interpreter", "four": "four at once", "fifty": "fifty in turn"}
TONES = {"passed": "good", "fallback": "warn", "refused": "warn"}


def wheels(data: Mapping[str, Any]) -> Context:
    """The matrix: a row a wheel, a cell a mode; which modes were run, and how many wheels pass in each."""
    cells = {(cell["wheel"], cell["mode"]): cell for cell in data["cells"]}
    modes = {name: title for name, title in MODES.items() if any(mode == name for _, mode in cells)}
    rows = [_row(wheel, version, modes, cells) for wheel, version in data["wheels"].items()]
    return {
        "modes": modes,
        "rows": rows,
        "passed": {mode: sum(row["cells"][mode].get("outcome") == "passed" for row in rows) for mode in modes},
        "whole": sum(row["whole"] for row in rows),
        "failures": list(data["failures"]),
        "policy": data.get("policy") or "",
    }


def _row(wheel: str, version: str, modes: Mapping[str, str], cells: Mapping[tuple[str, str], Any]) -> Context:
    found = {mode: dict(cells.get((wheel, mode)) or {}) for mode in modes}
    for cell in found.values():
        outcome = cell.get("outcome")
        cell["tone"] = (
            TONES.get(outcome or "passed", "bad") if outcome == "passed" or not cell.get("known") else "mute"
        )
    last = found.get("fifty") or {}
    return {
        "wheel": wheel,
        "version": version,
        "cells": found,
        "whole": all(cell.get("outcome") == "passed" for cell in found.values()),
        "kib": round(last["kib"] / GROWN)
        if last.get("outcome") in ("passed", "fallback") and "kib" in last
        else None,
        "reasons": list(dict.fromkeys(cell["known"] for cell in found.values() if cell.get("known"))),
    }


def wheels_card(part: Context) -> Context:
    """At a glance: how many wheels pass in every mode."""
    bad = len(part["failures"])
    note = text.plural(bad, "failure") if bad else "no failure without a known reason"
    return card("wheels", "Wheels", f"{part['whole']} of {len(part['rows'])}", note, "bad" if bad else "good")


def own(data: Mapping[str, Any]) -> Context:
    """Outcomes a side, how many tests each reason explains, and the differences that none does."""
    outcomes = sorted({outcome for counts in data["counts"].values() for outcome in counts})
    reasons = Counter((one["side"], one["reason"]) for one in data["differences"] if one["reason"])
    return {
        "package": data["package"],
        "sides": {side: [counts.get(outcome, 0) for outcome in outcomes] for side, counts in data["counts"].items()},
        "outcomes": outcomes,
        "reasons": [{"side": side, "reason": reason, "tests": tests} for (side, reason), tests in reasons.items()],
        "unexplained": [one for one in data["differences"] if not one["reason"]],
    }


def own_card(part: Context) -> Context:
    """At a glance: is every difference explained?"""
    bad = len(part["unexplained"])
    explained = sum(one["tests"] for one in part["reasons"])
    words = text.plural(bad, "unexplained difference") if bad else "as on upstream"
    note = f"{text.plural(explained, 'difference')} with a known reason"
    return card("own", f"Own tests of {part['package']}", words, note, "bad" if bad else "good")


def isolated(data: Mapping[str, Any]) -> Context:
    """The share of files, and the causes of what does not pass, gaps first."""
    causes = sorted(data["explained"], key=lambda one: (one["rule"], -len(one["tests"])))
    return {**data, "causes": causes, "enough": data["share"] >= data["target"]}


def isolated_card(part: Context) -> Context:
    """At a glance: the share."""
    bad = len(part["unexplained"])
    note = text.plural(bad, "unexplained difference") if bad else "each difference has a cause"
    tone = "good" if part["enough"] and not bad else "bad"
    return card("isolated", "Suite with an own GIL", f"{100 * part['share']:.1f}% of files", note, tone)
