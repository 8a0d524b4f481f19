"""verdict.json, the table and the one line: what a gate found, for programs and people. Ratios above 1 are slower."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from perf.blocks import Unit
from perf.gate_decide import BenchmarkResult, Reading, Rerun, SuiteResult, Verdict
from perf.gate_run import Conducted
from perf.gate_thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Facts:
    """What a verdict says besides the measurement: both sides, margins, machine, warnings, instruction counts."""

    profile: str
    baseline: str
    candidate: str
    suite: str
    build_pairs: int
    layouts: int
    margins: Mapping[str, float]
    machine: Mapping[str, Any]
    warnings: Sequence[str]
    provenance: Mapping[str, Any]
    instructions: Mapping[str, Mapping[str, Any]]
    seconds: float


def to_json(done: Conducted, facts: Facts, limits: Thresholds, names: Sequence[str]) -> dict[str, Any]:
    """The object of verdict.json."""
    verdict = done.outcome.verdict
    reasons = [*done.outcome.reasons, *([done.stopped] if done.stopped else [])]
    return {
        **_head(facts, limits, verdict, reasons),
        "suite": _suite(done.reading, facts),
        "control": _control(done.reading),
        "benchmarks": list(_benchmarks(done, facts, names)),
        "instructions": _geomean(facts.instructions),
        "equal_binaries": False,
    }


def equal_to_json(facts: Facts, limits: Thresholds) -> dict[str, Any]:
    """The object of verdict.json for equal binaries, which are not timed."""
    reason = "both sides are the same interpreter, file by file: there is nothing to time"
    return {
        **_head(facts, limits, Verdict.PASS, [reason]),
        "suite": None,
        "control": None,
        "benchmarks": [],
        "instructions": None,
        "equal_binaries": True,
    }


def _head(facts: Facts, limits: Thresholds, verdict: Verdict, reasons: Sequence[str]) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "gate",
        "verdict": verdict.value,
        "exit_code": int(verdict.exit_code),
        "reasons": list(reasons),
        "margin": limits.suite_margin,
        "profile": facts.profile,
        "baseline": facts.baseline,
        "candidate": facts.candidate,
        "suite_name": facts.suite,
        "machine": dict(facts.machine),
        "warnings": list(facts.warnings),
        "provenance": dict(facts.provenance),
        "seconds": round(facts.seconds, 1),
    }


def _ratios(result: SuiteResult) -> dict[str, Any]:
    low, high = result.interval
    return {
        "ratio": math.exp(result.estimate.mean),
        "low": math.exp(low),
        "high": math.exp(high),
        "block_ratios": [math.exp(value) for value in result.blocks],
    }


def _suite(reading: Reading | None, facts: Facts) -> dict[str, Any] | None:
    if reading is None:
        return None
    return {
        **_ratios(reading.suite),
        "blocks": len(reading.suite.blocks),
        "build_pairs": facts.build_pairs,
        "layouts": facts.layouts,
        "mde": math.expm1(reading.detectable),
        "level": reading.suite.level,
    }


def _control(reading: Reading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    control = reading.control
    return {**_ratios(control.suite), "p": control.p, "void": bool(control.reason), "reason": control.reason}


def _benchmarks(done: Conducted, facts: Facts, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    found = {one.name: one for one in done.reading.benchmarks} if done.reading is not None else {}
    for name in names:
        counted = facts.instructions.get(name)
        if name in found and name not in done.failures:
            yield _benchmark(found[name], done.reruns.get(name), counted)
        else:
            yield _lost(name, done.failures.get(name), facts.margins[name], counted)


def _benchmark(one: BenchmarkResult, rerun: Rerun | None, counted: Mapping[str, Any] | None) -> dict[str, Any]:
    status = one.direction if rerun is None or rerun.confirmed else "same"
    return {
        "name": one.name,
        **_ratios(one.result),
        "p": one.p,
        "p_holm": one.p_holm,
        "margin": math.expm1(one.margin),
        "status": status,
        "rerun": None if rerun is None else {**_ratios(rerun.result), "p": rerun.p, "confirmed": rerun.confirmed},
        "instructions": None if counted is None else dict(counted),
    }


def _lost(name: str, unit: Unit | None, margin: float, counted: Mapping[str, Any] | None) -> dict[str, Any]:
    blank = dict.fromkeys(("ratio", "low", "high", "p", "p_holm", "rerun"))
    return {
        "name": name,
        **blank,
        "margin": margin,
        "block_ratios": [],
        "status": "missing" if unit is None else unit.status.value,
        "detail": "" if unit is None else unit.detail,
        "instructions": None if counted is None else dict(counted),
    }


def _geomean(counts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    ratios = [one["ratio"] for one in counts.values()]
    if not ratios:
        return None
    return {"geomean": math.exp(sum(map(math.log, ratios)) / len(ratios)), "count": len(ratios)}


# --- for people ----------------------------------------------------------------------------------------------------


def table(verdict: Mapping[str, Any]) -> Table:
    """One row a benchmark, slowest first, the suite and the control last."""
    shown = Table(title=f"{verdict['candidate']} against {verdict['baseline']} ({verdict['profile']})")
    shown.add_column("benchmark")
    for heading in ("time", "interval", "margin", "p (Holm)", "instructions"):
        shown.add_column(heading, justify="right")
    shown.add_column("status")
    for one in sorted(verdict["benchmarks"], key=lambda one: -(one["ratio"] or math.inf)):
        shown.add_row(*_row(one))
    shown.add_section()
    counted = verdict["instructions"]
    for label, part, count in (("suite", verdict["suite"], counted), ("control", verdict["control"], None)):
        if part is not None:
            cells = ["", "" if count is None else f"{count['geomean']:.4f}", "VOID" if part.get("void") else ""]
            shown.add_row(label, *_times(part), f"{verdict['margin']:.1%}", *cells)
    return shown


def _times(part: Mapping[str, Any]) -> list[str]:
    return [f"{part['ratio']:.4f}", f"{part['low']:.4f} to {part['high']:.4f}"]


def _row(one: Mapping[str, Any]) -> list[str]:
    counted = one["instructions"]
    count = "" if counted is None else f"{counted['ratio']:.4f}"
    if one["ratio"] is None:
        return [one["name"], "", "", f"{one['margin']:.1%}", "", count, f"[red]{one['status']}[/]"]
    colour = {"slower": "red", "faster": "green"}.get(one["status"])
    status = one["status"] if colour is None else f"[{colour}]{one['status']}[/]"
    if one["rerun"] is not None:
        status += " (rerun)" if one["rerun"]["confirmed"] else " (not in the rerun)"
    return [one["name"], *_times(one), f"{one['margin']:.1%}", f"{one['p_holm']:.3g}", count, status]


def line(verdict: Mapping[str, Any]) -> str:
    """The verdict in one line, with the smallest slowdown that could have been seen."""
    suite = verdict["suite"]
    if suite is None:
        return f"{verdict['verdict']}: {verdict['reasons'][0]}"
    pairs, layouts = suite["build_pairs"], suite["layouts"]
    builds = f"{pairs} build pair{'s' if pairs > 1 else ''} in {layouts} layout{'s' if layouts > 1 else ''}"
    return (
        f"{verdict['verdict']}: ratio {suite['ratio']:.4f} ({suite['low']:.4f} to {suite['high']:.4f}), "
        f"{suite['blocks']} blocks, {builds}; "
        f"a slowdown of {suite['mde']:.2%} would have failed in four gates of five; {verdict['reasons'][0]}"
    )
