"""The runner in a container: started once, `docker exec` for each command, removed at the end.

The container has no network, this user's ids, an init process, a private /tmp and the directories of the clone at
their own names. A container that a killed run left behind is removed when the clone opens its next one.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harness import engine, paths, procfs
from harness.build_image import BuilderImage
from harness.errors import EnvironmentFailure, RunnerLostError, ToolMissingError
from harness.runner import BASE_ENVIRONMENT, machine, pinned

if TYPE_CHECKING:
    from docker.models.containers import Container

LABEL_CLONE = "redwoodtj.clone"
LABEL_OWNER = "redwoodtj.owner"
OPEN_FILES = 4096  # some tests close every possible descriptor; a limit above the engine's own would be refused
HOME = "/tmp/home"  # in the container's private /tmp


def clone_label() -> str:
    """Names this clone among all that use the engine."""
    return hashlib.sha256(str(paths.ROOT).encode()).hexdigest()[:16]


def owner_label() -> str:
    """Names this process: pid and start time."""
    return f"{os.getpid()}:{procfs.start_time(os.getpid())}"


def owner_lives(label: str) -> bool:
    """Does the process that `label` names still run?"""
    pid, _, started = label.partition(":")
    return pid.isdigit() and str(procfs.start_time(int(pid))) == started


class DockerRunner:
    """Runs in a container of `image`."""

    kind = "docker"

    def __init__(
        self,
        image: BuilderImage,
        *,
        cpuset: str | None = None,
        cpus: float | None = None,
        mounts: Sequence[Path] = (),
    ) -> None:
        if shutil.which("docker") is None:
            raise ToolMissingError(
                "the docker command is not installed", remedy="Install the Debian package docker.io, or use --native."
            )
        self.description: dict[str, Any] = {
            "kind": "docker",
            "image": image.tag,
            "image_id": image.image_id,
            "base_digest": image.base_digest,
            "packages_sha256": image.facts.packages_sha256,
            "os": image.facts.os,
            "compiler": image.facts.compiler,
            **machine(),
        }
        self._client = engine.client()
        self._scratch = Path(tempfile.mkdtemp(prefix="redwoodtj-runner-"))
        self._fifo = self._scratch / "stdin"
        os.mkfifo(self._fifo)
        # Open for writing too, so that it has a writer for exactly as long as this process lives.
        self._keep_open = os.open(self._fifo, os.O_RDWR)
        self._container: Container | None = None
        self._options = (image.image_id, cpuset, cpus, mounts)
        atexit.register(self.close)

    @property
    def container(self) -> str:
        """Id of the container, which the first use starts."""
        if self._keep_open < 0:
            raise EnvironmentFailure("this runner is closed")
        if self._container is None:
            self._remove_leftovers()
            self._start(*self._options)
        return str(self._container.id if self._container else "")

    def _remove_leftovers(self) -> None:
        import docker.errors

        ours = self._client.containers.list(all=True, filters={"label": f"{LABEL_CLONE}={clone_label()}"})
        for container in ours:
            if not owner_lives(container.labels.get(LABEL_OWNER, "")):
                try:
                    container.remove(force=True)
                except docker.errors.APIError:  # another process of this clone was quicker
                    continue

    def _mounts(self, extra: Sequence[Path]) -> dict[str, dict[str, str]]:
        wanted = [paths.ROOT, paths.build_dir(), paths.results_dir(), paths.cache_dir(), *extra]
        for path in wanted:
            path.mkdir(parents=True, exist_ok=True)
        return {str(path.resolve()): {"bind": str(path.resolve()), "mode": "rw"} for path in wanted}

    def _accounts(self) -> dict[str, dict[str, str]]:
        """Names for this user's ids, which the image does not know: CPython's tests look them up."""
        if os.getuid() == 0:
            return {}
        uid, gid = os.getuid(), os.getgid()
        passwd = self._scratch / "passwd"
        group = self._scratch / "group"
        passwd.write_text(f"root:x:0:0:root:/root:/bin/sh\nbuilder:x:{uid}:{gid}:builder:{HOME}:/bin/sh\n")
        group.write_text(f"root:x:0:\nbuilder:x:{gid}:\n")
        return {str(file): {"bind": f"/etc/{file.name}", "mode": "ro"} for file in (passwd, group)}

    def _start(self, image: str, cpuset: str | None, cpus: float | None, mounts: Sequence[Path]) -> None:
        import docker.errors
        import docker.types

        limits: dict[str, Any] = {}
        if cpuset is not None:
            limits["cpuset_cpus"] = cpuset
        if cpus is not None:
            limits["nano_cpus"] = int(cpus * 1e9)
        try:
            self._container = self._client.containers.create(
                image,
                ["sh", "-c", f"mkdir -p {HOME} && exec sleep infinity"],
                name=f"redwoodtj-{clone_label()[:6]}-{secrets.token_hex(4)}",
                init=True,
                network_mode="none",
                user=f"{os.getuid()}:{os.getgid()}",
                environment={"HOME": HOME, **BASE_ENVIRONMENT},
                volumes={**self._mounts(mounts), **self._accounts()},
                tmpfs={"/tmp": "exec,mode=1777"},
                labels={LABEL_CLONE: clone_label(), LABEL_OWNER: owner_label()},
                # Debuggers, sanitizers, cachegrind: no address randomisation, which the default filter denies.
                cap_add=["SYS_PTRACE"],
                security_opt=["seccomp=unconfined"],
                ulimits=[
                    docker.types.Ulimit(name="core", soft=0, hard=0),
                    docker.types.Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
                ],
                **limits,
            )
            self._container.start()
        except docker.errors.APIError as error:
            raise EnvironmentFailure(
                f"the engine cannot start a container of {image}: {error.explanation}",
                remedy="If a limit on cores is named, choose one that this machine has; else build with --native.",
            ) from None

    def argv(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        cpuset: str | None = None,
    ) -> list[str]:
        """See harness.runner.Runner."""
        place = [] if cwd is None else ["--workdir", str(cwd)]
        assignments = [word for name, value in (env or {}).items() for word in ("--env", f"{name}={value}")]
        inside = ["supervise", *pinned(argv, cpuset)]
        outside = [str(paths.DOCKER / "exec"), str(self._fifo), engine.endpoint()]
        return [*outside, *place, *assignments, self.container, *inside]

    def check(self) -> None:
        """RunnerLostError if the container was started and is not running now."""
        import docker.errors
        import requests

        if self._container is None:
            return
        try:
            self._container.reload()
            status = str(self._container.status)
        except docker.errors.NotFound:
            status = "gone"
        except (docker.errors.DockerException, requests.RequestException) as error:
            status = f"out of reach: {error}"
        if status != "running":
            raise RunnerLostError(f"the container {self._container.name}, in which commands run, is {status}")

    def close(self) -> None:
        """Remove the container with all that runs in it."""
        import docker.errors

        atexit.unregister(self.close)
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(docker.errors.NotFound):
                container.remove(force=True)
        if self._keep_open >= 0:
            os.close(self._keep_open)
            self._keep_open = -1
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
