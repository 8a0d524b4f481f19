"""Sample results in the formats that the sessions write, made from a fixed seed; for the tests of the report only."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = dict[str, Any]
BLOCKS = 12
NAMES = (
    "attribute_chain",
    "call_method",
    "call_positional",
    "call_recursive",
    "class_create",
    "comprehension_dict",
    "comprehension_list",
    "dict_lookup",
    "dict_update",
    "exception_raise",
    "float_nbody",
    "generator_sum",
    "import_cold",
    "int_fannkuch",
    "json_dump",
    "json_load",
    "list_sort",
    "pickle_roundtrip",
    "re_match",
    "set_algebra",
    "startup",
    "str_format",
    "str_join",
    "with_statement",
)
TREES = (("Modules", 611), ("Objects", 286), ("Python", 163), ("Parser", 74), ("Modules/_io", 38), ("Programs", 18))
PATCHES = (
    ("gil/current-thread-state-is-thread-local.patch", 3),
    ("types/type-version-tags-per-interpreter.patch", 2),
    ("types/dict-keys-versions-per-interpreter.patch", 2),
    ("types/function-versions-per-interpreter.patch", 1),
    ("state/dtoa-free-lists-per-interpreter.patch", 2),
    ("state/arg-parser-list-is-locked.patch", 9),
    ("extensions/import-package-context-is-thread-local.patch", 1),
    ("extensions/extension-cache-is-locked.patch", 7),
)
SERIES = "9f1c" * 16


def build(variant: str) -> Json:
    """provenance.json of one build."""
    fork = variant == "fork"
    return {
        "schema": 1,
        "variant": variant,
        "profile": "fast",
        "source_sha256": "2411c74bda5bbcfcddaf4531f66d1adc73f247f529aee981b029513aefdbf849",
        "series_hash": SERIES if fork else None,
        "patches": [name for name, _ in PATCHES] if fork else [],
        "until": None,
        "input_hash": "ab" * 32,
        "environment": {
            "kind": "docker",
            "image": "redwoodtj/build:bookworm",
            "image_id": "sha256:" + "7d" * 32,
            "base_digest": "sha256:" + "31" * 32,
            "os": "Debian GNU/Linux 12 (bookworm)",
            "kernel": "6.1.0",
            "machine": "x86_64",
            "cpu": "Example CPU @ 2.50GHz",
        },
        "compiler": "gcc (Debian 12.2.0-14) 12.2.0",
        "configure": ["--prefix=/p", "--with-system-expat", f"--with-variant={variant}"],
        "cflags": "-O3 -fno-semantic-interposition",
        "binary_sha256": {"bin/python3.11": ("ab" if fork else "cd") * 32},
        "date": "2026-01-02T03:04:05Z",
        "seconds": 214.2,
    }


def _benchmark(name: str, shift: float, rng: random.Random) -> Json:
    noise = rng.uniform(0.002, 0.011)
    blocks = [math.exp(shift + rng.gauss(0, noise)) for _ in range(BLOCKS)]
    middle = math.exp(sum(map(math.log, blocks)) / BLOCKS)
    half = 2.2 * noise / math.sqrt(BLOCKS)
    p = min(1.0, math.erfc(abs(shift) / (noise / math.sqrt(BLOCKS)) / math.sqrt(2)) + 1e-6)
    counted = round(rng.uniform(2e8, 9e9))
    return {
        "name": name,
        "ratio": middle,
        "low": middle * math.exp(-half),
        "high": middle * math.exp(half),
        "p": p,
        "p_holm": min(1.0, p * len(NAMES)),
        "margin": 0.02,
        "status": "same",
        "rerun": None,
        "block_ratios": blocks,
        "instructions": {
            "baseline": counted,
            "candidate": round(counted * math.exp(shift * 0.7)),
            "ratio": math.exp(shift * 0.7),
        },
    }


def gate(verdict: str = "PASS") -> Json:
    """verdict.json with one of the five verdicts."""
    rng = random.Random(20260102)
    centre = {"FAIL": 0.019, "INCONCLUSIVE": 0.008}.get(verdict, -0.004)
    rows = [_benchmark(name, rng.gauss(centre, 0.006), rng) for name in NAMES]
    rows[3].update(status="slower" if verdict == "FAIL" else "same")
    rows[5].update(status="faster", ratio=0.9621, low=0.9571, high=0.9672, p_holm=0.0004)
    if verdict == "MISSING":
        lost = {"ratio": None, "low": None, "high": None, "p": None, "p_holm": None, "instructions": None}
        rows[0].update(**lost, status="crashed", block_ratios=[])
        rows[7].update(**lost, status="timeout", block_ratios=[])
    blocks = [math.exp(centre + rng.gauss(0, 0.003)) for _ in range(BLOCKS)]
    half = 0.0088 if verdict == "INCONCLUSIVE" else 0.0031
    ratio = math.exp(centre)
    void = verdict == "VOID"
    control = [math.exp((0.013 if void else 0.0004) + rng.gauss(0, 0.002)) for _ in range(BLOCKS)]
    return {
        "schema": 1,
        "kind": "gate",
        "verdict": verdict,
        "exit_code": {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3, "VOID": 4, "MISSING": 5}[verdict],
        "reasons": [f"a sample reason for {verdict}"],
        "margin": 0.01,
        "profile": "fast",
        "baseline": "upstream",
        "suite": {
            "ratio": ratio,
            "low": ratio - half,
            "high": ratio + half,
            "blocks": BLOCKS,
            "build_pairs": 3,
            "mde": 0.0063,
            "block_ratios": blocks,
        },
        "control": {
            "ratio": 1.0131 if void else 1.0004,
            "low": 1.0102 if void else 0.9985,
            "high": 1.016 if void else 1.0023,
            "void": void,
            "block_ratios": control,
        },
        "benchmarks": rows,
        "instructions": {"geomean": 0.99713, "count": len(NAMES)},
        "machine": {"cpu_model": "Example CPU @ 2.50GHz", "governor": None, "aslr": 2, "load": [0.4, 0.5, 0.6]},
        "warnings": ["the CPU governor could not be read, so turbo may have changed speed"],
        "equal_binaries": False,
        "provenance": {"baseline": build("upstream"), "candidate": build("fork")},
        "seconds": 1312.5,
    }


def _case(name: str, status: str, message: str = "") -> Json:
    command = f"build/fork/fast/bin/python3 -m test -v {name.split('.')[0]} -m {name.split('.')[-1]}"
    return {"test": name, "file": name.split(".")[0], "status": status, "message": message, "command": command}


def diff(*, bad: bool = False) -> Json:
    """diff.json, with new failures, a crash and a time-out if `bad`."""
    run = {"files": 60, "tests": 9321, "failed": 2, "errors": 1, "skipped": 388, "seconds": 241.0, "cached": False}
    failures = [
        _case("test_threading.ThreadTests.test_limbo_cleanup", "failed", "AssertionError: 1 != <0 & 'more'>"),
        _case("test_capi.Test.test_pipe|in_name", "error", "SystemError: `bad` call\nin two lines"),
    ]
    crash = _case("test_interpreters.Stress.test_many", "crashed", "Segmentation fault")
    late = _case("test_asyncio.Loop.test_close", "timed out", "300 s")
    old = {**_case("test_socket.Timeout.test_forever", "timed out", "300 s"), "new": False}
    return {
        "schema": 1,
        "kind": "test",
        "set": "quick",
        "new_failures": [*failures, crash, late] if bad else [],
        "fixed": [_case("test_dtoa.FreeList.test_two_interpreters", "passed")],
        "flaky": [_case("test_socket.Timeout.test_late", "flaky", "timed out")],
        "crashed": [{**crash, "new": True}] if bad else [],
        "timed_out": [{**late, "new": True}, old] if bad else [old],
        "failing_in_both": [old],
        "accepted": [],
        "upstream": {**run, "passed": 8930, "cached": True},
        "fork": {**run, "passed": 8931},
        "provenance": {"upstream": build("upstream"), "fork": build("fork")},
    }


def _row(workload: str, who: str, mode: str, workers: int, rate: float, unit: str, speedup: float | None) -> Json:
    return {
        "workload": workload,
        "implementation": who,
        "mode": mode,
        "workers": workers,
        "seconds": [1 / rate, 1.02 / rate, 0.99 / rate],
        "rate": rate,
        "unit": unit,
        "speedup": speedup,
        "error": None,
    }


def multicore() -> Json:
    """multicore.json: two workloads, three implementations, up to four workers."""
    rows = []
    gains = {
        ("fork", "interpreters"): 0.96,
        ("fork", "threads"): 0.02,
        ("upstream", "interpreters"): -0.03,
        ("upstream", "forkserver"): 0.90,
        ("fork", "forkserver"): 0.91,
        ("fork", "processes"): 0.97,
        ("peer", "interpreters"): 0.86,
    }
    for workload, scale in (("pure compute", 1.0), ("allocation, dict, json, re", 0.9)):
        rows.append(_row(workload, "upstream", "sequential", 1, 4.1, "jobs/s", 1.0))
        for (who, mode), gain in gains.items():
            for workers in (1, 2, 4):
                speedup = 1 + gain * scale * (min(workers, 2) - 1)
                rows.append(_row(workload, who, mode, workers, 4.1 * speedup, "jobs/s", round(speedup, 3)))
    return {
        "schema": 1,
        "kind": "multicore",
        "rows": rows,
        "ceiling": [ceiling("compute", 0.9912), ceiling("mixed", None)],
        "machine": {},
        "provenance": {"fork": build("fork")},
    }


def ceiling(workload: str, ratio: float | None) -> Json:
    """A row of interpreters against as many processes; None: one that failed."""
    return {
        "workload": workload,
        "implementation": "fork",
        "workers": 2,
        "blocks": 10,
        "block_ratios": [ratio] * 10 if ratio else [],
        "ratio": ratio,
        "low": ratio - 0.005 if ratio else None,
        "high": ratio + 0.005 if ratio else None,
        "error": None if ratio else "processes: crashed by SIGSEGV",
    }


def lifecycle() -> Json:
    """lifecycle.json with one row that failed."""
    rows = [
        _row("create an interpreter", "fork", "interpreters", 1, 1210.0, "per second", None),
        _row("create an interpreter", "upstream", "interpreters", 1, 166.0, "per second", None),
        _row("create an interpreter", "upstream", "spawn", 1, 16.4, "per second", None),
    ]
    rows.append({**rows[0], "implementation": "peer", "rate": None, "seconds": [], "error": "killed by signal 11"})
    return {"schema": 1, "kind": "lifecycle", "rows": rows, "machine": {}, "provenance": {"fork": build("fork")}}


def messaging() -> Json:
    """messaging.json."""
    rows = [
        _row("queue, one way, ints", "fork", "interpreters", 2, 2_310_000.0, "messages/s", None),
        _row("queue, one way, ints", "upstream", "fork", 2, 171_000.0, "messages/s", None),
    ]
    return {"schema": 1, "kind": "messaging", "rows": rows, "machine": {}, "provenance": {"fork": build("fork")}}


def globals_(*, new: bool = False) -> Json:
    """globals.json."""
    by_patch, left = [], 1190
    for name, removed in PATCHES:
        left -= removed
        by_patch.append({"patch": name, "removed": removed, "left": left})
    folders = [{"folder": name, "total": total, "left": total} for name, total in TREES]
    folders[2]["left"] = TREES[2][1] - (1190 - left)
    fresh = [{"symbol": "leaked_counter", "file": "Objects/typeobject.c", "section": ".bss", "size": 8}]
    return {
        "schema": 1,
        "kind": "globals",
        "total": 1190,
        "left": left,
        "by_patch": by_patch,
        "by_folder": folders,
        "new": fresh if new else [],
        "writable": {
            "upstream": {"symbols": 5120, "bytes": 700123, "sections": {".bss": 300123, ".data": 400000}},
            "fork": {"symbols": 5101, "bytes": 698111},
        },
    }


def abi(*, compatible: bool = True) -> Json:
    """abi.json."""
    removed = [] if compatible else ["PyThing_Gone"]
    shared = {"file": "lib/libpython3.11.so.1.0", "status": "changed", "removed": removed, "changed": []}
    return {
        "schema": 1,
        "kind": "abi",
        "compatible": compatible,
        "objects": [{**shared, "added": ["PyInterpreterConfig_New"]}],
    }


def wheels(*, bad: bool = False) -> Json:
    """wheels.json: one wheel that passes everywhere, one that is known not to."""
    modes = ("main", "one", "four", "fifty")
    cells: list[Json] = [
        {"wheel": "numpy", "mode": mode, "outcome": "passed", "text": "", "kib": 4800 if mode == "fifty" else 0}
        for mode in modes
    ]
    for mode in modes:
        known = mode != "main" and not bad
        cells.append(
            {
                "wheel": "pyarrow",
                "mode": mode,
                "outcome": "passed" if mode == "main" else "refused",
                "text": "no copy",
            }
            | ({"known": "A library of it calls into Python."} if known else {})
        )
    return {
        "schema": 1,
        "kind": "wheels",
        "policy": "isolate",
        "wheels": {"numpy": "2.4.6", "pyarrow": "25.0.0"},
        "cells": cells,
        "failures": [f"pyarrow {mode}" for mode in modes[1:]] if bad else [],
    }


def own(*, bad: bool = False) -> Json:
    """own.json: two tests that count references, and with `bad` a crash."""
    counted = {"upstream": "passed", "outcome": "failed", "message": "no", "reason": "They count references."}
    crash = {"side": "one", "test": "numpy.tests.test_x", "upstream": "passed", "outcome": "crashed", "reason": ""}
    return {
        "schema": 1,
        "kind": "own",
        "package": "numpy",
        "counts": {"upstream": {"passed": 40000}, "one": {"passed": 39998, "failed": 2}},
        "differences": [{"side": "one", "test": f"numpy.tests.test_{name}", **counted} for name in ("a", "b")]
        + ([{**crash, "message": "SIGBUS <b>"}] if bad else []),
    }


def isolated(*, bad: bool = False) -> Json:
    """isolated.json: a rule, a gap, and with `bad` a crash."""
    crash = {"test": "test.test_io.T.test_x", "file": "test_io", "status": "crashed", "message": "SIGSEGV <b>"}
    run = {"tests": 2000, "passed": 1900, "failed": 0, "errors": 0, "skipped": 100}
    return {
        "schema": 1,
        "kind": "isolated",
        "set": "full",
        "main": run,
        "isolated": run | {"passed": 1850, "errors": 50},
        "files_passed_main": 402,
        "files_failing": ["test_descr"],
        "files_left_out": ["test_tcl"],
        "share": 0.9 if bad else 0.9975,
        "target": 0.97,
        "unexplained": [crash] if bad else [],
        "explained": [
            {
                "cause": "signals",
                "rule": True,
                "reason": "Main has them.",
                "files": ["test_signal"],
                "tests": [crash],
            },
            {"cause": "xxsubtype", "rule": False, "reason": "Not yet.", "files": ["test_descr"], "tests": [crash]},
        ],
    }


def sanitize(*, bad: bool = False) -> Json:
    """sanitize.json: two scripts and one suppression, with `bad` a race and a script that hung."""
    race = {
        "cause": "data race in f (x.c:1)",
        "kind": "data race",
        "function": "f",
        "count": 3,
        "text": "WARNING <b>",
    }
    row = {"script": "stress_messages.py", "returncode": 0, "seconds": 602.4, "reports": 3 * bad, "timed_out": False}
    return {
        "schema": 1,
        "kind": "sanitize",
        "profile": "tsan",
        "scripts": [row | {"told": "9 queues"}, row | {"script": "stress_pools.py", "reports": 0, "timed_out": bad}],
        "reports": [race] if bad else [],
        "suppressed": [race | {"count": 2}],
        "suppressions": [{"kind": "data race", "function": "f", "reason": "Both write the same."}],
    }


def conformance(*, bad: bool = False) -> Json:
    """conformance.json: the fork and a peer that lacks an area."""
    told = {
        "queues.put": {"fork": "failed" if bad else "passed", "python3.14": "passed"},
        "pool.map": {"fork": "passed", "python3.14": "absent"},
    }
    return {
        "schema": 1,
        "kind": "conformance",
        "implementations": {
            "fork": {"version": "3.11.2", "api": "concurrent.interpreters", "counts": {"passed": 2 - bad}},
            "python3.14": {"version": "3.14.0", "api": None, "counts": {"passed": 1, "absent": 1}},
        },
        "cases": [
            {
                "case": case,
                "beyond": None,
                "outcomes": {name: {"status": status, "message": ""} for name, status in outcomes.items()},
            }
            for case, outcomes in told.items()
        ],
    }


def ledger() -> Json:
    """ledger.json: one row a patch."""
    rows, left = [], 1190
    for index, (name, removed) in enumerate(PATCHES):
        left -= removed
        rows.append(
            {
                "patch": name,
                "topic": name.split("/")[0],
                "applies": True,
                "builds": True,
                "tests": {"passed": 12 + index, "failed": 0},
                "instructions_delta": 0.0004 * (index - 3),
                "globals_left": left,
                "abi": {"compatible": True, "added": index // 3, "removed": 0, "changed": 0},
                "lines": {"added": 40 + 11 * index, "removed": 12 + index},
            }
        )
    return {"schema": 1, "kind": "ledger", "rows": rows}


def pyperformance() -> Json:
    """pyperformance.json with one benchmark that failed."""
    rng = random.Random(7)
    rows: list[Json] = []
    for name in ("2to3", "chaos", "deltablue", "go", "hexiom", "nbody", "richards", "tomli_loads"):
        middle = math.exp(rng.gauss(-0.002, 0.01))
        rows.append({"name": name, "ratio": middle, "low": middle - 0.009, "high": middle + 0.009, "blocks": 5})
    rows.append({"name": "sqlglot", "ratio": None, "low": None, "high": None, "blocks": 0, "error": "fork: exit 1"})
    whole = {"name": "geometric mean", "ratio": 0.9984, "low": None, "high": None, "blocks": 8, "error": None}
    provenance = {"upstream": build("upstream"), "fork": build("fork")}
    return {"schema": 1, "kind": "pyperformance", "suite": whole, "benchmarks": rows, "provenance": provenance}


FILES: dict[str, tuple[str, Callable[[], Json]]] = {
    "gate": ("verdict.json", gate),
    "test": ("diff.json", diff),
    "pyperformance": ("pyperformance.json", pyperformance),
    "multicore": ("multicore.json", multicore),
    "lifecycle": ("lifecycle.json", lifecycle),
    "messaging": ("messaging.json", messaging),
    "isolated": ("isolated.json", isolated),
    "wheels": ("wheels.json", wheels),
    "own": ("own.json", own),
    "conformance": ("conformance.json", conformance),
    "sanitize": ("sanitize.json", sanitize),
    "globals": ("globals.json", globals_),
    "abi": ("abi.json", abi),
    "ledger": ("ledger.json", ledger),
}


def store(results: Path, kind: str, value: Json | None = None) -> Path:
    """Write one result into a folder of its kind under `results`, named as the sessions name them."""
    file, make = FILES[kind]
    folder = results / f"20260102T030405-{kind}-0a1b2c"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(json.dumps(make() if value is None else value), encoding="utf-8")
    return folder


def store_all(results: Path, **values: Json) -> dict[str, Path | None]:
    """Write a result of every kind (`values` replaces some) and return the folders by kind."""
    return {kind: store(results, kind, values.get(kind)) for kind in FILES}
