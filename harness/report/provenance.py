"""Where the figures come from: builds side by side, the machine, and results that do not belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report import text
from harness.report.load import Section

SIDES = ("candidate", "fork")  # under which name a result keeps the fork's provenance
FIELDS = (
    ("variant", "Variant"),
    ("profile", "Profile"),
    ("source_sha256", "Source sha256"),
    ("series_hash", "Series hash"),
    ("until", "Series until"),
    ("compiler", "Compiler"),
    ("configure", "Configure"),
    ("cflags", "CFLAGS"),
    ("environment.kind", "Environment"),
    ("environment.image", "Image"),
    ("environment.image_id", "Image id"),
    ("environment.base_digest", "Base digest"),
    ("environment.os", "System"),
    ("environment.kernel", "Kernel"),
    ("environment.machine", "Machine"),
    ("environment.cpu", "CPU"),
    ("date", "Built"),
    ("seconds", "Build time"),
)


def fork_of(section: Section) -> Mapping[str, Any]:
    """The provenance of the fork in a result; empty if it has none."""
    found = (section.data or {}).get("provenance") or {}
    for side in SIDES:
        if isinstance(found.get(side), Mapping):
            return dict(found[side])
    return found if isinstance(found, Mapping) else {}


def builds(sections: Mapping[str, Section]) -> tuple[str, str, Mapping[str, Any], Mapping[str, Any]] | None:
    """Two builds to show side by side with their headings: the gate's, else the test suites'."""
    for name, left, right in (("gate", "baseline", "candidate"), ("test", "upstream", "fork")):
        found = (sections[name].data or {}).get("provenance") or {}
        if isinstance(found.get(left), Mapping) and isinstance(found.get(right), Mapping):
            return left.capitalize(), right.capitalize(), found[left], found[right]
    return None


def rows(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a field that either build has: label, both values in full and short, and whether they are the same."""
    found = []
    for key, label in FIELDS:
        values = [_at(side, key) for side in (left, right)]
        if any(value not in (None, "", []) for value in values):
            a, b = (_words(key, value) for value in values)
            found.append({"label": label, "left": a, "right": b, "same": a == b})
    return found


def _at(value: Mapping[str, Any], key: str) -> object:
    found: object = value
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _words(key: str, value: object) -> str:
    if key == "seconds" and isinstance(value, int | float):
        return text.seconds(float(value))
    return flat(value)


def flat(value: object) -> str:
    """Any JSON value as a line for people."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {flat(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return " ".join(flat(inner) for inner in value) or "–"
    return str(value)


def machine(sections: Mapping[str, Section]) -> list[tuple[str, str]]:
    """The recorded state of the machine, a line each, from the gate or the first result that has it."""
    for section in sections.values():
        found = (section.data or {}).get("machine")
        if isinstance(found, Mapping) and found:
            before, after = found.get("before"), found.get("after")
            if isinstance(before, Mapping):
                return _changes(before, after if isinstance(after, Mapping) else {})
            return _changes(found, {})
    return []


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """One line a fact; where it changed over the run, both values."""
    lines = []
    for key, value in before.items():
        words, then = flat(value), flat(after.get(key, value))
        lines.append((str(key).replace("_", " "), words if words == then else f"{words} → {then}"))
    return lines


def mismatches(sections: Mapping[str, Section]) -> list[str]:
    """A warning for each result that was made from another source or series than the first one shown."""
    found = []
    for key, noun in (("source_sha256", "source"), ("series_hash", "series")):
        seen = [(section, fork_of(section).get(key)) for section in sections.values()]
        known = [(section, value) for section, value in seen if value]
        for section, value in known[1:]:
            first, expected = known[0]
            if value != expected:
                found.append(
                    f"{section.kind.title} is of another {noun} ({text.short_hash(value)}) than "
                    f"{first.kind.title} ({text.short_hash(expected)}): the figures do not belong together."
                )
    return found
