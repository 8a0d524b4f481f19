"""Turns loaded results into what the page and the comment show; both are written from this one context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from harness.report import charts, charts_cores, checks, matrix, provenance, text, verdict
from harness.report.cards import card
from harness.report.kinds import UNMEASURED
from harness.report.load import Section

Context = dict[str, Any]
MARKED = 0.01  # the band drawn behind pyperformance's ratios; the gate's own margin is in its result
SIGNIFICANT = 0.05  # after Holm's correction
TEST_LISTS = (
    ("new_failures", "New failures", "fails on the fork and not on upstream, also when run alone", "bad"),
    ("crashed", "Crashed", "ended the fork's worker process", "warn"),
    ("timed_out", "Timed out", "did not end within its time on the fork", "warn"),
    ("flaky", "Flaky", "failed on the fork, then passed when run alone", "warn"),
    ("fixed", "Fixed", "fails on upstream and passes on the fork", "good"),
    ("failing_in_both", "Failing in both", "fails on the fork and on upstream", "mute"),
    ("accepted", "Absent by design", "is missing from the fork or skipped for a recorded reason", "mute"),
)


def context(sections: Mapping[str, Section]) -> Context:
    """Everything the templates need."""
    makers = {
        "gate": _gate,
        "test": _test,
        "pyperformance": _official,
        "multicore": _cores,
        "lifecycle": _bench,
        "messaging": _bench,
        "isolated": matrix.isolated,
        "wheels": matrix.wheels,
        "own": matrix.own,
        "conformance": checks.conformance,
        "sanitize": checks.sanitize,
        "globals": _globals,
        "ledger": _ledger,
        "abi": _abi,
    }
    stored = {name: section.data for name, section in sections.items() if section.data is not None}
    parts = {name: make(stored[name]) for name, make in makers.items() if name in stored}
    sides = provenance.builds(sections)
    fork = sides[3] if sides else {}
    return {
        "banner": verdict.banner(sections),
        "sections": sections,
        "parts": parts,
        "cards": [_CARDS[name](parts[name]) if name in parts else _not_run(sections[name]) for name in _CARDS],
        "sides": sides,
        "origin": provenance.rows(sides[2], sides[3]) if sides else [],
        "patches": fork.get("patches") or [],
        "series_hash": fork.get("series_hash"),
        "machine": provenance.machine(sections),
        "warnings": [*provenance.mismatches(sections), *(parts.get("gate", {}).get("warnings") or [])],
        "generated": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


# --- speed -----------------------------------------------------------------------------------------------------


def _gate(data: Mapping[str, Any]) -> Context:
    rows = [{**row, "tone": _tone(row)} for row in data["benchmarks"]]
    rows.sort(key=lambda row: (row["ratio"] is not None, -(row["ratio"] or 0.0), row["name"]))
    suite = {"name": "Suite", **data["suite"]} if data["suite"] else None
    control = {"name": "Control", **data["control"]} if data["control"] else None
    margin = float(data["margin"])
    counted = [row for row in rows if row.get("instructions")]
    level = (data["suite"] or {}).get("level")
    return {
        **data,
        "confidence": f"{100 - 200 * level:.3g}%" if level else "95%",
        "rows": rows,
        "suite": suite,
        "control": control,
        "scale": charts.ratio_scale([suite, control, *rows], margin),
        "close": charts.ratio_scale([suite, control, *_extremes(suite, control)], margin),
        "counted": counted,
        "counts": _counts(rows),
        "against": verdict.against(data),
        "lost": [row for row in rows if row["status"] in UNMEASURED],
    }


def _extremes(*arms: Mapping[str, Any] | None) -> list[dict[str, float]]:
    ratios = [value for arm in arms if arm for value in arm.get("block_ratios") or []]
    return [{"ratio": min(ratios)}, {"ratio": max(ratios)}] if ratios else []


def _tone(row: Mapping[str, Any]) -> str:
    """How a benchmark is drawn: its status, or `sure` for a difference that is real but within the margin."""
    if row["status"] in UNMEASURED:
        return "lost"
    sure = row.get("p_holm") is not None and float(row["p_holm"]) < SIGNIFICANT
    return "sure" if row["status"] == "same" and sure else str(row["status"])


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counts = dict.fromkeys(("faster", "same", "slower", "undecided", "lost"), 0)
    for row in rows:
        counts["lost" if row["status"] in UNMEASURED else row["status"]] += 1
    return counts


def _gate_card(part: Context) -> Context:
    suite = part["suite"]
    figure = text.change(suite["ratio"]) if suite and suite["ratio"] is not None else "–"
    notes = [f"{count} {key}" for key, count in part["counts"].items() if count]
    tone = verdict.TONES[part["verdict"]]
    return card("gate", "Single thread", figure, ", ".join(notes) or part["verdict"].lower(), tone)


def _official(data: Mapping[str, Any]) -> Context:
    """Ratios of pyperformance, slowest first; no margin and no correction, so nothing is called slower."""
    rows = []
    for row in data["benchmarks"]:
        apart = row.get("low") is not None and not row["low"] <= 1 <= row["high"]
        tone = "lost" if row["ratio"] is None else "sure" if apart else "same"
        rows.append({**row, "tone": tone, "status": "failed" if tone == "lost" else "same"})
    rows.sort(key=lambda row: (row["ratio"] is not None, -(row["ratio"] or 0.0), row["name"]))
    whole = data.get("suite")
    return {**data, "rows": rows, "suite": whole, "scale": charts.ratio_scale([whole, *rows], MARKED)}


# --- tests -----------------------------------------------------------------------------------------------------


def _test(data: Mapping[str, Any]) -> Context:
    lists = [
        {"key": key, "title": title, "means": means, "tone": tone, "rows": _tagged(key, data.get(key) or [])}
        for key, title, means, tone in TEST_LISTS
    ]
    return {**data, "lists": lists, "bad": len(data["new_failures"])}


def _tagged(key: str, rows: Sequence[Mapping[str, Any]]) -> list[Context]:
    """Rows with a word for those whose list does not say whether they are new."""
    if key not in ("crashed", "timed_out"):
        return [dict(row) for row in rows]
    return [{**row, "tag": ("new", "bad") if row.get("new") else ("upstream too", "mute")} for row in rows]


def _test_card(part: Context) -> Context:
    tests = part["fork"]["tests"]
    tone = "bad" if part["bad"] else "good" if tests else "warn"
    figure = f"{text.count(part['bad'])} new" if part["bad"] else "no new"
    return card("test", "Test failures", figure, f"{text.count(tests)} tests, {part['set']} set", tone)


# --- benchmarks of cores, life cycle and messages ---------------------------------------------------------------


def _bench(data: Mapping[str, Any]) -> Context:
    workloads: dict[str, list[Context]] = {}
    for row in data["rows"]:
        workloads.setdefault(row["workload"], []).append(dict(row))
    return {**data, "workloads": [_workload(name, rows) for name, rows in workloads.items()]}


def _workload(name: str, rows: list[Context]) -> Context:
    top = max((float(row["rate"]) for row in rows if row.get("rate") is not None), default=0.0)
    for row in rows:
        rate = row.get("rate")
        row["share"] = 100.0 * float(rate) / top if rate is not None and top > 0 else None
        row["median"] = median(row["seconds"]) if row.get("seconds") else None
        row["who"] = row["implementation"] if row["implementation"] in ("fork", "upstream") else "peer"
    unit = next((row["unit"] for row in rows if row.get("unit")), "")
    speedups = any(row.get("speedup") is not None for row in rows)
    better = "higher" if unit.endswith(("/s", "per second")) else "lower"
    return {"name": name, "rows": rows, "unit": unit, "speedups": speedups, "better": better}


def _cores(data: Mapping[str, Any]) -> Context:
    part = _bench(data)
    for workload in part["workloads"]:
        workload["curves"] = charts_cores.curves(workload["rows"])
        workload["reached"] = _reached(workload["curves"])
    part["ceiling"] = data.get("ceiling") or []
    every = [one for workload in part["workloads"] for one in workload["curves"]]
    part["legend"] = list({(one.implementation, one.mode): one for one in charts_cores.drawn(every)}.values())[::-1]
    return part


def _reached(curves: Sequence[charts_cores.Series]) -> Context | None:
    """What the fork's interpreters reach with the most workers, and the share of what processes reach."""
    best = [one for one in curves if one.implementation == "fork" and one.mode == "interpreters"]
    if not best:
        return None
    workers, speedup = best[0].points[-1]
    limit = charts_cores.ceiling(curves).get(workers)
    return {"workers": workers, "speedup": speedup, "share": speedup / limit if limit else None, "ceiling": limit}


