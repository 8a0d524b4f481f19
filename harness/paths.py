"""Where everything is: the repository, its outputs and the cache outside the clone.

Tests and helpers redirect outputs with REDWOODTJ_BUILD, REDWOODTJ_RESULTS and REDWOODTJ_CACHE; nothing else
in the project computes a path of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent
PATCHES = ROOT / "patches"
DOCKER = ROOT / "docker"
SUBMODULE = ROOT / "cpython"


def _redirected(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).resolve()


def build_dir() -> Path:
    """The directory of all build outputs (build/)."""
    return _redirected("REDWOODTJ_BUILD", ROOT / "build")


def results_dir() -> Path:
    """The directory of all results (results/)."""
    return _redirected("REDWOODTJ_RESULTS", ROOT / "results")


def cache_dir() -> Path:
    """The cache outside the clone: tarballs by hash, ccache, wheels, upstream test results."""
    path = _redirected("REDWOODTJ_CACHE", platformdirs.user_cache_path("redwoodtj"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def source_tree(variant: str) -> Path:
    """build/src/<variant>: the tree; for the fork a git repository with one commit a patch."""
    return build_dir() / "src" / variant


def prefix(variant: str, profile: str) -> Path:
    """build/<variant>/<profile>: the installed interpreter."""
    return build_dir() / variant / profile


def python(variant: str, profile: str) -> Path:
    """build/<variant>/<profile>/bin/python3."""
    return prefix(variant, profile) / "bin" / "python3"


def logs_dir() -> Path:
    """build/logs: the log of every long command."""
    path = build_dir() / "logs"
    path.mkdir(parents=True, exist_ok=True)
    return path
