"""The Docker runner and engine for real: what a command finds in the container; nothing outlives its caller."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import build_image, engine, paths, proc
from harness.errors import CommandFailedError, EnvironmentFailure, RunnerLostError
from harness.runner import open_runner, run_in
from harness.runner_docker import LABEL_CLONE, DockerRunner, clone_label, owner_lives

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def runner() -> Iterator[DockerRunner]:
    with open_runner(docker=True) as opened:
        assert isinstance(opened, DockerRunner)
        yield opened


def said(runner: DockerRunner, *argv: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    return proc.run(runner.argv(argv, env=env, cwd=cwd), echo=False).stdout


def inside(runner: DockerRunner, command: str) -> list[str]:
    """Processes in the container whose command line is `command`."""
    found = proc.run(runner.argv(["pgrep", "--full", "--exact", command]), check=False, echo=False)
    return found.stdout.split()


def wait_until_gone(runner: DockerRunner, *commands: str) -> None:
    deadline = time.monotonic() + 15
    while any(inside(runner, command) for command in commands):
        assert time.monotonic() < deadline, f"still running: {commands}"
        time.sleep(0.2)


def wait_until_there(runner: DockerRunner, command: str) -> None:
    deadline = time.monotonic() + 15
    while not inside(runner, command):
        assert time.monotonic() < deadline, f"did not start: {command}"
        time.sleep(0.1)


def test_what_a_command_finds(runner: DockerRunner) -> None:
    script = (
        "id -u; id -g; pwd; echo $LANG $TZ $WORD; touch $HOME/x && echo home; ulimit -c; ulimit -n; ls /sys/class/net"
    )
    lines = said(runner, "sh", "-c", script, env={"WORD": "two words"}, cwd=paths.ROOT).split("\n")
    assert lines[:8] == [
        str(os.getuid()),
        str(os.getgid()),
        str(paths.ROOT),
        "C.UTF-8 UTC two words",
        "home",
        "0",
        "4096",
        "lo",  # and no other network interface
    ]


@pytest.mark.parametrize("how", ["paused", "exited", "gone"])
def test_failures_of_a_lost_container_are_its_own(how: str) -> None:
    with open_runner(docker=True) as opened:
        assert run_in(opened, ["false"]).returncode == 1
        with pytest.raises(CommandFailedError, match="exited with 1"):
            run_in(opened, ["false"], error=CommandFailedError)
        assert isinstance(opened, DockerRunner)
        container: Any = engine.client().containers.get(opened.container)
        {"paused": container.pause, "exited": container.kill, "gone": lambda: container.remove(force=True)}[how]()
        for error in (None, CommandFailedError):
            with pytest.raises(RunnerLostError, match=f"in which commands run, is {how}"):
                run_in(opened, ["true"], error=error)


def test_signals_have_their_defaults(runner: DockerRunner) -> None:
    status = said(runner, "grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status").split()
    assert status == ["SigBlk:", "0" * 16, "SigIgn:", "0" * 16]


def test_address_randomisation_can_be_switched_off(runner: DockerRunner) -> None:
    ask = ["setarch", "--addr-no-randomize", "grep", "stack", "/proc/self/maps"]
    assert said(runner, *ask) == said(runner, *ask)


def test_directories_have_their_own_names(runner: DockerRunner) -> None:
    made = paths.build_dir() / "runner-test"
    try:
        assert said(runner, "sh", "-c", f"echo hello > {made} && cat {made}") == "hello\n"
        assert made.read_text(encoding="utf-8") == "hello\n"
        assert made.stat().st_uid == os.getuid()
    finally:
        made.unlink(missing_ok=True)


def test_further_directories(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with open_runner(docker=True, mounts=[tmp_path]) as opened:
        assert proc.run(opened.argv(["cat", tmp_path / "file"]), echo=False).stdout == "mine"


def test_exit_status_and_both_streams(runner: DockerRunner) -> None:
    done = subprocess.run(
        runner.argv(["sh", "-c", "echo out; echo err >&2; exit 7"]), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    crashed = proc.run(runner.argv(["sh", "-c", "kill -SEGV $$"]), check=False, echo=False)
    assert crashed.returncode == 128 + signal.SIGSEGV
    missing = proc.run(runner.argv(["no-such-program"]), check=False, echo=False)
    assert missing.returncode == 127
    assert "no-such-program" in missing.stdout


def test_cores() -> None:
    last = str(max(os.sched_getaffinity(0)))
    first = str(min(os.sched_getaffinity(0)))
    ask = ["grep", "Cpus_allowed_list", "/proc/self/status"]
    with open_runner(docker=True, cpuset=last) as opened:
        assert proc.run(opened.argv(ask), echo=False).stdout.split()[-1] == last
    with open_runner(docker=True, cpus=0.5) as opened:
        assert proc.run(opened.argv(ask, cpuset=first), echo=False).stdout.split()[-1] == first
        quota = proc.run(opened.argv(["sh", "-c", "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max"]),
                         check=False, echo=False).stdout  # fmt: skip
        assert "50000" in quota


def test_a_timeout_ends_the_command_and_its_daemons(runner: DockerRunner) -> None:
    done = proc.run(runner.argv(["sh", "-c", "setsid sleep 1111 & sleep 1112"]), timeout=2, check=False, echo=False)
    assert done.timed_out
    wait_until_gone(runner, "sleep 1111", "sleep 1112")


def test_a_killed_client_ends_a_command_that_ignores_sigterm(runner: DockerRunner) -> None:
    client = subprocess.Popen(runner.argv(["sh", "-c", "trap '' TERM; sleep 1113; sleep 1114"]))
    wait_until_there(runner, "sleep 1113")
    client.kill()
    client.wait()
    wait_until_gone(runner, "sleep 1113", "sleep 1114")


def test_nothing_outlives_its_command(runner: DockerRunner) -> None:
    started = time.monotonic()
    assert said(runner, "sh", "-c", "setsid sleep 1115 & echo done") == "done\n"
    assert time.monotonic() - started < 10
    assert inside(runner, "sleep 1115") == []


def test_a_user_that_the_image_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    monkeypatch.setattr(os, "getgid", lambda: 4243)
    tmp_path.chmod(0o777)
    with open_runner(docker=True, mounts=[tmp_path]) as opened:
        script = f"id -un; id -gn; touch $HOME/x {tmp_path}/y && echo written; id -u"
        said = proc.run(opened.argv(["sh", "-c", script]), echo=False).stdout
    assert said.split() == ["builder", "builder", "written", "4242"]
    assert (tmp_path / "y").stat().st_uid == 4242


KILLED = """
import sys, time
from harness.runner import open_runner
runner = open_runner(docker=True)
print(runner.container, flush=True)
time.sleep(60)
"""


def test_the_container_of_a_killed_run_is_removed_by_the_next() -> None:
    killed = subprocess.Popen([sys.executable, "-c", KILLED], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    container = killed.stdout.readline().strip()
    with open_runner(docker=True) as opened:
        proc.run(opened.argv(["true"]), echo=False)
        assert container in ours()  # its owner lives
    killed.kill()
    killed.wait()
    assert container in ours()
    with open_runner(docker=True) as opened:
        proc.run(opened.argv(["true"]), echo=False)
        assert container not in ours()


def ours() -> dict[str, str]:
    client = engine.client()
    try:
        found = client.containers.list(all=True, filters={"label": f"{LABEL_CLONE}={clone_label()}"})
        return {str(container.id): container.labels["redwoodtj.owner"] for container in found}
    finally:
        client.close()


def test_closing_removes_the_container() -> None:
    opened = open_runner(docker=True)
    proc.run(opened.argv(["true"]), echo=False)
    mine = {name for name, owner in ours().items() if owner_lives(owner)}
    opened.close()
    opened.close()
    assert len(mine - set(ours())) == 1
    with pytest.raises(EnvironmentFailure, match="closed"):
        opened.argv(["true"])


def test_description(runner: DockerRunner) -> None:
    told = runner.description
    assert told["kind"] == "docker"
    assert told["image"].startswith("redwoodtj-builder:")
    assert "bookworm" in told["os"]
    assert told["compiler"].startswith("gcc")
    assert len(told["packages_sha256"]) == 64
    assert json.loads(json.dumps(told)) == told
    assert build_image.existing(told["image_id"]) is not None
    assert build_image.existing("sha256:" + "0" * 64) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="dockerd needs root")
def test_a_second_engine_starts_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real dockerd beside the one that the other tests use, which must not notice.

    It has a network namespace of its own: a second dockerd would take the first one's bridge away.
    """
    before = engine.probe()
    bridge = Path("/sys/class/net/docker0").exists()
    program = tmp_path / "bin" / "dockerd"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec unshare --net {shutil.which("dockerd")} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    with monkeypatch.context() as changed:
        changed.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        changed.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        changed.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
        own = ("--data-root", f"{tmp_path}/data", "--exec-root", f"{tmp_path}/exec", "--pidfile", f"{tmp_path}/pid")
        found = engine.start(options=own)
        try:
            assert found.version == before.version
        finally:
            assert engine.stop()
        assert not engine.available()
    assert engine.probe() == before
    assert Path("/sys/class/net/docker0").exists() == bridge
