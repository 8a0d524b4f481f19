"""`bench pyperformance`: the official suite on upstream and fork through its own package, benchmark by benchmark.

The two sides of a benchmark run one after the other, in an order drawn at random, so that both meet about the same
machine; every benchmark of the manifest is listed, with the reason where it could not run. A benchmark and side that
is done is not run again when the command is repeated.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from scipy import stats as scipy_stats

from harness.console import console, out, progress, say
from harness.errors import Exit, UsageError
from perf import bench_quick, bench_sides, bench_store, machine, pyperf_site, pyperformance_home, worker
from perf.bench_cells import NOT_AVAILABLE
from perf.bench_quick import Ratio
from perf.bench_sides import Side
from perf.bench_store import Store
from perf.pyperformance_home import Home, Official

KIND = "pyperformance"
TIMEOUT = 3600.0  # seconds for one benchmark on one side
LEVEL = 0.95
SIDES = ("upstream", "fork")


def _command(home: Home, one: Official, file: Path, core: int, fast: bool) -> list[str]:
    inherited = ",".join(home.environment())
    command = [str(home.python), "-m", "pyperformance", "run", "--benchmarks", one.name, "--output", str(file)]
    command += ["--inherit-environ", inherited, "--affinity", str(core)]
    return [*command, "--fast"] if fast else command


def measure(home: Home, one: Official, store: Store, core: int, fast: bool) -> dict[str, Any]:
    """Run one benchmark on one side: mean seconds of each process by pyperf name, or `error`."""
    file = store.raw / f"{one.name}-{home.side.name}.json"
    log = file.with_suffix(".log")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # what a run that was stopped left; pyperformance refuses to overwrite
    log.unlink(missing_ok=True)
    done = home.run(_command(home, one, file, core, fast), log=log, timeout=TIMEOUT)
    _, error = worker.ended(done, TIMEOUT)
    if error is not None:
        return {"error": f"{error}{_reason(log)} (log {log})"}
    try:
        return {"means": process_means(file)}
    except (OSError, ValueError, KeyError, IndexError, TypeError) as problem:
        return {"error": f"its result {file} is missing, cut short or damaged: {problem!r}"}


def _reason(log: Path) -> str:
    """What the log says of the failure: pyperformance's own lines, else its end."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line for line in lines if line.startswith(("ERROR", "Traceback")) or "Error:" in line]
    return ": " + "; ".join(dict.fromkeys(said[-4:] or lines[-4:]))


def process_means(file: Path) -> dict[str, list[float]]:
    """Mean seconds of every timed process in a pyperf file, by benchmark name; ValueError if there is none."""
    content = json.loads(file.read_text(encoding="utf-8"))
    common = content.get("metadata", {})
    found: dict[str, list[float]] = {}
    for benchmark in content["benchmarks"]:
        name = str({**common, **benchmark.get("metadata", {})}["name"])
        means = [statistics.fmean(run["values"]) for run in benchmark["runs"] if run.get("values")]
        if not means or not all(0 < value < math.inf for value in means):
            raise ValueError(f"{name} has no usable values")
        found[name] = means
    if not found:
        raise ValueError("no benchmarks")
    return found


def compare(name: str, upstream: Sequence[float], fork: Sequence[float]) -> Ratio:
    """Fork over upstream from the log means of independent processes, with Welch's interval."""
    logs = [[math.log(value) for value in side] for side in (fork, upstream)]
    ratio = math.exp(statistics.fmean(logs[0]) - statistics.fmean(logs[1]))
    if min(map(len, logs)) < 2:
        return Ratio(name, ratio, None, None, min(map(len, logs)), None)
    interval = scipy_stats.ttest_ind(logs[0], logs[1], equal_var=False).confidence_interval(LEVEL)
    return Ratio(name, ratio, math.exp(interval.low), math.exp(interval.high), min(map(len, logs)), None)


def ratios(one: Official, found: Mapping[str, Mapping[str, Any]]) -> list[Ratio]:
    """The ratios of one benchmark: one for each pyperf name that both sides have; else an error that says which."""
    said = {side: str(found[side]["error"]) for side in SIDES if "error" in found[side]}
    if len(said) == len(SIDES) and len(set(said.values())) == 1:
        return [Ratio(one.name, None, None, None, 0, said[SIDES[0]])]
    if said:
        reasons = "; ".join(f"{side}: {error}" for side, error in said.items())
        return [Ratio(one.name, None, None, None, 0, reasons)]
    upstream, fork = (found[side]["means"] for side in SIDES)
    made = []
    for name in dict.fromkeys([*upstream, *fork]):
        if name in upstream and name in fork:
            made.append(compare(name, upstream[name], fork[name]))
        else:
            made.append(Ratio(name, None, None, None, 0, f"only one side has a result of {one.name}/{name}"))
    return made


