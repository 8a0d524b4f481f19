"""Reports of ThreadSanitizer and AddressSanitizer: read, counted by cause, and matched with explained suppressions.

A report's cause is its kind and the first frame that is not the sanitizer's own; the same cause found a thousand
times is one defect. A suppression is data with a reason; one without a reason is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError

TSAN_START = re.compile(r"^(?:WARNING|ERROR|FATAL): ThreadSanitizer: (?P<kind>.+?)(?: \(pid=\d+\))?$")
ASAN_START = re.compile(r"^==\d+==\s?ERROR: (?:Address|Leak)Sanitizer: (?P<kind>[\w-]+)")
FRAME = re.compile(
    r"^\s+#\d+ (?:0x[0-9a-f]+ in )?(?P<function>[\w.:~<>]+).*?(?P<place>[\w./-]+:\d+)?(?::\d+)?(?: \(.*)?$"
)
END = re.compile(r"^(?:SUMMARY: |={18,}$)")
# Frames of the sanitizer's run-time library and of libc say nothing about the cause.
FOREIGN = re.compile(r"^(?:__tsan|__asan|__interceptor|_?_?pthread|mem(?:cpy|set|move)|malloc|free|calloc|realloc)")


@dataclass(frozen=True, slots=True)
class Report:
    """One report: kind ("data race", "heap-use-after-free"), function and place that it names first, whole text."""

    kind: str
    function: str
    place: str
    text: str

    @property
    def cause(self) -> str:
        """What two reports of one defect have in common."""
        return f"{self.kind} in {self.function}" + (f" ({self.place})" if self.place else "")


@dataclass(frozen=True, slots=True)
class Suppression:
    """Reports of `kind` with a frame in function `function` are explained by `reason`."""

    kind: str
    function: str
    reason: str

    def covers(self, report: Report) -> bool:
        """Is `report` explained by this?"""
        named = re.compile(rf"^\s+#\d+ (?:0x[0-9a-f]+ in )?{re.escape(self.function)}(?=\s|$)", re.MULTILINE)
        return report.kind == self.kind and named.search(report.text) is not None


def suppressions(path: Path, profile: str) -> list[Suppression]:
    """The entries of `path` for `profile` (tsan or asan); UsageError for one without a reason."""
    with path.open("rb") as stream:
        entries = tomllib.load(stream).get(profile, [])
    found = []
    for entry in entries:
        if not entry.get("reason", "").strip():
            raise UsageError(f"{path}: the suppression of {entry.get('function')} gives no reason")
        found.append(Suppression(entry["kind"], entry["function"], entry["reason"]))
    return found


def parse(text: str) -> list[Report]:
    """The reports in a sanitizer's output, in order; one that is cut short counts too."""
    reports: list[Report] = []
    lines: list[str] = []
    kind: str | None = None
    for line in text.splitlines():
        start = TSAN_START.match(line) or ASAN_START.match(line)
        if start is not None:
            if kind is not None:
                reports.append(_report(kind, lines))
            kind, lines = start["kind"], []
        if kind is None:
            continue
        lines.append(line)
        if END.match(line):
            reports.append(_report(kind, lines))
            kind = None
    if kind is not None:
        reports.append(_report(kind, lines))
    return reports


def _report(kind: str, lines: Sequence[str]) -> Report:
    frames = [frame for line in lines if (frame := FRAME.match(line)) is not None]
    own = [frame for frame in frames if not FOREIGN.match(frame["function"])] or frames
    function = own[0]["function"] if own else "?"
    place = (own[0]["place"] or "") if own else ""
    return Report(kind, function, place, "\n".join(lines))


def split(
    reports: Iterable[Report], explained: Sequence[Suppression]
) -> tuple[dict[str, list[Report]], dict[str, list[Report]]]:
    """(unexplained, suppressed) reports by cause."""
    open_: dict[str, list[Report]] = {}
    closed: dict[str, list[Report]] = {}
    for report in reports:
        covered = any(entry.covers(report) for entry in explained)
        (closed if covered else open_).setdefault(report.cause, []).append(report)
    return open_, closed
