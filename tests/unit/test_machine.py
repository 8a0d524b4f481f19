"""The machine's state on made /proc and /sys trees: read, tuned, put back, warned about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from perf import machine

CPU = "sys/devices/system/cpu"


def put(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def bare_metal(tmp_path: Path) -> Path:
    put(tmp_path, "proc/cpuinfo", "model name\t: Test CPU\nflags\t\t: sse avx\n")
    put(tmp_path, "proc/loadavg", "1.50 0.75 0.25 1/234 567\n")
    put(tmp_path, "proc/stat", "cpu  100 0 50 800 50 0 0 10 0 0\ncpu0 1 2 3\n")
    put(tmp_path, "proc/sys/kernel/randomize_va_space", "2\n")
    put(tmp_path, f"{CPU}/cpu0/cpufreq/scaling_governor", "powersave\n")
    put(tmp_path, f"{CPU}/cpu1/cpufreq/scaling_governor", "performance\n")
    put(tmp_path, f"{CPU}/intel_pstate/no_turbo", "0\n")
    put(tmp_path, f"{CPU}/isolated", "1,4-5\n")
    return tmp_path


def state(root: Path, **changes: object) -> dict[str, Any]:
    return {**machine.state(root), "busy_cores": 0.0, "cores": [0, 1], **changes}


def test_state_is_read(bare_metal: Path) -> None:
    found = machine.state(bare_metal)
    assert found["cpu"] == "Test CPU"
    assert found["hypervisor"] is False
    assert found["governor"] == {"cpu0": "powersave", "cpu1": "performance"}
    assert found["turbo"] is True
    assert found["aslr"] == "2"
    assert found["loadavg"] == [1.5, 0.75, 0.25]
    assert (found["stolen_ticks"], found["ticks"]) == (10, 1010)


def test_a_machine_that_shows_nothing_is_no_error(tmp_path: Path) -> None:
    found = machine.state(tmp_path)
    assert found["governor"] is None
    assert found["turbo"] is None
    assert machine.busy_cores(0.0, tmp_path) == 0.0
    assert machine.warnings(state(tmp_path), machine.state(tmp_path), 0.2) == []


def test_the_amd_way_to_say_turbo(tmp_path: Path) -> None:
    path = put(tmp_path, machine.BOOST, "1")
    assert machine.state(tmp_path)["turbo"] is True
    with machine.tuned(tmp_path):
        assert path.read_text(encoding="utf-8") == "0"
    assert path.read_text(encoding="utf-8") == "1"


def test_tuning_is_put_back(bare_metal: Path) -> None:
    governor = bare_metal / CPU / "cpu0/cpufreq/scaling_governor"
    no_turbo = bare_metal / machine.NO_TURBO
    with machine.tuned(bare_metal) as tuning:
        assert governor.read_text(encoding="utf-8") == "performance"
        assert no_turbo.read_text(encoding="utf-8") == "1"
        assert tuning.changed == {governor: "powersave", no_turbo: "0"}
        assert tuning.notes == []
    assert governor.read_text(encoding="utf-8") == "powersave"
    assert no_turbo.read_text(encoding="utf-8") == "0"


def test_tuning_is_put_back_after_an_interruption(bare_metal: Path) -> None:
    with pytest.raises(KeyboardInterrupt), machine.tuned(bare_metal):
        raise KeyboardInterrupt
    assert machine.state(bare_metal)["governor"]["cpu0"] == "powersave"


def test_what_may_not_be_tuned_is_said(bare_metal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, *_args: object, **_options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    with machine.tuned(bare_metal) as tuning:
        pass
    assert tuning.changed == {}
    assert tuning.notes[0] == "governor of cpu0 stays 'powersave': Permission denied"


def test_a_virtual_machine_without_cpufreq_is_said(tmp_path: Path) -> None:
    with machine.tuned(tmp_path) as tuning:
        pass
    assert "cannot be tuned" in tuning.notes[0]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({"busy_cores": 1.3}, {}, "other processes used 1.3 of 2 cores"),
        ({"hypervisor": True}, {}, "virtual machine"),
        ({}, {"stolen_ticks": 110, "ticks": 2010}, "the hypervisor took 10.0% of processor time"),
        ({"cgroup_cpu": "50000 100000"}, {}, r"a cgroup limits processor time \(50000 100000\)"),
        ({"cores": [0]}, {}, "only one core"),
    ],
)
def test_each_weakness_is_a_warning(
    bare_metal: Path, before: dict[str, Any], after: dict[str, Any], message: str
) -> None:
    start = state(bare_metal, **before)
    found = machine.warnings(start, {**start, **after}, 0.2)
    assert len(found) == 1
    assert re.search(message, found[0])


def test_a_quiet_machine_gives_no_warning(bare_metal: Path) -> None:
    found = state(bare_metal, cgroup_cpu="max 100000")
    assert machine.warnings(found, found, 0.2) == []


def test_the_timing_core_is_isolated_or_the_last(bare_metal: Path) -> None:
    assert machine.timing_core(state(bare_metal, cores=[0, 1, 2, 3])) == 1
    assert machine.timing_core(state(bare_metal, cores=[0, 2, 4, 5, 6])) == 5
    assert machine.timing_core(state(bare_metal, cores=[0, 2, 3], isolated="")) == 3


def test_identity_is_of_the_kind_of_machine_and_not_of_the_day(bare_metal: Path) -> None:
    one = state(bare_metal)
    assert machine.identity(one) == machine.identity({**one, "loadavg": [9.0], "ticks": 5, "kernel": "6.99"})
    assert machine.identity(one) != machine.identity({**one, "cpu": "Other"})


def test_busy_cores_of_this_machine() -> None:
    assert 0.0 <= machine.busy_cores(0.05) <= 1024
