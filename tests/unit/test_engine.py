"""The engine command: an engine that is not there, not ours, or silent; start and stop of a fake dockerd."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
import textwrap
from pathlib import Path

import pytest

from harness import atomic, cli, engine, packages, procfs
from harness.errors import EngineMissingError, EnginePermissionError, EngineStartError, Exit, ToolMissingError

ENGINE = {"engine": "harness.engine"}

# A dockerd as far as `engine` can tell: answers version requests on the socket named by --host.
FAKE_DOCKERD = """\
#!{python}
import http.server, os, socketserver, sys
if {fails!r}:
    print({fails!r}, file=sys.stderr)
    if not {with_rules!r} or "--iptables=false" not in sys.argv:
        sys.exit(1)
path = sys.argv[sys.argv.index("--host") + 1].removeprefix("unix://")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{{"Version": "20.10.24", "ApiVersion": "1.41"}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "local"
class Server(socketserver.UnixStreamServer):
    pass
print("argv", sys.argv[1:], flush=True)
Server(path, Handler).serve_forever()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build directory of its own, and an endpoint where nothing answers."""
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    return tmp_path


def fake_dockerd(place: Path, monkeypatch: pytest.MonkeyPatch, fails: str = "", with_rules: bool = False) -> None:
    folder = place / "bin"
    folder.mkdir()
    program = folder / "dockerd"
    text = FAKE_DOCKERD.format(python=sys.executable, fails=fails, with_rules=with_rules)
    program.write_text(textwrap.dedent(text), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(engine, "_as_root", list)


def test_no_socket(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngineMissingError, match=r"there is no socket .*docker\.sock"):
        engine.probe()
    assert not engine.available()
    assert cli.run(ENGINE, "harness", ["engine"]) == Exit.ENVIRONMENT
    said = capsys.readouterr().err
    assert "no Docker engine" in said
    assert "--native" in said


def test_socket_nobody_listens_on(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "docker.sock"))
    with pytest.raises(EngineMissingError, match="no Docker engine answers at"):
        engine.probe()


def test_tcp_endpoint_nobody_listens_on(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
    with pytest.raises(EngineMissingError, match=str(port)):
        engine.probe()


def test_no_permission(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place / "docker.sock"))
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may open everything
        with pytest.raises(EnginePermissionError):
            engine.probe()
        assert cli.run(ENGINE, "harness", ["engine"]) == Exit.ENVIRONMENT
    said = capsys.readouterr().err
    assert "no permission to use" in said
    assert "usermod -aG docker" in said


def test_permission_denied_by_connect(place: Path) -> None:
    error = engine._unanswered("unix:///x", OSError("Error while fetching: PermissionError(13, 'Permission denied')"))
    assert isinstance(error, EnginePermissionError)


def test_start_and_stop(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_dockerd(place, monkeypatch)
    started = engine.start(limit=20)
    assert (started.version, started.api) == ("20.10.24", "1.41")
    pid = atomic.read_json(place / "build" / "dockerd.json")["pid"]
    assert engine.start() == started  # one that answers is left alone
    assert atomic.read_json(place / "build" / "dockerd.json")["pid"] == pid
    assert engine.stop()
    assert procfs.start_time(pid) is None
    assert not engine.available()
    assert not engine.stop()


def test_stop_leaves_a_stranger_with_the_recorded_pid_alone(place: Path) -> None:
    me = os.getpid()
    started = procfs.start_time(me)
    assert started is not None
    atomic.write_json(place / "build" / "dockerd.json", {"pid": me, "started": started - 1, "argv": []})
    assert not engine.stop()
    assert not (place / "build" / "dockerd.json").exists()


def test_start_shows_the_log_of_one_that_ends(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_dockerd(place, monkeypatch, fails="failed: no space for layers")
    with pytest.raises(EngineStartError, match="no space for layers") as caught:
        engine.start(limit=20)
    assert caught.value.log == place / "build" / "logs" / "dockerd.log"
    assert not (place / "build" / "dockerd.json").exists()


@pytest.mark.parametrize("bridge", [True, False])
def test_start_without_rules_where_none_may_be_made(
    place: Path, monkeypatch: pytest.MonkeyPatch, bridge: bool
) -> None:
    monkeypatch.setattr(engine, "BRIDGE", place if bridge else place / "none")
    fake_dockerd(place, monkeypatch, fails="iptables: Permission denied", with_rules=True)
    engine.start(limit=20)
    try:
        told = (place / "build" / "logs" / "dockerd.log").read_text(encoding="utf-8")
        assert "--iptables=false" in told
        assert ("--bridge=none" in told) != bridge  # it would delete a bridge that is there
    finally:
        assert engine.stop()


def test_start_gives_up_on_a_silent_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place / "bin"
    folder.mkdir()
    (folder / "dockerd").write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    (folder / "dockerd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(engine, "_as_root", list)
    with pytest.raises(EngineStartError, match="did not answer within 1 s"):
        engine.start(limit=1)


def test_start_without_dockerd(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    with pytest.raises(ToolMissingError, match="dockerd is not installed"):
        engine.start()


def test_start_as_a_user_without_sudo(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "sudo" else f"/usr/sbin/{name}")
    with pytest.raises(EngineStartError, match="needs root"):
        engine.start()


@pytest.mark.parametrize("arguments", [["stop", "--install"], ["status", "--option=--debug"], ["restart"]])
def test_bad_usage(place: Path, arguments: list[str]) -> None:
    assert cli.run(ENGINE, "harness", ["engine", *arguments]) == Exit.USAGE


def test_install_adds_what_is_missing_but_no_second_engine(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_dockerd(place, monkeypatch)
    asked: list[tuple[str, ...]] = []

    def install(_group: str, as_root: list[str], leave: tuple[str, ...]) -> list[str]:
        asked.append(leave)
        return []

    monkeypatch.setattr(packages, "install", install)
    engine.start(install=True, limit=20)
    try:
        engine.start(install=True)
    finally:
        assert engine.stop()
    assert asked == [(), engine.ENGINE_PACKAGES]


def test_package_groups() -> None:
    assert "docker.io" in packages.group("engine")
    assert packages.group("no such group") == []
    assert packages.missing("no such group") == []


def test_a_process_that_ended_has_no_start_time() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    try:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it is a zombie now
        assert procfs.start_time(child) is None
    finally:
        os.waitpid(child, 0)
    assert procfs.start_time(child) is None
    assert stat.S_ISDIR(Path(f"/proc/{os.getpid()}").stat().st_mode)