def _measure_all(
    chosen: Sequence[Official], sides: Sequence[Side], store: Store, core: int, fast: bool
) -> dict[str, dict[str, dict[str, Any]]]:
    homes: dict[str, Home] = {}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    versions = {side.name: pyperf_site.probe(side.runner, side.python).version for side in sides}
    with progress() as shown:
        task = shown.add_task(KIND, total=len(chosen) * len(sides))
        for one in chosen:
            found[one.name] = {}
            order = list(sides)
            random.Random(f"{store.folder.name}/{one.name}").shuffle(order)
            for side in order:
                shown.update(task, description=f"{one.name} {side.name}")
                key = f"{one.name}-{side.name}"
                result = store.get(key)
                if result is None:
                    result = _measure_one(one, side, versions[side.name], homes, store, core, fast)
                    store.put(key, result)
                found[one.name][side.name] = result
                shown.advance(task)
    return found


def _measure_one(
    one: Official, side: Side, version: str, homes: dict[str, Home], store: Store, core: int, fast: bool
) -> dict[str, Any]:
    refusal = one.refusal(version)
    if refusal is not None:
        return {"error": f"{NOT_AVAILABLE}{refusal}, this is {version}"}
    missing = pyperformance_home.fetch(one)
    if missing is not None:
        return {"error": f"its requirements cannot be fetched: {missing}"}
    if side.name not in homes:
        homes[side.name] = pyperformance_home.home(side)
    return measure(homes[side.name], one, store, core, fast)


def rows(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Seconds of each process by pyperf name and side, in the form of the other suites' rows."""
    made = []
    for name, by_side in found.items():
        for side, result in by_side.items():
            for part, means in (result.get("means") or {name: []}).items():
                made.append(
                    {
                        "workload": part,
                        "implementation": side,
                        "mode": "sequential",
                        "workers": 1,
                        "seconds": means,
                        "rate": 1 / statistics.median(means) if means else None,
                        "unit": "1/s",
                        "speedup": None,
                        "error": result.get("error"),
                    }
                )
    return made


def choose(names: str | None) -> list[Official]:
    """The benchmarks of the manifest, or those in the comma-separated `names`; UsageError for an unknown one."""
    listed = pyperformance_home.manifest()
    if not names:
        return listed
    wanted = names.split(",")
    unknown = sorted(set(wanted) - {one.name for one in listed})
    if unknown:
        raise UsageError(f"pyperformance has no benchmark {', '.join(unknown)}")
    return [one for one in listed if one.name in wanted]


def overall(found: Sequence[Ratio]) -> Ratio:
    """The geometric mean of the ratios there are; an interval would need repeated runs."""
    logs = [math.log(one.ratio) for one in found if one.ratio is not None]
    if not logs:
        return Ratio("geometric mean", None, None, None, 0, "no benchmark succeeded")
    return Ratio("geometric mean", math.exp(statistics.fmean(logs)), None, None, len(logs), None)


def run(options: argparse.Namespace) -> int:
    """Measure, store and show; exit code 5 if a benchmark failed."""
    chosen = choose(options.benchmarks)
    pyperformance_home.fetch_tools()
    with bench_sides.opened(options) as sides:
        inputs = {
            "benchmarks": [one.name for one in chosen],
            "fast": options.fast,
            "binaries": {side.name: side.identity() for side in sides},
        }
        store = bench_store.opened(KIND, inputs, fresh=options.fresh)
        state = machine.state()
        found = _measure_all(chosen, sides, store, machine.timing_core(state), options.fast)
        provenance = {side.name: dict(side.provenance) for side in sides}
    compared = [ratio for one in chosen for ratio in ratios(one, found[one.name])]
    whole = overall(compared)
    main = store.finish(
        {
            "fast": options.fast,
            "suite": whole.to_json(),
            "benchmarks": [one.to_json() for one in compared],
            "rows": rows(found),
            "machine": state,
            "provenance": provenance,
        }
    )
    out.print(bench_quick.table([*compared, whole]))
    without = [one for one in compared if one.error]
    broken = [one for one in without if not str(one.error).startswith(NOT_AVAILABLE)]
    for one in without:
        console.print(f"[bold red]no result:[/] {escape(one.name)}: {escape(one.error or '')}")
    say(f"result: {main}")
    return int(Exit.MISSING if broken else Exit.OK)