def _cores_card(part: Context) -> Context:
    reached = [workload["reached"] for workload in part["workloads"] if workload["reached"]]
    if not reached:
        return card("multicore", "Multi-core", "–", "no curve of the fork", "warn")
    worst = min(reached, key=lambda one: one["speedup"])
    figure = f"{worst['speedup']:.2f}×"
    shares = [one["share"] for one in reached if one["share"]]
    note = f"at {text.plural(worst['workers'], 'worker')}"
    if shares:
        note += f"; {100 * min(shares):.0f}% of processes"
    return card("multicore", "Multi-core, worst", figure, note, "plain")


# --- series ----------------------------------------------------------------------------------------------------


def _globals(data: Mapping[str, Any]) -> Context:
    left = [row["left"] for row in data["by_patch"]]
    folders = sorted(data["by_folder"], key=lambda row: (-row["total"], row["folder"]))
    top = max((row["total"] for row in folders), default=1)
    rows = [{**row, "of_top": 100 * row["total"] / top, "left_of_top": 100 * row["left"] / top} for row in folders]
    done = data["total"] - data["left"]
    doubts = [
        provenance.flat(item)
        for key in ("claimed_but_present", "ignored_without_reason", "wrong_trailers")
        for item in data.get(key) or []
    ]
    return {
        **data,
        "doubts": doubts,
        "memory": _memory(data.get("writable") or {}),
        "folders": rows,
        "floor": charts_cores.axis_floor(data["total"], left),
        "done": done,
    }


