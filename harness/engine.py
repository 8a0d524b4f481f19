"""The Docker engine of this machine: which one answers, or why none does; started and stopped on request.

The engine is the one that DOCKER_HOST names, else the system's socket. `start` does nothing when one answers; else it
starts `dockerd` as root in the background and records its pid and start time, so that `stop` ends exactly that one.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import atomic, packages, paths, proc, procfs
from harness.console import out, say, warn
from harness.errors import (
    EngineMissingError,
    EnginePermissionError,
    EngineStartError,
    HarnessError,
    ToolMissingError,
    UsageError,
)

if TYPE_CHECKING:
    import docker

DEFAULT_ENDPOINT = "unix:///var/run/docker.sock"
ANSWER_SECONDS = 5.0  # an engine that answers, answers a version request in milliseconds
START_SECONDS = 60.0
STOP_SECONDS = 30.0
ENGINE_PACKAGES = ("docker.io", "iptables")
# What dockerd logs where it may not make a bridge or firewall rules; image builds then use the host's network.
NETWORK_TROUBLE = ("iptables", "bridge", "nf_tables", "network controller")
WITHOUT_RULES = ("--iptables=false", "--ip6tables=false")
BRIDGE = Path("/sys/class/net/docker0")


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers: where, and the versions of it and of its API ("1.41")."""

    endpoint: str
    version: str
    api: str


