"""The figures that documents quote: the short summary of stored results, kept in docs/results/ with its provenance.

A result folder is large and ignored by git; what README.md says comes from a file that this module wrote, and a test
compares the two.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from harness.report.load import Section

SCHEMA = 1
PROVENANCE = ("variant", "profile", "source_sha256", "series_hash", "input_hash", "compiler", "date")
ENVIRONMENT = ("kind", "os", "kernel", "machine", "cpu", "image_id")
COUNTS = ("tests", "passed", "failed", "errors", "skipped", "files")
LISTS = ("new_failures", "fixed", "flaky", "crashed", "timed_out", "failing_in_both", "added")
SHOWN = ("workload", "implementation", "mode", "workers", "rate", "unit", "speedup", "of_processes", "error")


def _some(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}


def build(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What identifies one build, without the paths of the machine that made it."""
    return {**_some(provenance, PROVENANCE), "environment": _some(provenance["environment"], ENVIRONMENT)}


def _gate(data: Mapping[str, Any]) -> dict[str, Any]:
    names = ("verdict", "exit_code", "profile", "baseline", "candidate", "margin", "instructions", "seconds")
    bounds = ("ratio", "low", "high", "mde", "blocks", "build_pairs", "void")
    told = _some(data, names)
    for part in ("suite", "control"):
        told[part] = _some(data[part], bounds) if data[part] is not None else None
    told["benchmarks"] = {row["name"]: row["ratio"] for row in data["benchmarks"]}
    if data["suite"] is not None and (data["suite"].get("build_pairs") or 1) > 1:
        told["by_pair"] = _by_pair(data, data["suite"]["build_pairs"])
    return told


def _by_pair(data: Mapping[str, Any], pairs: int) -> dict[str, list[float]]:
    """Geometric means of the blocks of each build pair (they take turns), of the suite and of each benchmark."""
    rows = {"suite": data["suite"], **{row["name"]: row for row in data["benchmarks"]}}
    ratios = {name: row.get("block_ratios") or [] for name, row in rows.items()}
    return {
        name: [statistics.geometric_mean(found[pair::pairs]) for pair in range(pairs)]
        for name, found in ratios.items()
        if len(found) >= pairs
    }


def _test(data: Mapping[str, Any]) -> dict[str, Any]:
    sides = {side: _some(data[side], COUNTS) for side in ("upstream", "fork")}
    return {"set": data["set"], **{name: len(data.get(name, [])) for name in LISTS}, **sides}


def _globals(data: Mapping[str, Any]) -> dict[str, Any]:
    return _some(data, ("total", "left", "by_folder", "by_patch"))


def _abi(data: Mapping[str, Any]) -> dict[str, Any]:
    layouts = data.get("layouts") or {}
    return {"compatible": data["compatible"], "objects": len(data["objects"]), "structs": layouts.get("structs")}


def _rows(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"rows": [_some(row, SHOWN) for row in data["rows"]]}


def _cores(data: Mapping[str, Any]) -> dict[str, Any]:
    names = ("workload", "implementation", "workers", "ratio", "low", "high", "blocks", "error")
    return {**_rows(data), "ceiling": [_some(row, names) for row in data.get("ceiling") or []]}


def _ledger(data: Mapping[str, Any]) -> dict[str, Any]:
    names = ("patch", "red", "builds", "instructions_delta", "globals_left", "lines")
    return {"rows": [_some(row, names) for row in data["rows"]]}


def _isolated(data: Mapping[str, Any]) -> dict[str, Any]:
    causes = [{"cause": one["cause"], "rule": one["rule"], "tests": len(one["tests"])} for one in data["explained"]]
    names = ("set", "share", "target", "files_passed_main", "files_failing", "files_left_out")
    return {**_some(data, names), "unexplained": len(data["unexplained"]), "explained": causes}


def _wheels(data: Mapping[str, Any]) -> dict[str, Any]:
    outcomes: dict[str, Counter[str]] = {}
    for cell in data["cells"]:
        outcomes.setdefault(cell["mode"], Counter())[cell["outcome"]] += 1
    return {"wheels": len(data["wheels"]), "outcomes": outcomes, "failures": data["failures"]}


def _own(data: Mapping[str, Any]) -> dict[str, Any]:
    reasons = Counter(f"{one['side']}: {one['reason'] or 'unexplained'}" for one in data["differences"])
    return {"package": data["package"], "counts": data["counts"], "differences": reasons}


def _conformance(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"implementations": {name: one["counts"] for name, one in data["implementations"].items()}}


def _sanitize(data: Mapping[str, Any]) -> dict[str, Any]:
    names = ("script", "seconds", "reports", "returncode", "told")
    counts = {name: sum(one["count"] for one in data[name]) for name in ("reports", "suppressed")}
    scripts = [_some(row, names) for row in data["scripts"]]
    # Older results do not say how many there were.
    known = {"suppressions": len(data["suppressions"])} if "suppressions" in data else {}
    return {"profile": data["profile"], "scripts": scripts, **counts, **known}


SUMMARIES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "gate": _gate,
    "test": _test,
    "multicore": _cores,
    "lifecycle": _rows,
    "messaging": _rows,
    "isolated": _isolated,
    "wheels": _wheels,
    "own": _own,
    "conformance": _conformance,
    "sanitize": _sanitize,
    "globals": _globals,
    "abi": _abi,
    "ledger": _ledger,
}


def of(sections: Mapping[str, Section]) -> dict[str, Any]:
    """The summary of every section that was run: its figures, when it ran and the builds that it compares."""
    found: dict[str, Any] = {"schema": SCHEMA, "kind": "figures"}
    for name, section in sections.items():
        if section.data is None or name not in SUMMARIES:
            continue
        provenance = section.data.get("provenance") or {}
        sides = {"fork": provenance} if _is_build(provenance) else provenance
        builds = {side: build(one) for side, one in sides.items() if _is_build(one)}
        found[name] = {"date": section.date, **SUMMARIES[name](section.data), "builds": builds}
    return found


def _is_build(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("environment"), Mapping)
