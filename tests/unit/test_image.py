"""Images: the pin, the fallback where nothing can be pulled, names and labels."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import atomic, build_base, build_image, cli, engine, image, paths
from harness.build_base import Base
from harness.errors import Exit, ImageError, ToolMissingError
from harness.variants import Profile, Variant

PINS = build_base.pins()


class Client:
    """As much of a Docker client as build_base.ensure uses: a set of images."""

    def __init__(self, *references: str) -> None:
        self.references = set(references)
        self.images = self

    def get(self, reference: str) -> SimpleNamespace:
        import docker.errors

        if reference not in self.references:
            raise docker.errors.ImageNotFound(reference)
        return SimpleNamespace(id=f"sha256:{len(reference)}")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path / "cache"))


def ensure(client: Client) -> Base:
    return build_base.ensure(client)  # type: ignore[arg-type]


def test_the_base_is_pinned_by_digest() -> None:
    assert re.fullmatch(r"debian:bookworm-slim@sha256:[0-9a-f]{64}", PINS.image)
    assert PINS.digest.startswith("sha256:")
    assert (PINS.suite, PINS.variant) == ("bookworm", "minbase")


def test_a_pinned_base_that_is_here_is_used() -> None:
    base = ensure(Client(PINS.image))
    assert base.reference == PINS.image
    assert base.digest == PINS.digest
    assert build_base.labels(base)["redwoodtj.base.digest"] == PINS.digest


def test_a_failed_pull_is_told_and_remembered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulls: list[str] = []

    def refuse(name: str) -> None:
        pulls.append(name)
        raise ImageError(f"{name} cannot be pulled: no such host")

    client = Client()

    def make(_pins: object, tag: str) -> None:
        client.references.add(tag)

    monkeypatch.setattr(build_base, "_pull_or_raise", refuse)
    monkeypatch.setattr(build_base, "_make", make)
    base = ensure(client)
    assert base.digest is None
    assert build_base.labels(base)["redwoodtj.base.digest"] == "self-made"
    assert "made from Debian's packages instead" in capsys.readouterr().err
    assert ensure(client) == base
    assert pulls == [PINS.image]
    memory = paths.cache_dir() / "pull-failed.json"
    atomic.write_json(memory, {**atomic.read_json(memory), "time": time.time() - 2 * build_base.PULL_REMEMBERED})
    ensure(client)
    assert len(pulls) == 2


def test_no_pull_and_no_mmdebstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImageError(f"{name} cannot be pulled")

    monkeypatch.setattr(build_base, "_pull_or_raise", refuse)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(ToolMissingError, match="mmdebstrap"):
        ensure(Client())


def test_builder_image_is_named_by_what_it_is_made_from(tmp_path: Path) -> None:
    for name in build_image.CONTEXT:
        (tmp_path / name).write_bytes((paths.DOCKER / name).read_bytes())
    base = Base("debian@sha256:1", "sha256:1", "sha256:1")
    same = build_image.context_hash(base)
    assert build_image.context_hash(base, tmp_path) == same
    assert build_image.context_hash(Base("x", "sha256:2", None)) != same
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    assert build_image.context_hash(base, tmp_path) != same


def test_names_and_labels() -> None:
    assert image.tag(Variant.FORK, Profile.FAST) == "redwoodtj:fork"
    assert image.tag(Variant.UPSTREAM, Profile.RELEASE) == "redwoodtj:upstream-release"
    told: dict[str, Any] = {
        "variant": "upstream",
        "profile": "fast",
        "source_sha256": "5" * 64,
        "series_hash": None,
        "input_hash": "6" * 64,
    }
    labels = image.labels(told)
    assert labels["redwoodtj.series_hash"] == ""
    assert json.loads(labels["redwoodtj.provenance"]) == told
    assert all(isinstance(value, str) for value in labels.values())


@pytest.mark.parametrize("arguments", [["downstream"], ["fork", "--profile", "slow"]])
def test_bad_usage(arguments: list[str]) -> None:
    assert cli.run({"image": "harness.image"}, "harness", ["image", *arguments]) == Exit.USAGE


def test_image_needs_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.delenv("REDWOODTJ_LOCK_HELD", raising=False)
    assert cli.run({"image": "harness.image"}, "harness", ["image", "fork"]) == Exit.ENVIRONMENT
    assert not engine.available()
