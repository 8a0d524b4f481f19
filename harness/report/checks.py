"""What the page shows of the checks that find what no test looks for: sanitizers, and the API against its peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from harness.report import text
from harness.report.cards import card

Context = dict[str, Any]
FORK = "fork"


def sanitize(data: Mapping[str, Any]) -> Context:
    """The scripts and how they ended, the causes that nothing explains, and the suppressions in force."""
    scripts = [{"told": "", **row, "ended": _ended(row)} for row in data["scripts"]]
    return {
        "profile": data["profile"],
        "scripts": scripts,
        "bad": [row for row in scripts if row["ended"] != "ok"],
        "reports": list(data["reports"]),
        "suppressed": sum(one["count"] for one in data["suppressed"]),
        "suppressions": list(data.get("suppressions") or []),
    }


def _ended(row: Mapping[str, Any]) -> str:
    if row["timed_out"]:
        return "hung"
    return "ok" if row["returncode"] == 0 else f"exit status {row['returncode']}"


def sanitize_card(part: Context) -> Context:
    """At a glance: reports that nothing explains, and how many suppressions there are."""
    count = sum(one["count"] for one in part["reports"])
    note = f"{len(part['scripts'])} scripts; {text.plural(len(part['suppressions']), 'explained suppression')}"
    if part["bad"]:
        note = f"{text.plural(len(part['bad']), 'script')} failed; {note}"
    tone = "bad" if count or part["bad"] else "good"
    return card("sanitize", f"Sanitizers: {part['profile']}", text.plural(count, "report"), note, tone)


def conformance(data: Mapping[str, Any]) -> Context:
    """A row an area of the API, a cell an implementation; and what the fork does not pass."""
    names = list(data["implementations"])
    areas: dict[str, list[Mapping[str, Any]]] = {}
    for case in data["cases"]:
        areas.setdefault(case["case"].partition(".")[0], []).append(case)
    return {
        "implementations": [_implementation(name, data["implementations"][name]) for name in names],
        "areas": {area: [_cell(cases, name) for name in names] for area, cases in areas.items()},
        "all": [_cell(data["cases"], name) for name in names],
        "open": [case["case"] for case in data["cases"] if _status(case, FORK) not in ("passed", None)],
    }


def _implementation(name: str, told: Mapping[str, Any]) -> Context:
    version = str(told.get("version") or "")
    return {
        "title": name if name.endswith(version) else f"{name} {version}",
        "api": told.get("api") or "no such module",
    }


def _status(case: Mapping[str, Any], name: str) -> str | None:
    return (case["outcomes"].get(name) or {}).get("status")


def _cell(cases: Iterable[Mapping[str, Any]], name: str) -> Context:
    counts = Counter(status for case in cases if (status := _status(case, name)) is not None)
    passed, total = counts.pop("passed", 0), counts.total()
    rest = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    words = f"{passed} of {passed + total}" + (f" ({rest})" if rest else "")
    return {"passed": passed, "total": passed + total, "words": words, "tone": "warn" if rest else "good"}


def conformance_card(part: Context) -> Context:
    """At a glance: what the fork passes of the cases that it has."""
    mine = next(
        cell for one, cell in zip(part["implementations"], part["all"], strict=True) if one["title"].startswith(FORK)
    )
    note = f"{text.plural(len(part['implementations']) - 1, 'peer')} in the same run"
    return card("conformance", "API conformance", f"{mine['passed']} of {mine['total']}", note, mine["tone"])
