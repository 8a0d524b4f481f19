"""Provenance: complete, and hashed so that equal inputs are equal and nothing irrelevant differs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import atomic, build_profiles, provenance
from harness.source import Tree
from harness.variants import Profile, Variant

TREE = Tree(Path("/somewhere"), "a" * 64, "b" * 64, ("gil/one.patch", "gil/two.patch"))
ENVIRONMENT: dict[str, Any] = {
    "kind": "docker",
    "image": "redwoodtj-builder:1",
    "image_id": "sha256:1",
    "base_digest": None,
    "packages_sha256": "c" * 64,
    "os": "Debian GNU/Linux 12 (bookworm)",
    "compiler": "gcc 12.2.0",
    "kernel": "6.1",
    "machine": "x86_64",
    "cpu": "one",
}
RECIPE = build_profiles.recipe(Profile.FAST)


def test_input_hash_knows_what_is_built_and_not_where() -> None:
    same = provenance.input_hash(TREE, RECIPE, ENVIRONMENT)
    assert provenance.input_hash(replace(TREE, path=Path("/elsewhere")), RECIPE, ENVIRONMENT) == same
    again = ENVIRONMENT | {"image": "x", "image_id": "y", "cpu": "two", "kernel": "6.9"}
    assert provenance.input_hash(TREE, RECIPE, again) == same


def test_input_hash_changes_with_each_input() -> None:
    debug = build_profiles.recipe(Profile.DEBUG)
    hashes = {
        provenance.input_hash(TREE, RECIPE, ENVIRONMENT),
        provenance.input_hash(replace(TREE, series_hash=None), RECIPE, ENVIRONMENT),
        provenance.input_hash(replace(TREE, source_sha256="0"), RECIPE, ENVIRONMENT),
        provenance.input_hash(TREE, debug, ENVIRONMENT),
        *(
            provenance.input_hash(TREE, RECIPE, ENVIRONMENT | {name: "other"})
            for name in ("kind", "packages_sha256", "os", "compiler", "machine")
        ),
    }
    assert len(hashes) == 9


def test_environment_hash() -> None:
    same = provenance.environment_hash({"environment": ENVIRONMENT})
    assert provenance.environment_hash({"environment": ENVIRONMENT | {"cpu": "two", "image_id": "z"}}) == same
    assert provenance.environment_hash({"environment": ENVIRONMENT | {"kernel": "6.9"}}) != same
    assert provenance.environment_hash({"environment": ENVIRONMENT | {"packages_sha256": "d"}}) != same


def test_describe_is_complete(tmp_path: Path) -> None:
    interpreter = tmp_path / "bin" / "python3.11"
    module = tmp_path / "lib/python3.11/lib-dynload/_json.so"
    for path in (interpreter, module):
        path.parent.mkdir(parents=True)
        path.write_bytes(path.name.encode())
    told = provenance.describe(
        tmp_path, Variant.FORK, Profile.FAST, TREE, RECIPE, ENVIRONMENT, until="gil/two.patch", seconds=1.23
    )
    assert told["schema"] == 1
    assert told["patches"] == ["gil/one.patch", "gil/two.patch"]
    assert told["until"] == "gil/two.patch"
    assert told["environment"] == ENVIRONMENT
    assert told["compiler"] == "gcc 12.2.0"
    assert told["configure"][0] == "configure"
    assert told["binary_sha256"] == {
        "bin/python3.11": hashlib.sha256(b"python3.11").hexdigest(),
        "lib/python3.11/lib-dynload/_json.so": hashlib.sha256(b"_json.so").hexdigest(),
    }
    wanted = {
        "variant",
        "profile",
        "source_sha256",
        "series_hash",
        "input_hash",
        "cflags",
        "ldflags",
        "date",
        "seconds",
    }
    assert wanted <= set(told)
    assert str(tmp_path) not in str(told)
    atomic.write_json(tmp_path / provenance.FILE, told)
    assert provenance.read(tmp_path) == told


def test_a_missing_or_damaged_provenance_is_none(tmp_path: Path) -> None:
    assert provenance.read(tmp_path) is None
    path = tmp_path / provenance.FILE
    path.write_text('{"schema": 1, "input', encoding="utf-8")
    assert provenance.read(tmp_path) is None
    path.write_text('{"schema": 0, "input_hash": "x"}', encoding="utf-8")
    assert provenance.read(tmp_path) is None
