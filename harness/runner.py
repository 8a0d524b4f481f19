"""Where commands on built interpreters run: in one long-lived container without network, or on this machine itself.

A Runner turns a command into the argv to give to harness.proc.run or Popen. Both kinds give the command the same
small environment, default signal dispositions and the same paths: directories are mounted at their own names. The
command's standard input is empty. In a container it ends when its caller ends, however that happens
(docker/supervise.c).
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from harness import build_image, engine, paths, proc
from harness.atomic import read_json
from harness.console import say
from harness.errors import HarnessError, ResultMissingError, UsageError

BASE_ENVIRONMENT = {"LANG": "C.UTF-8", "TZ": "UTC", "TERM": "dumb"}
NATIVE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class RunsCommands(Protocol):
    """The part of a runner that starts commands."""

    def argv(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        cpuset: str | None = None,
    ) -> list[str]:
        """The argv that runs `argv` there.

        `env` is added to the small environment (HOME, LANG, PATH, TZ...) that the runner gives; nothing else of this
        process's environment comes through. `cpuset` is a list of cores as taskset takes it ("0", "0,1", "2-3").
        """
        ...

    def check(self) -> None:
        """To be asked before a command that failed is believed: RunnerLostError if none can run there any more."""
        ...


class Runner(RunsCommands, Protocol):
    """Where commands run. `kind` is "docker" or "native"; `description` goes into provenance as `environment`."""

    kind: str
    description: dict[str, Any]

    def close(self) -> None:
        """End what the runner started; it may be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def run_in(
    runner: RunsCommands,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    cpuset: str | None = None,
    log: Path | None = None,
    timeout: float | None = None,
    error: Callable[[str], HarnessError] | None = None,
) -> proc.Done:
    """Run `argv` in `runner` and return what became of it; RunnerLostError if it failed as the runner is no more.

    `env`, `cwd` and `cpuset` are those of the runner, `log` and `timeout` (seconds) those of proc.run. With `error`,
    a command that fails or does not end in time raises error(message).
    """
    command = runner.argv(argv, env=env, cwd=cwd, cpuset=cpuset)
    done = proc.run(command, log=log, timeout=timeout, check=False, echo=False)
    if done.failed:
        runner.check()
        if error is not None:
            raise proc.failure(done, log, error)
    return done


def pinned(argv: Sequence[str | Path], cpuset: str | None) -> list[str]:
    """`argv` restricted to the cores `cpuset`."""
    words = [str(word) for word in argv]
    return words if cpuset is None else ["taskset", "--cpu-list", cpuset, *words]


class NativeRunner:
    """Runs on this machine itself."""

    kind = "native"

    def __init__(self, *, cpuset: str | None = None) -> None:
        self._cpuset = cpuset
        self._home = paths.build_dir() / "home"
        self._home.mkdir(parents=True, exist_ok=True)
        facts = build_image.host_facts()
        self.description: dict[str, Any] = {
            "kind": "native",
            "image": None,
            "image_id": None,
            "base_digest": None,
            "packages_sha256": facts.packages_sha256,
            "os": facts.os,
            "compiler": facts.compiler,
            **machine(),
        }

    def argv(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        cpuset: str | None = None,
    ) -> list[str]:
        """See Runner."""
        given = {"PATH": NATIVE_PATH, "HOME": str(self._home), **BASE_ENVIRONMENT, **(env or {})}
        place = [] if cwd is None else ["--chdir", str(cwd)]
        assignments = [f"{name}={value}" for name, value in given.items()]
        inner = pinned(argv, cpuset or self._cpuset)
        return ["env", "--default-signal", "--ignore-environment", *place, *assignments, *inner]

    def check(self) -> None:
        """A machine that asks is there."""

    def close(self) -> None:
        """Nothing was started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def machine() -> dict[str, str]:
    """The machine that commands run on: kernel release, architecture, model of its processor."""
    return {"kernel": platform.release(), "machine": platform.machine(), "cpu": _cpu_model()}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "CPU part"))]
    return named[0] if named else "unknown"


def cores(cpuset: str) -> frozenset[int]:
    """The cores that a list as taskset takes it ("0,2-3") names; UsageError if it is none, or names one not here."""
    if re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", cpuset) is None:
        raise UsageError(f"{cpuset!r} is no list of cores", remedy="Write it as 0 or 0,1 or 0-3.")
    named: set[int] = set()
    for part in cpuset.split(","):
        first, _, last = part.partition("-")
        named |= set(range(int(first), int(last or first) + 1))
    here = os.sched_getaffinity(0)
    if not named or not named <= here:
        raise UsageError(f"--cpuset {cpuset}: this process may use the cores {', '.join(map(str, sorted(here)))}")
    return frozenset(named)


def available_cores(cpuset: str | None = None) -> int:
    """How many cores a command may use here."""
    return len(cores(cpuset) if cpuset else os.sched_getaffinity(0))


def open_runner(
    *,
    docker: bool | None = None,
    cpuset: str | None = None,
    cpus: float | None = None,
    mounts: Sequence[Path] = (),
) -> Runner:
    """A runner: in Docker, natively, or (None) in Docker if an engine answers, else natively, saying so.

    `cpuset` and `cpus` limit all that runs there (`cpus` only in Docker); `mounts` are further existing directories
    that commands may read and write. Close it, or use it as a context manager.
    """
    from harness.runner_docker import DockerRunner

    if cpuset is not None:
        cores(cpuset)
    if docker is None:
        try:
            engine.probe()
        except HarnessError as reason:
            say(f"building and running natively: {reason}")
            return NativeRunner(cpuset=cpuset)
    if docker is False:
        return NativeRunner(cpuset=cpuset)
    return DockerRunner(build_image.ensure(), cpuset=cpuset, cpus=cpus, mounts=mounts)


def for_build(prefix: Path, *, cpuset: str | None = None, mounts: Sequence[Path] = ()) -> Runner:
    """The runner of the environment in which the interpreter in `prefix` was built (from its provenance.json).

    In Docker that is the very image while the engine has it, else the builder image of today. ResultMissingError if
    nothing is built there.
    """
    from harness.runner_docker import DockerRunner

    path = prefix / "provenance.json"
    if not path.exists():
        raise ResultMissingError(f"no interpreter is built in {prefix}", remedy="Run `./noxw -s build` first.")
    environment = read_json(path)["environment"]
    if environment["kind"] == "native":
        return NativeRunner(cpuset=cpuset)
    image = build_image.existing(environment["image_id"]) or build_image.ensure()
    return DockerRunner(image, cpuset=cpuset, mounts=[prefix, *mounts])
