"""Runners: the environment they give, lists of cores, which runner a build gets, whose containers are leftovers."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from harness import atomic, build_image, engine, proc, runner, runner_docker
from harness.build_image import BuilderImage, Facts
from harness.errors import EngineMissingError, ResultMissingError, ToolMissingError, UsageError
from harness.runner import NativeRunner

FACTS = Facts("0" * 64, "Debian", "gcc 12")
IMAGE = BuilderImage("redwoodtj-builder:1", "sha256:1", None, FACTS)
ALL_CORES = sorted(os.sched_getaffinity(0))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUILD", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))


def no_engine() -> engine.Engine:
    raise EngineMissingError("no Docker engine: none at all")


def test_native_gives_a_small_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    with NativeRunner() as native:
        said = proc.run(native.argv(["env"], env={"WORD": "two words"})).stdout
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert names == {"PATH", "HOME", "LANG", "TZ", "TERM", "WORD"}
    assert "WORD=two words" in said
    assert f"HOME={tmp_path}/build/home" in said


def test_native_place_and_cores(tmp_path: Path) -> None:
    ask = "echo $PWD; grep Cpus_allowed_list /proc/self/status"
    with NativeRunner(cpuset=str(ALL_CORES[-1])) as native:
        said = proc.run(native.argv(["sh", "-c", ask], cwd=tmp_path)).stdout.split()
        pinned = proc.run(native.argv(["sh", "-c", ask], cpuset=str(ALL_CORES[0]))).stdout.split()
    assert said[0] == str(tmp_path)
    assert said[-1] == str(ALL_CORES[-1])
    assert pinned[-1] == str(ALL_CORES[0])


def test_native_undoes_ignored_signals() -> None:
    ask = ["grep", "SigIgn", "/proc/self/status"]
    with NativeRunner() as native:
        said = subprocess.run(
            native.argv(ask),
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
    assert said.stdout.split() == ["SigIgn:", "0" * 16]


def test_lists_of_cores() -> None:
    first = ALL_CORES[0]
    assert runner.cores(f"{first}-{first},{first}") == {first}
    assert runner.available_cores(str(first)) == 1
    assert runner.available_cores() == len(ALL_CORES)


@pytest.mark.parametrize("text", ["", "zero", "0,", "1-0x", "-1", "1-0", "4095"])
def test_bad_lists_of_cores(text: str) -> None:
    with pytest.raises(UsageError):
        runner.cores(text)
    if text:
        with pytest.raises(UsageError):
            runner.open_runner(docker=False, cpuset=text)


def test_without_an_engine_it_runs_natively_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "probe", no_engine)
    with runner.open_runner() as opened:
        assert opened.kind == "native"
        assert opened.description["kind"] == "native"
    assert "natively: no Docker engine" in capsys.readouterr().err


def test_docker_on_request_needs_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EngineMissingError):
        runner.open_runner(docker=True)


def test_docker_needs_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_docker.shutil, "which", lambda _name: None)  # type: ignore[attr-defined]
    with pytest.raises(ToolMissingError, match="docker command"):
        runner_docker.DockerRunner(IMAGE)


def test_runner_of_a_build(tmp_path: Path) -> None:
    with pytest.raises(ResultMissingError, match="no interpreter is built"):
        runner.for_build(tmp_path)
    atomic.write_json(tmp_path / "provenance.json", {"environment": {"kind": "native"}})
    with runner.for_build(tmp_path) as opened:
        assert opened.kind == "native"


def test_owner_of_a_container() -> None:
    mine = runner_docker.owner_label()
    assert runner_docker.owner_lives(mine)
    pid = mine.partition(":")[0]
    for label in ("", "x:1", f"{pid}:1", "999999999:1", f"{pid}:None"):
        assert not runner_docker.owner_lives(label)


def test_facts() -> None:
    said = "packages_sha256 abc  -\nos Debian GNU/Linux 12 (bookworm)\ncompiler gcc (Debian 12.2.0-14) 12.2.0\n"
    found = build_image.parse_facts(said)
    assert found == Facts("abc", "Debian GNU/Linux 12 (bookworm)", "gcc (Debian 12.2.0-14) 12.2.0")
    assert build_image.host_facts().os
