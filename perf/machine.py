"""The state of the machine that times: recorded, tuned where allowed, put back, and the rest said in warnings.

All of it is read from /proc and /sys below `root`, so that tests can hold up a made machine. Address space
randomisation is recorded and left on: layouts then vary between processes and average out over the blocks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CPUS = "sys/devices/system/cpu"
NO_TURBO = f"{CPUS}/intel_pstate/no_turbo"  # 1 switches turbo off
BOOST = f"{CPUS}/cpufreq/boost"  # 0 switches turbo off
STEAL_SHARE = 0.01  # stolen processor time above which a warning is due


@dataclass(frozen=True, slots=True)
class Setting:
    """One tunable file: what it is called in messages and the value that is best for timing."""

    name: str
    path: Path
    wanted: str


@dataclass(slots=True)
class Tuning:
    """What was changed (path -> value before) and what could not be, as sentences."""

    changed: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def _read(root: Path, name: str) -> str | None:
    try:
        return (root / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _cpuinfo(root: Path) -> tuple[str, bool]:
    """Model name of the processor, and whether a hypervisor is underneath."""
    text = _read(root, "proc/cpuinfo") or ""
    fields = [line.partition(":") for line in text.splitlines()]
    models = [value.strip() for key, _, value in fields if key.strip() in ("model name", "CPU part")]
    flags = {flag for key, _, value in fields if key.strip() == "flags" for flag in value.split()}
    return models[0] if models else platform.machine(), "hypervisor" in flags


def _governors(root: Path) -> dict[str, str]:
    found = sorted((root / CPUS).glob("cpu[0-9]*/cpufreq/scaling_governor"))
    return {path.parent.parent.name: path.read_text(encoding="utf-8").strip() for path in found}


def _turbo(root: Path) -> bool | None:
    """Whether turbo is on; None where the kernel does not say."""
    no_turbo, boost = _read(root, NO_TURBO), _read(root, BOOST)
    if no_turbo is not None:
        return no_turbo == "0"
    return None if boost is None else boost == "1"


@dataclass(frozen=True, slots=True)
class Ticks:
    """Processor time since boot over all cores, in ticks: all, idle (waiting for disks too), stolen by others."""

    total: int
    idle: int
    stolen: int


def _ticks(root: Path) -> Ticks:
    words = (_read(root, "proc/stat") or "").splitlines()[:1]
    ticks = [int(word) for word in words[0].split()[1:]] if words else []
    return Ticks(sum(ticks[:8]), ticks[3] + ticks[4], ticks[7]) if len(ticks) >= 8 else Ticks(0, 0, 0)


def busy_cores(seconds: float, root: Path = Path("/")) -> float:
    """How many cores were in use over the next `seconds`, on average: the load average says so only later."""
    before = _ticks(root)
    time.sleep(seconds)
    after = _ticks(root)
    total = after.total - before.total
    idle = after.idle - before.idle
    return (1 - idle / total) * (os.cpu_count() or 1) if total > 0 else 0.0


def _load(root: Path) -> list[float]:
    return [float(word) for word in (_read(root, "proc/loadavg") or "").split()[:3]]


def state(root: Path = Path("/")) -> dict[str, Any]:
    """The machine as a JSON object; what cannot be read is None."""
    model, hypervisor = _cpuinfo(root)
    ticks = _ticks(root)
    online = sorted(os.sched_getaffinity(0))
    return {
        "cpu": model,
        "cores": online,
        "hypervisor": hypervisor,
        "vendor": _read(root, "sys/class/dmi/id/sys_vendor"),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "smt": _read(root, f"{CPUS}/smt/active"),
        "isolated": _read(root, f"{CPUS}/isolated"),
        "governor": _governors(root) or None,
        "turbo": _turbo(root),
        "aslr": _read(root, "proc/sys/kernel/randomize_va_space"),
        "cgroup_cpu": _read(root, "sys/fs/cgroup/cpu.max"),
        "cgroup_memory": _read(root, "sys/fs/cgroup/memory.max"),
        "loadavg": _load(root),
        "stolen_ticks": ticks.stolen,
        "ticks": ticks.total,
    }


def identity(found: Mapping[str, Any]) -> str:
    """A short id of the kind of machine, under which learned noise is kept; neither reboot nor load changes it."""
    kind = [found["cpu"], len(found["cores"]), found["hypervisor"], found["architecture"], found["vendor"]]
    return hashlib.sha256(repr(kind).encode()).hexdigest()[:12]


def timing_core(found: Mapping[str, Any]) -> int:
    """The core to time on: an isolated one that we may use, else the last (the first serves most interrupts)."""
    cores: list[int] = found["cores"]
    isolated = [core for core in _cpulist(found["isolated"] or "") if core in cores]
    return isolated[-1] if isolated else cores[-1]


def _cpulist(text: str) -> list[int]:
    """Cores of the kernel's list format: `1,4-6`."""
    cores: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cores.extend(range(int(first), int(last or first) + 1))
    return cores


def settings(root: Path = Path("/")) -> list[Setting]:
    """The tunable files that exist here."""
    found = [
        Setting(f"governor of {path.parent.parent.name}", path, "performance")
        for path in sorted((root / CPUS).glob("cpu[0-9]*/cpufreq/scaling_governor"))
    ]
    found += [
        Setting("turbo", root / name, off) for name, off in ((NO_TURBO, "1"), (BOOST, "0")) if (root / name).is_file()
    ]
    return found


@contextlib.contextmanager
def tuned(root: Path = Path("/")) -> Iterator[Tuning]:
    """Set governor and turbo for timing, and put them back at the end; the notes say what could not be tuned."""
    tuning = Tuning()
    available = settings(root)
    if not available:
        tuning.notes.append("governor and turbo cannot be tuned: this kernel shows no cpufreq (a virtual machine?)")
    try:
        for setting in available:
            _tune(setting, tuning)
        yield tuning
    finally:
        for path, before in tuning.changed.items():
            path.write_text(before, encoding="utf-8")


def _tune(setting: Setting, tuning: Tuning) -> None:
    before = setting.path.read_text(encoding="utf-8").strip()
    if before == setting.wanted:
        return
    try:
        setting.path.write_text(setting.wanted, encoding="utf-8")
    except OSError as problem:
        tuning.notes.append(f"{setting.name} stays {before!r}: {problem.strerror}")
        return
    tuning.changed[setting.path] = before


def warnings(before: Mapping[str, Any], after: Mapping[str, Any], busy: float) -> list[str]:
    """What about the machine weakens a verdict: `before` and `after` are its states around the measurement.

    `before["busy_cores"]` is what others used just before it began; above `busy` cores that is a warning.
    """
    found: list[str] = []
    if before["busy_cores"] > busy:
        found.append(
            f"other processes used {before['busy_cores']:.1f} of {len(before['cores'])} cores when the gate began "
            f"(load average {before['loadavg']}): run it on a quiet machine"
        )
    if before["hypervisor"]:
        found.append("this is a virtual machine: neighbours may disturb, and hardware counters are not used")
    stolen, ticks = (after[key] - before[key] for key in ("stolen_ticks", "ticks"))
    if ticks > 0 and stolen / ticks > STEAL_SHARE:
        found.append(f"the hypervisor took {stolen / ticks:.1%} of processor time during the gate")
    quota = (before["cgroup_cpu"] or "max").split()[0]
    if quota != "max":
        found.append(f"a cgroup limits processor time ({before['cgroup_cpu']}): throttling shows as noise")
    if len(before["cores"]) < 2:
        found.append("only one core may be used: the harness itself runs on the core that is timed")
    return found
