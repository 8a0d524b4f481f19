"""Where a built interpreter comes from: provenance.json, written beside it, and the hashes that identify it.

The input hash decides whether a build is up to date. The environment hash says whether two builds, or two stored
results, come from environments in which the same things are expected to happen: it leaves out what does not decide
that (the processor's model, an image's name and id, which change when an image is made again from the same packages).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import atomic, source_cache
from harness.build_profiles import Recipe
from harness.errors import ResultDamagedError, ResultMissingError
from harness.source import Tree
from harness.variants import Profile, Variant

SCHEMA = 1
FILE = "provenance.json"
IDENTIFYING = ("kind", "packages_sha256", "os", "compiler", "machine", "kernel")
# The kernel runs the tests but compiles nothing.
COMPILING = ("kind", "packages_sha256", "os", "compiler", "machine")


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def environment_hash(prov: Mapping[str, Any]) -> str:
    """Hash (hex) of the environment that `prov` (a provenance) names."""
    return _hash({name: prov["environment"].get(name) for name in IDENTIFYING})


def toolchain_hash(environment: Mapping[str, Any]) -> str:
    """Hash (hex) of what of an environment decides what a compilation gives."""
    return _hash({name: environment.get(name) for name in COMPILING})


def input_hash(tree: Tree, recipe: Recipe, environment: Mapping[str, Any]) -> str:
    """Hash (hex) of everything that a build is made from: source, series, recipe, toolchain."""
    return _hash([SCHEMA, tree.source_sha256, tree.series_hash, recipe.key(), toolchain_hash(environment)])


def read(prefix: Path) -> dict[str, Any] | None:
    """The provenance of the interpreter in `prefix`; None if there is none, or it is not whole."""
    try:
        found = atomic.read_json(prefix / FILE)
    except (ResultMissingError, ResultDamagedError):
        return None
    return found if found.get("schema") == SCHEMA and "input_hash" in found else None


def binaries(prefix: Path) -> dict[str, str]:
    """sha256 (hex) of the interpreter and of each extension module, by path relative to `prefix`."""
    found = [prefix / "bin" / "python3.11", *sorted(prefix.glob("lib/python3.11/lib-dynload/*.so"))]
    return {str(path.relative_to(prefix)): source_cache.sha256_of(path) for path in found}


def describe(
    prefix: Path,
    variant: Variant,
    profile: Profile,
    tree: Tree,
    recipe: Recipe,
    environment: Mapping[str, Any],
    *,
    until: str | None,
    seconds: float,
) -> dict[str, Any]:
    """The provenance of what was just installed in `prefix`; `seconds` is how long the build took (wall clock)."""
    return {
        "schema": SCHEMA,
        "variant": str(variant),
        "profile": str(profile),
        "source_sha256": tree.source_sha256,
        "series_hash": tree.series_hash,
        "patches": list(tree.patches),
        "until": until,
        "input_hash": input_hash(tree, recipe, environment),
        "environment": dict(environment),
        "compiler": environment.get("compiler"),
        "configure": ["configure", *recipe.configure],
        "cflags": " ".join(recipe.variables.get(name, "") for name in ("CFLAGS", "CFLAGS_NODIST")).strip(),
        "ldflags": recipe.variables.get("LDFLAGS", ""),
        "binary_sha256": binaries(prefix),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
    }
