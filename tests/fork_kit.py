"""Running a built interpreter, for the tests of the fork."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import proc, wheels_manifest
from harness.build import Built
from harness.runner import for_build


def python(built: Built, *arguments: str | Path, env: Mapping[str, str] | None = None, timeout: float = 300) -> str:
    """What the built interpreter prints, run where it was built; `timeout` in seconds."""
    with for_build(built.prefix) as runner:
        command = runner.argv([str(built.python), *map(str, arguments)], env=env)
        return proc.run(command, echo=False, timeout=timeout).stdout


def with_numpy() -> dict[str, str]:
    """An environment with NumPy on the path, without the warning that the page tells of, and one thread a matrix."""
    return {"PYTHONPATH": str(site_of("numpy")), "PYTHONWARNINGS": "ignore::UserWarning", "OPENBLAS_NUM_THREADS": "1"}


def site_of(*names: str) -> Path:
    """A directory with these wheels of the manifest, fetched by pip once; skips where no wheel is pinned."""
    if platform.machine() != wheels_manifest.MACHINE:
        pytest.skip(f"the wheels are pinned for {wheels_manifest.MACHINE}")
    manifest = wheels_manifest.read().only(*names)
    return wheels_manifest.unpack(manifest, wheels_manifest.fetch(manifest))
