"""What the page shows of the checks that find what no test looks for: sanitizers, and the API against its peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import conformance as cases
from harness.report import text
from harness.report.cards import card

Context = dict[str, Any]


def sanitize(data: Mapping[str, Any]) -> Context:
    """The scripts and how they ended, the causes that nothing explains, and the suppressions in force."""
    scripts = [{"told": "", **row, "ended": _ended(row)} for row in data["scripts"]]
    return {
        "profile": data["profile"],
        "scripts": scripts,
        "bad": [row for row in scripts if row["ended"] != "ok"],
        "reports": list(data["reports"]),
        "suppressed": sum(one["count"] for one in data["suppressed"]),
        "suppressions": data.get("suppressions"),  # older results do not say
    }


def _ended(row: Mapping[str, Any]) -> str:
    if row["timed_out"]:
        return "hung"
    return "ok" if row["returncode"] == 0 else f"exit status {row['returncode']}"


def sanitize_card(part: Context) -> Context:
    """At a glance: reports that nothing explains, and how many suppressions there are."""
    count = sum(one["count"] for one in part["reports"])
    note = f"{len(part['scripts'])} scripts"
    if part["suppressions"] is not None:
        note += f"; {text.plural(len(part['suppressions']), 'explained suppression')}"
    if part["bad"]:
        note = f"{text.plural(len(part['bad']), 'script')} failed; {note}"
    tone = "bad" if count or part["bad"] else "good"
    return card("sanitize", f"Sanitizers: {part['profile']}", text.plural(count, "report"), note, tone)


def conformance(data: Mapping[str, Any]) -> Context:
    """A row an area of the API, a cell an implementation; and what the fork does not pass."""
    found = data["implementations"]
    return {
        "implementations": [
            {"title": cases.title(name, one), "api": one["api"] or "no such module"} for name, one in found.items()
        ],
        "areas": {area: [_cell(inside, name) for name in found] for area, inside in cases.areas(data).items()},
        "all": [_cell(data["cases"], name) for name in found],
        "fork": _cell(data["cases"], cases.FORK),
        "open": [case["case"] for case in cases.not_passed(data, cases.FORK)],
    }


def _cell(inside: Sequence[Mapping[str, Any]], name: str) -> Context:
    passed, total, rest = cases.tally(inside, name)
    words = f"{passed} of {total}" + (f" ({rest})" if rest else "")
    return {"passed": passed, "total": total, "words": words, "tone": "warn" if rest else "good"}


def conformance_card(part: Context) -> Context:
    """At a glance: what the fork passes of the cases that it has."""
    mine = part["fork"]
    note = f"{text.plural(len(part['implementations']) - 1, 'peer')} in the same run"
    return card("conformance", "API conformance", f"{mine['passed']} of {mine['total']}", note, mine["tone"])
