"""The builder image: made from docker/Dockerfile on the base, kept under the hash of everything that went into it.

Its facts (list of packages, operating system, compiler) are asked of a container once per image id: they, and not the
id, identify an environment, because an image that is made again from the same packages has a new id.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import atomic, build_base, engine, paths
from harness.console import say
from harness.errors import ImageError

if TYPE_CHECKING:
    import docker

CONTEXT = ("Dockerfile", "supervise.c")
# One line a fact; the first word names it. Runs in the image and, natively, on the machine itself.
ASK = r"""
printf 'packages_sha256 '; dpkg-query -W -f '${Package} ${Architecture} ${Version}\n' 2>/dev/null | sha256sum
printf 'os '; . /etc/os-release; printf '%s\n' "$PRETTY_NAME"
printf 'compiler '; { gcc --version 2>/dev/null || printf 'none\n'; } | head -n 1
"""
BUILD_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What an environment holds: hash of its list of packages (hex), name of its system, its compiler."""

    packages_sha256: str
    os: str
    compiler: str


@dataclass(frozen=True, slots=True)
class BuilderImage:
    """The image that builds run in: tag, id, and digest of its base (None: the base was made here)."""

    tag: str
    image_id: str
    base_digest: str | None
    facts: Facts


def parse_facts(text: str) -> Facts:
    """Facts from what ASK printed."""
    pairs = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    return Facts(pairs["packages_sha256"].split()[0], pairs["os"].strip(), pairs["compiler"].strip())


def host_facts() -> Facts:
    """The facts of this machine."""
    said = subprocess.run(["sh", "-c", ASK], capture_output=True, text=True, check=False)
    return parse_facts(said.stdout)


def context_hash(base: build_base.Base, directory: Path | None = None) -> str:
    """Hash (hex) of the Dockerfile, what it copies, and the base's id."""
    digest = hashlib.sha256(base.image_id.encode())
    for name in CONTEXT:
        digest.update(name.encode() + b"\0" + ((directory or paths.DOCKER) / name).read_bytes())
    return digest.hexdigest()


def build(
    client: docker.DockerClient,
    target: str | None,
    tag: str,
    base: build_base.Base,
    context: Path,
    extra: Mapping[str, str] | None = None,
) -> None:
    """Build stage `target` (None: the last) of `context`/Dockerfile as `tag`, labelled with `base` and `extra`.

    ImageError with the engine's reason if that fails.
    """
    import docker.errors
    import requests

    log = paths.logs_dir() / f"image-{tag.replace(':', '-')}.log"
    say(f"making the image {tag}, log: {log}")
    options: dict[str, Any] = build_base.options_for_network(client)
    if target is not None:
        options["target"] = target
    with log.open("w", encoding="utf-8") as stream:
        try:
            events = client.api.build(
                path=str(context),
                tag=tag,
                buildargs={"BASE": base.reference},
                labels={**build_base.labels(base), **(extra or {})},
                rm=True,
                forcerm=True,
                decode=True,
                **options,
            )
            for event in events:
                stream.write(event.get("stream", ""))
                if "error" in event:
                    raise ImageError(f"the image {tag} cannot be made: {event['error']}", log=log)
        except (docker.errors.APIError, requests.RequestException) as error:
            raise ImageError(f"the image {tag} cannot be made: {error}", log=log) from None


def facts(client: docker.DockerClient, image_id: str) -> Facts:
    """The facts of an image, asked once and kept in the cache."""
    import docker.errors

    kept = paths.cache_dir() / "images" / f"{image_id.removeprefix('sha256:')}.json"
    if kept.exists():
        return Facts(**atomic.read_json(kept))
    try:
        said = client.containers.run(image_id, ["sh", "-c", ASK], network_mode="none", remove=True)
    except docker.errors.ContainerError as error:
        raise ImageError(f"the image {image_id} cannot say what it holds: {error}") from None
    found = parse_facts(bytes(said).decode())
    atomic.write_json(kept, asdict(found))
    return found


def ensure() -> BuilderImage:
    """The builder image of this version of docker/, made if it is not there."""
    import docker.errors

    client = engine.client(BUILD_SECONDS)
    try:
        base = build_base.ensure(client)
        tag = f"redwoodtj-builder:{context_hash(base)[:12]}"
        try:
            image = client.images.get(tag)
        except docker.errors.ImageNotFound:
            build(client, "builder", tag, base, paths.DOCKER)
            image = client.images.get(tag)
        image_id = str(image.id)
        return BuilderImage(tag, image_id, base.digest, facts(client, image_id))
    finally:
        client.close()


def existing(image_id: str) -> BuilderImage | None:
    """The builder image with this id if the engine still has it."""
    import docker.errors

    client = engine.client()
    try:
        image = client.images.get(image_id)
        digest = image.labels.get("redwoodtj.base.digest")
        tag = image.tags[0] if image.tags else image_id
        return BuilderImage(tag, image_id, None if digest == "self-made" else digest, facts(client, image_id))
    except docker.errors.ImageNotFound:
        return None
    finally:
        client.close()