def endpoint() -> str:
    """The address of the engine: DOCKER_HOST, else the system's socket."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_ENDPOINT


def _socket(address: str) -> Path | None:
    return Path(address.removeprefix("unix://")) if address.startswith("unix://") else None


def _problem(address: str) -> HarnessError | None:
    """What is wrong with the socket itself, before anything is sent: not there, or not ours to open."""
    socket = _socket(address)
    if socket is None:
        return None
    try:
        if not socket.exists():
            return EngineMissingError(f"no Docker engine: there is no socket {socket}")
    except PermissionError:
        return EnginePermissionError(f"no permission to look for the Docker engine's socket {socket}")
    if not os.access(socket, os.R_OK | os.W_OK):
        return EnginePermissionError(f"no permission to use the Docker engine's socket {socket}")
    return None


def client(timeout: float = 60.0) -> docker.DockerClient:
    """A client of the engine; EngineMissingError or EnginePermissionError if none is to be had.

    `timeout` is the longest silence in seconds of any later request. The caller closes it.
    """
    import docker
    import docker.errors
    import docker.utils
    import requests

    address = endpoint()
    problem = _problem(address)
    if problem is not None:
        raise problem
    try:
        # With TLS if the environment says so.
        settings: dict[str, Any] = {**docker.utils.kwargs_from_env(), "base_url": address}
        made = docker.DockerClient(**settings, version="auto", timeout=int(ANSWER_SECONDS))
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise _unanswered(address, error) from None
    made.api.timeout = int(timeout)
    return made


def _unanswered(address: str, error: Exception) -> HarnessError:
    text = str(error)
    if "Permission denied" in text or "Errno 13" in text:
        return EnginePermissionError(f"no permission to use the Docker engine at {address}: {text}")
    return EngineMissingError(f"no Docker engine answers at {address}: {text}")


def probe() -> Engine:
    """The engine that answers; raises as `client` does."""
    with_client = client(ANSWER_SECONDS)
    try:
        said = with_client.version()
    finally:
        with_client.close()
    return Engine(endpoint(), str(said.get("Version", "?")), str(said.get("ApiVersion", "?")))


def _answering() -> Engine | None:
    try:
        return probe()
    except EngineMissingError:
        return None


def available() -> bool:
    """Does an engine answer, and may this user use it?"""
    try:
        probe()
    except HarnessError:
        return False
    return True


# --- start and stop --------------------------------------------------------------------------------------------


def _record_path() -> Path:
    return paths.build_dir() / "dockerd.json"


def log_path() -> Path:
    """The log of a dockerd that `start` started."""
    return paths.logs_dir() / "dockerd.log"


def _as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    raise EngineStartError("dockerd needs root, and passwordless sudo is not available")


def start(*, install: bool = False, options: tuple[str, ...] = (), limit: float = START_SECONDS) -> Engine:
    """Return the engine that answers, else start one and return it once it does.

    `options` go to dockerd as they are. EngineStartError holds the end of its log if it ends, or does not answer
    within `limit` seconds. EnginePermissionError if one runs that this user may not use.
    """
    found = _answering()
    if install:
        # An engine that is there may be another vendor's, which Debian's would replace.
        packages.install("engine", as_root=_as_root(), leave=ENGINE_PACKAGES if found else ())
        found = found or _answering()  # the package's own service may have come up
    if found is not None:
        return found
    if shutil.which("dockerd") is None and not Path("/usr/sbin/dockerd").exists():
        raise ToolMissingError(
            "dockerd is not installed", remedy="Run `./noxw -s engine -- start --install` as root, or build natively."
        )
    host = () if "DOCKER_HOST" not in os.environ else ("--host", endpoint())
    try:
        return _launch((*host, *options), limit)
    except EngineStartError as failure:
        if not _is_about_network(str(failure)):
            raise
        warn("dockerd may not set up a bridge here; trying without (containers then have no network of their own)")
        # With --bridge=none dockerd would delete a docker0 that another engine may be using.
        bridge = () if BRIDGE.exists() else ("--bridge=none",)
        return _launch((*host, *options, *WITHOUT_RULES, *bridge), limit)


def _is_about_network(text: str) -> bool:
    failed = [
        line for line in text.splitlines() if re.search(r"fail|denied|error|not permitted", line, re.IGNORECASE)
    ]
    return any(word in line for line in failed for word in NETWORK_TROUBLE)


def _launch(options: tuple[str, ...], limit: float) -> Engine:
    log = log_path()
    argv = [*_as_root(), shutil.which("dockerd") or "/usr/sbin/dockerd", *options]
    with log.open("ab") as stream:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            preexec_fn=proc.default_signals,
            cwd="/",
        )
    say(f"starting dockerd (pid {process.pid}), log: {log}")
    atomic.write_json(_record_path(), {"pid": process.pid, "started": procfs.start_time(process.pid), "argv": argv})
    try:
        return _wait_for_answer(process, limit)
    except BaseException:
        _end(process.pid)
        _record_path().unlink(missing_ok=True)
        raise


def _wait_for_answer(process: subprocess.Popen[bytes], limit: float) -> Engine:
    deadline = time.monotonic() + limit
    while True:
        try:
            return probe()
        except EngineMissingError:
            pass
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            what = f"did not answer within {limit:.0f} s" if ended is None else f"ended with status {ended}"
            raise EngineStartError(f"dockerd {what}:\n{proc.tail(log_path())}", log=log_path())
        time.sleep(0.2)


def _end(pid: int) -> None:
    """End the process `pid`: SIGTERM, on which dockerd stops its containers, then SIGKILL."""
    started = procfs.start_time(pid)
    for number, wait in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        _send(pid, number)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            if started is None or procfs.start_time(pid) != started:
                return
            time.sleep(0.1)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        subprocess.run([*_as_root(), "kill", f"-{number.value}", str(pid)], check=False)


def stop() -> bool:
    """End the dockerd that `start` started here; False if there is none (any more). No other engine is touched."""
    path = _record_path()
    if not path.exists():
        return False
    record = atomic.read_json(path)
    running = record["started"] is not None and procfs.start_time(record["pid"]) == record["started"]
    if running:
        _end(record["pid"])
    path.unlink(missing_ok=True)
    return running


def main(argv: list[str]) -> int:
    """`engine [status|start|stop]`."""
    parser = argparse.ArgumentParser(prog="engine", description="The Docker engine of this machine.")
    parser.add_argument("action", nargs="?", default="status", choices=("status", "start", "stop"))
    parser.add_argument("--install", action="store_true", help="with start: install Debian's engine if there is none")
    parser.add_argument("--timeout", type=float, default=START_SECONDS, help="seconds to wait for an answer")
    parser.add_argument("--option", action="append", default=[], help="an option for dockerd (repeatable)")
    options = parser.parse_args(argv)
    if options.action != "start" and (options.install or options.option):
        raise UsageError("--install and --option belong to `engine start`")
    if options.action == "stop":
        say("stopped the engine that was started here" if stop() else "no engine was started here; nothing to stop")
        return 0
    if options.action == "start":
        found = start(install=options.install, options=tuple(options.option), limit=options.timeout)
    else:
        found = probe()
    out.print(f"Docker engine {found.version} (API {found.api}) answers at {found.endpoint}")
    return 0
