"""The kinds of result that the report reads: their main file, their session and their shape.

The shapes hold what the report shows and nothing more, so that a producer may add fields without asking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.report.check import Maybe, OneOf

VERDICTS = ("PASS", "FAIL", "INCONCLUSIVE", "VOID", "MISSING")
UNMEASURED = ("missing", "crashed", "timeout")

_CASE = {
    "test": str,
    "status?": str,
    "file?": Maybe(str),
    "message?": Maybe(str),
    "command?": Maybe(str),
    "new?": bool,
}
_RUN = {
    "tests": int,
    "passed": int,
    "failed": int,
    "errors": int,
    "skipped": int,
    "files?": int,
    "seconds?": float,
    "cached?": bool,
}
_ROW = {
    "workload": str,
    "implementation": str,
    "mode": str,
    "workers": int,
    "seconds?": [float],
    "rate?": Maybe(float),
    "unit?": Maybe(str),
    "speedup?": Maybe(float),
    "error?": Maybe(str),
}
_ROWS: dict[str, Any] = {"rows": [_ROW], "machine?": dict, "provenance?": dict}
_CEILING: dict[str, Any] = {
    "workload": str,
    "implementation": str,
    "workers": int,
    "blocks": int,
    "ratio": Maybe(float),
    "low": Maybe(float),
    "high": Maybe(float),
    "error": Maybe(str),
}
_CORES: dict[str, Any] = {**_ROWS, "ceiling?": [_CEILING]}

_GATE: dict[str, Any] = {
    "verdict": OneOf(VERDICTS),
    "exit_code": int,
    "reasons": [str],
    "margin": float,
    "profile": str,
    "baseline": str,
    "candidate?": Maybe(str),
    "suite_name?": Maybe(str),
    "suite": Maybe(
        {
            "ratio": Maybe(float),
            "low": Maybe(float),
            "high": Maybe(float),
            "blocks": int,
            "build_pairs?": Maybe(int),
            "mde?": Maybe(float),
            "level?": Maybe(float),
            "block_ratios": [float],
        }
    ),
    "control": Maybe(
        {
            "ratio": Maybe(float),
            "low": Maybe(float),
            "high": Maybe(float),
            "void": bool,
            "reason?": Maybe(str),
            "block_ratios?": [float],
        }
    ),
    "benchmarks": [
        {
            "name": str,
            "ratio": Maybe(float),
            "low": Maybe(float),
            "high": Maybe(float),
            "p?": Maybe(float),
            "p_holm?": Maybe(float),
            "margin?": Maybe(float),
            "status": OneOf(("same", "faster", "slower", "undecided", *UNMEASURED)),
            "block_ratios?": Maybe([float]),
            "instructions?": Maybe({"baseline": float, "candidate": float, "ratio": float}),
            "rerun?": Maybe(dict),
        }
    ],
    "instructions?": Maybe({"geomean": Maybe(float), "count": int}),
    "machine?": dict,
    "warnings?": [str],
    "equal_binaries?": bool,
    "provenance": dict,
    "seconds?": Maybe(float),
}
_RATIO = {"name": str, "ratio": Maybe(float), "low": Maybe(float), "high": Maybe(float), "error?": Maybe(str)}
_OFFICIAL: dict[str, Any] = {"suite?": Maybe(_RATIO), "benchmarks": [_RATIO], "machine?": dict, "provenance?": dict}
_TEST: dict[str, Any] = {
    "set": str,
    "new_failures": [_CASE],
    "fixed": [_CASE],
    "flaky": [_CASE],
    "crashed": [_CASE],
    "timed_out": [_CASE],
    "failing_in_both?": [_CASE],
    "accepted?": [_CASE],
    "upstream": _RUN,
    "fork": _RUN,
    "provenance?": dict,
}
_GLOBALS: dict[str, Any] = {
    "total": int,
    "left": int,
    "by_patch": [{"patch": str, "removed": int, "left": int}],
    "by_folder": [{"folder": str, "total": int, "left": int}],
    "new": [{"symbol": str, "file?": Maybe(str), "section?": Maybe(str), "size?": Maybe(int)}],
    "writable?": Maybe(dict),
    "ok?": bool,
    "claimed_but_present?": list,
    "ignored_without_reason?": list,
    "wrong_trailers?": list,
}
_ABI: dict[str, Any] = {
    "compatible": bool,
    "objects": [{"file": str, "status": str, "removed": list, "added": list, "changed": list}],
    "layouts?": Maybe({"structs?": Maybe(int), "changed?": [str]}),
    "abidiff?": Maybe(dict),
}
_WHEELS: dict[str, Any] = {
    "wheels": dict,
    "cells": [{"wheel": str, "mode": str, "outcome": str, "text?": str, "kib?": int, "known?": str}],
    "failures": [str],
    "policy?": str,
}
_OWN: dict[str, Any] = {
    "package": str,
    "counts": dict,
    "differences": [
        {"side": str, "test": str, "upstream": str, "outcome": str, "reason": str, "message?": Maybe(str)}
    ],
    "provenance?": dict,
}
_ISOLATED: dict[str, Any] = {
    "set": str,
    "share": float,
    "target": float,
    "files_passed_main": int,
    "files_failing": [str],
    "files_left_out": [str],
    "unexplained": [_CASE],
    "explained": [{"cause": str, "rule": bool, "reason": str, "files": [str], "tests": list}],
    "main": _RUN,
    "isolated": _RUN,
    "provenance?": dict,
}
_REPORT = {"cause": str, "count": int, "text?": str}
_SANITIZE: dict[str, Any] = {
    "profile": str,
    "scripts": [
        {"script": str, "returncode": int, "seconds": float, "reports": int, "timed_out": bool, "told?": str}
    ],
    "reports": [_REPORT],
    "suppressed": [_REPORT],
    "suppressions?": [{"kind": str, "function": str, "reason": str}],
    "provenance?": dict,
}
_CONFORMANCE: dict[str, Any] = {
    "implementations": dict,
    "cases": [{"case": str, "beyond?": Maybe(str), "outcomes": dict}],
    "provenance?": dict,
}
_LEDGER: dict[str, Any] = {
    "rows": [
        {
            "patch": str,
            "applies": bool,
            "builds?": Maybe(bool),
            "instructions_delta?": Maybe(float),
            "globals_left?": Maybe(int),
            "lines?": Maybe(dict),
            "error?": Maybe(str),
        }
    ]
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of result: the name in its folder, its main file, its title, how to make it, what it looks like."""

    name: str
    file: str
    title: str
    command: str
    shape: dict[str, Any]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("gate", "verdict.json", "Speed gate", "./noxw -s gate", _GATE),
        Kind("test", "diff.json", "Test suites", "./noxw -s test", _TEST),
        Kind("pyperformance", "pyperformance.json", "pyperformance", "./noxw -s bench -- pyperformance", _OFFICIAL),
        Kind("multicore", "multicore.json", "Multi-core scaling", "./noxw -s bench -- multicore", _CORES),
        Kind("lifecycle", "lifecycle.json", "Interpreter life cycle", "./noxw -s bench -- lifecycle", _ROWS),
        Kind("messaging", "messaging.json", "Messaging", "./noxw -s bench -- messaging", _ROWS),
        Kind(
            "isolated",
            "isolated.json",
            "Test suite in an own-GIL interpreter",
            "./noxw -s test -- --isolated",
            _ISOLATED,
        ),
        Kind("wheels", "wheels.json", "Wheels", "./noxw -s wheels", _WHEELS),
        Kind("own", "own.json", "A package's own tests", "./noxw -s wheels -- --own-tests numpy", _OWN),
        Kind("conformance", "conformance.json", "Conformance", "./noxw -s conformance", _CONFORMANCE),
        Kind("sanitize", "sanitize.json", "Sanitizers", "./noxw -s sanitize -- tsan", _SANITIZE),
        Kind("globals", "globals.json", "Burn-down of globals", "./noxw -s globals", _GLOBALS),
        Kind("ledger", "ledger.json", "Ledger", "./noxw -s ledger", _LEDGER),
        Kind("abi", "abi.json", "C ABI", "./noxw -s abi", _ABI),
    )
}
