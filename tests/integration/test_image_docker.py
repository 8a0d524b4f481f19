"""The runtime images for real: they run, say what they hold, and hold no compiler."""

from __future__ import annotations

import json
import subprocess
from typing import cast

import pytest

from harness import engine, image
from harness.build import Built

pytestmark = [pytest.mark.engine, pytest.mark.build]


def run(name: str, *argv: str) -> str:
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", name, *argv], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("variant", ["upstream", "fork"])
def test_runtime_image(variant: str, request: pytest.FixtureRequest) -> None:
    built = cast("Built", request.getfixturevalue(f"built_{variant}_fast"))
    name = image.make(built)
    assert name == f"redwoodtj:{variant}"
    series = built.provenance["series_hash"]
    wanted = "(v3.11.2:878ead1ac1" if series is None else f"(redwoodtj:{series[:8]},"
    assert run(name, "python3", "-VV").startswith(f"Python 3.11.2 {wanted}")
    modules = "bz2, ctypes, curses, dbm.gnu, lzma, readline, sqlite3, ssl, uuid, zlib"
    assert run(name, "python3", "-c", f"import {modules}, sys; print(sys.prefix)").strip() == "/usr/local"
    assert run(name, "sh", "-c", "command -v gcc || echo none").strip() == "none"
    client = engine.client()
    try:
        made = client.images.get(name)
    finally:
        client.close()
    assert made.labels["redwoodtj.input_hash"] == built.provenance["input_hash"]
    assert json.loads(made.labels["redwoodtj.provenance"]) == built.provenance
    assert made.attrs["Size"] < 450e6
