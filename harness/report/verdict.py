"""What the gate's result means in words: one sentence, its tone, and what else should worry the reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.report import text
from harness.report.kinds import UNMEASURED
from harness.report.load import Section

Gate = Mapping[str, Any]
TONES = {"PASS": "good", "FAIL": "bad", "INCONCLUSIVE": "warn", "VOID": "void", "MISSING": "mute"}
FATAL = (("crashed", "crashed"), ("timed_out", "timed out"))

BAD_GLOBALS = (
    ("new", "new unlisted global"),
    ("claimed_but_present", "refuted global claim"),
    ("ignored_without_reason", "unexplained ignored global"),
    ("wrong_trailers", "wrong Globals trailer"),
)


@dataclass(frozen=True, slots=True)
class Banner:
    """The head of the report: the word, its tone, one sentence why, the gate's own reasons and other alarms."""

    verdict: str
    tone: str
    sentence: str
    reasons: tuple[str, ...]
    alarms: tuple[str, ...]


def banner(sections: Mapping[str, Section]) -> Banner:
    """The verdict; MISSING where no gate was run."""
    gate = sections["gate"].data
    if gate is None:
        why = f"No gate result is stored, so nothing is known about speed. Run {sections['gate'].kind.command}."
        return Banner("MISSING", TONES["MISSING"], why, (), alarms(sections))
    verdict = str(gate["verdict"])
    return Banner(verdict, TONES[verdict], sentence(gate), tuple(gate["reasons"]), alarms(sections))


def sentence(gate: Gate) -> str:
    """One sentence that says why the verdict is what it is."""
    if gate.get("equal_binaries"):
        return "Both binaries are identical byte for byte, so nothing was timed."
    return _SENTENCES[gate["verdict"]](gate)


def against(gate: Gate) -> str:
    """What the fork was compared with, for a sentence."""
    baseline = str(gate["baseline"])
    return "upstream 3.11.2" if baseline == "upstream" else f"the series at {baseline}"


def _suite(gate: Gate) -> tuple[str, float, float] | None:
    suite = gate["suite"] or {}
    if any(suite.get(key) is None for key in ("ratio", "low", "high")):
        return None
    words = text.speed_words(float(suite["ratio"]))
    than = "as" if words == "as fast" else "than"
    return f"Single-threaded Python is {words} {than} {against(gate)}", float(suite["low"]), float(suite["high"])


def _passed(gate: Gate) -> str:
    found = _suite(gate)
    if found is None:
        return "Nothing was slower by more than the margin."
    words, _, high = found
    return f"{words}; the interval ends at {text.change(high)}, below the margin of {text.share(gate['margin'])}."


def _failed(gate: Gate) -> str:
    found = _suite(gate)
    margin = text.share(gate["margin"])
    if found and found[1] > 1 + float(gate["margin"]):
        return f"{found[0]}; the whole interval, from {text.change(found[1])}, lies above the margin of {margin}."
    slower = [row["name"] for row in gate["benchmarks"] if row["status"] == "slower"]
    if slower:
        suite = f"{found[0]} over all, but " if found else ""
        count = text.plural(len(slower), "benchmark")
        return f"{suite}{count} slowed down beyond the margin, also when run again: {_some(slower)}."
    return "The gate failed; its reasons are below."


def _inconclusive(gate: Gate) -> str:
    found = _suite(gate)
    margin = text.share(gate["margin"])
    if found is None:
        return "The blocks that were run cannot tell a regression from noise."
    words, low, high = found
    return (
        f"{words}, but the interval, {text.change(low)} to {text.change(high)}, reaches across the margin of "
        f"{margin}: more blocks or a quieter machine could decide."
    )


def _void(gate: Gate) -> str:
    control = gate["control"] or {}
    reason = str(control.get("reason") or "")
    if reason:
        return f"{reason[0].upper()}{reason[1:]}; no figure of this run can be believed."
    if control.get("ratio") is None:
        return "The control arm did not hold, so no difference that was measured can be believed."
    seen = text.change(float(control["ratio"]))
    between = text.interval(control.get("low"), control.get("high"))
    return (
        f"The control arm timed upstream against itself and saw {seen} {between}, where there is nothing to see: "
        "no figure of this run can be believed."
    )


def _missing(gate: Gate) -> str:
    lost = [f"{row['name']} ({row['status']})" for row in gate["benchmarks"] if row["status"] in UNMEASURED]
    if lost:
        return (
            f"{text.plural(len(lost), 'benchmark')} gave no figure: {_some(lost)}. A gap is never taken for a pass."
        )
    return "A figure that the verdict needs is missing; a gap is never taken for a pass."


_SENTENCES: dict[str, Callable[[Gate], str]] = {
    "PASS": _passed,
    "FAIL": _failed,
    "INCONCLUSIVE": _inconclusive,
    "VOID": _void,
    "MISSING": _missing,
}


def _some(names: list[str], shown: int = 3) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def whole(row: Mapping[str, Any]) -> bool:
    """Whether nothing that was measured of a ledger's patch is red; what was not measured does not count."""
    tests, abi = row.get("tests"), row.get("abi")
    failed = isinstance(tests, Mapping) and bool(tests.get("failed"))
    broken = isinstance(abi, Mapping) and abi.get("compatible") is False
    return bool(row["applies"]) and row.get("builds") is not False and not (failed or broken or row.get("error"))


def _new_failures(tests: Mapping[str, Any]) -> Iterator[str]:
    """How many tests newly failed, and how many of these did worse than fail."""
    if tests.get("new_failures"):
        fatal = [(sum(bool(row.get("new")) for row in tests[key]), words) for key, words in FATAL]
        worse = ", ".join(f"{number} {words}" for number, words in fatal if number)
        count = text.plural(len(tests["new_failures"]), "test")
        yield f"{count} newly failed{f' ({worse})' if worse else ''}"


def alarms(sections: Mapping[str, Section]) -> tuple[str, ...]:
    """What is wrong apart from speed, a phrase each."""
    found = list(_new_failures(sections["test"].data or {}))
    burn = sections["globals"].data or {}
    for key, noun in BAD_GLOBALS:
        if burn.get(key):
            found.append(text.plural(len(burn[key]), noun))
    abi = sections["abi"].data
    if abi and not abi["compatible"]:
        found.append("the C ABI is not compatible")
    ledger = sections["ledger"].data or {"rows": []}
    broken = [row["patch"] for row in ledger["rows"] if not whole(row)]
    if broken:
        found.append(f"{text.plural(len(broken), 'patch')} not whole in the ledger: {_some(broken)}")
    return tuple(found)
