"""The base image: the pinned one if it can be had, else one made from Debian's packages on this machine.

A pull is tried once, gives up after a short silence, and its failure is remembered for a while: on a machine without
a registry every later build would wait for it again. The self-made base has no digest known beforehand; what it holds
is said by the hash of its list of packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import atomic, engine, paths, proc
from harness.console import say, warn
from harness.errors import ImageError, ToolMissingError

if TYPE_CHECKING:
    import docker
    from docker.models.images import Image

PULL_SILENCE = 20.0  # seconds without a word from the registry after which a pull is given up
PULL_REMEMBERED = 12 * 3600.0  # seconds for which a failed pull is not tried again
# Settings of the machine's apt that the base needs to reach the same sources.
APT_SETTINGS = ("Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http::Proxy", "Acquire::https::Proxy")


@dataclass(frozen=True, slots=True)
class Base:
    """A base image: what to write after FROM, its id, and its registry digest (None: made on this machine)."""

    reference: str
    image_id: str
    digest: str | None


@dataclass(frozen=True, slots=True)
class Pins:
    """docker/pins.toml: image@digest, and what to make where it cannot be pulled."""

    image: str
    suite: str
    variant: str

    @property
    def digest(self) -> str:
        """The pinned digest ("sha256:...")."""
        return self.image.partition("@")[2]


def pins(path: Path | None = None) -> Pins:
    """Read docker/pins.toml."""
    with (path or paths.DOCKER / "pins.toml").open("rb") as stream:
        base = tomllib.load(stream)["base"]
    return Pins(base["image"], base["self_made"]["suite"], base["self_made"]["variant"])


def ensure(client: docker.DockerClient) -> Base:
    """The pinned base if it is here or can be pulled, else a self-made one; ImageError if neither can be."""
    wanted = pins()
    image = _local(client, wanted.image) or _pull(client, wanted)
    if image is not None:
        return Base(wanted.image, str(image.id), wanted.digest)
    tag = f"redwoodtj-base:{_recipe_hash(wanted)}"
    image = _local(client, tag)
    if image is None:
        _make(wanted, tag)
        image = _local(client, tag)
    if image is None:
        raise ImageError(f"the engine does not list {tag} after its import")
    return Base(tag, str(image.id), None)


def _local(client: docker.DockerClient, reference: str) -> Image | None:
    import docker.errors

    try:
        return client.images.get(reference)
    except docker.errors.ImageNotFound:
        return None


def _recipe_hash(wanted: Pins) -> str:
    recipe = f"mmdebstrap {wanted.variant} {wanted.suite}"
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


# --- pulling ---------------------------------------------------------------------------------------------------


def _memory() -> Path:
    return paths.cache_dir() / "pull-failed.json"


def _remembered(image: str) -> bool:
    path = _memory()
    if not path.exists():
        return False
    said = atomic.read_json(path)
    return bool(said["image"] == image) and 0 <= time.time() - said["time"] < PULL_REMEMBERED


def _pull(client: docker.DockerClient, wanted: Pins) -> Image | None:
    if _remembered(wanted.image):
        return None
    say(f"pulling {wanted.image}")
    try:
        _pull_or_raise(wanted.image)
    except ImageError as error:
        warn(f"{error}; the base image is made from Debian's packages instead")
        atomic.write_json(_memory(), {"image": wanted.image, "time": time.time(), "error": str(error)})
        return None
    return _local(client, wanted.image)


def _pull_or_raise(image: str) -> None:
    import docker.errors
    import requests

    client = engine.client(PULL_SILENCE)
    try:
        for event in client.api.pull(image, stream=True, decode=True):
            if "error" in event:
                raise ImageError(f"{image} cannot be pulled: {event['error']}")
    except (docker.errors.APIError, requests.RequestException) as error:
        reason = error.explanation if isinstance(error, docker.errors.APIError) else f"no answer ({error})"
        raise ImageError(f"{image} cannot be pulled: {reason}") from None
    finally:
        client.close()


# --- making ----------------------------------------------------------------------------------------------------


def _apt_sources(suite: str) -> list[str]:
    """The machine's own sources of `suite`, as one-line entries; [] (mmdebstrap's default) if it has none."""
    form = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    query = ["apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return sorted({line for line in said.stdout.splitlines() if line.split()[2].split("-")[0] == suite})


def _apt_options() -> list[str]:
    options = []
    for name in APT_SETTINGS:
        query = ["apt-config", "shell", "value", name]
        try:
            said = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
        except FileNotFoundError:
            return []
        if said.startswith("value='"):
            value = said.removeprefix("value='").removesuffix("'")
            options.append(f'--aptopt={name} "{value}"')
    return options


def _make(wanted: Pins, tag: str) -> None:
    if shutil.which("mmdebstrap") is None:
        raise ToolMissingError(
            f"{wanted.image} cannot be pulled, and mmdebstrap, which would make a base, is not installed",
            remedy="Install the Debian package mmdebstrap, or build with --native.",
        )
    log = paths.logs_dir() / "base-image.log"
    say(f"making the base image {tag} from Debian's packages (about a minute), log: {log}")
    with tempfile.TemporaryDirectory(prefix="redwoodtj-base-") as scratch:
        archive = Path(scratch) / "base.tar"
        sources = Path(scratch) / "sources.list"
        entries = _apt_sources(wanted.suite)
        sources.write_text("\n".join([*entries, ""]), encoding="utf-8")
        proc.run(
            [
                "mmdebstrap",
                f"--variant={wanted.variant}",
                *_apt_options(),
                wanted.suite,
                archive,
                *([sources] if entries else []),
            ],
            log=log,
            env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
            timeout=900,
            error=ImageError,
        )
        _import(archive, tag)


def _import(archive: Path, tag: str) -> None:
    repository, _, version = tag.partition(":")
    client = engine.client(600)
    try:
        client.api.import_image_from_file(str(archive), repository=repository, tag=version)
    finally:
        client.close()


def labels(base: Base) -> dict[str, str]:
    """Labels that say in an image what it was built on."""
    return {"redwoodtj.base": base.reference, "redwoodtj.base.digest": base.digest or "self-made"}


def options_for_network(client: docker.DockerClient) -> dict[str, Any]:
    """Where the engine has no bridge network, image builds (which run apt) use the host's network."""
    names = {str(network.name) for network in client.networks.list()}
    return {} if "bridge" in names else {"network_mode": "host"}