def _memory(writable: Mapping[str, Any]) -> Context | None:
    """Writable memory of both binaries: columns, and one row of counts a variant."""
    sides = {name: value for name in ("upstream", "fork") if isinstance(value := writable.get(name), Mapping)}
    if not sides:
        return None
    sections = sorted({key for side in sides.values() for key in side.get("sections") or {}})
    rows = []
    for name, side in sides.items():
        local = side.get("thread_local") or {}
        parts = [(side.get("sections") or {}).get(key) for key in sections]
        rows.append((name, [side.get("symbols"), side.get("bytes"), *parts, local.get("symbols")]))
    return {"heads": ["symbols", "bytes", *sections, "thread-local"], "rows": rows}


def _globals_card(part: Context) -> Context:
    fresh = part["new"]
    note = text.plural(len(fresh), "new global") if fresh else f"of {text.count(part['total'])}; {part['done']} moved"
    tone = "bad" if fresh or part.get("ok") is False else "plain"
    return card("globals", "Globals left", text.count(part["left"]), note, tone)


def _ledger(data: Mapping[str, Any]) -> Context:
    rows = [_ledger_row(row) for row in data["rows"]]
    return {**data, "rows": rows, "whole": sum(row["whole"] for row in rows)}


def _ledger_row(row: Mapping[str, Any]) -> Context:
    tests, abi, lines, delta = (row.get(key) for key in ("tests", "abi", "lines", "instructions_delta"))
    return {
        **row,
        "whole": verdict.whole(row),
        "tests_words": _counted(tests, ("failed", "passed", "skipped")) if isinstance(tests, Mapping) else "–",
        "abi_words": _counted(abi, ("removed", "changed", "added")) if isinstance(abi, Mapping) else "–",
        "delta_words": text.signed_percent(float(delta), 3) if isinstance(delta, int | float) else "–",
        "lines_words": f"+{lines['added']} {text.MINUS}{lines['removed']}" if lines else "–",
    }


def _counted(found: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The counts that are not zero: "2 failed, 10 passed"; "same" or "none" if all are."""
    words = [f"{text.count(found[key])} {key}" for key in keys if found.get(key)]
    return ", ".join(words) or ("same" if "compatible" in found else "none")


def _ledger_card(part: Context) -> Context:
    total = len(part["rows"])
    tone = "good" if part["whole"] == total else "bad"
    return card("ledger", "Whole patches", f"{part['whole']} of {total}", "each applies, builds, passes", tone)


def _abi(data: Mapping[str, Any]) -> Context:
    keys = ("removed", "changed", "added")
    sums = {key: sum(len(one[key]) for one in data["objects"]) for key in keys}
    differing = [one for one in data["objects"] if any(one[key] for key in keys)]
    layouts = data.get("layouts") or {}
    return {
        **data,
        "sums": sums,
        "differing": differing,
        "same": len(data["objects"]) - len(differing),
        "layouts": list(layouts.get("changed") or []),
        "structs": layouts.get("structs"),
    }


def _abi_card(part: Context) -> Context:
    found = {**part["sums"], "compatible": True}
    words = "compatible" if part["compatible"] else "broken"
    note = f"exported symbols: {_counted(found, ('removed', 'changed', 'added'))}"
    return card("abi", "C ABI", words, note, "good" if part["compatible"] else "bad")


# --- at a glance -----------------------------------------------------------------------------------------------


def _not_run(section: Section) -> Context:
    return card(section.kind.name, section.kind.title, "not run", section.kind.command, "mute")


_CARDS = {
    "gate": _gate_card,
    "test": _test_card,
    "multicore": _cores_card,
    "isolated": matrix.isolated_card,
    "wheels": matrix.wheels_card,
    "own": matrix.own_card,
    "conformance": checks.conformance_card,
    "sanitize": checks.sanitize_card,
    "globals": _globals_card,
    "abi": _abi_card,
    "ledger": _ledger_card,
}
