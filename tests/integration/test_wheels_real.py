"""The wheels session on the real fork, with a pure wheel and an extension module in place of fetched wheels."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import wheels_manifest
from harness.runner import for_build
from harness.wheels import Matrix, run_matrix
from harness.wheels_manifest import Wheel

if TYPE_CHECKING:
    from harness.build import Built

pytestmark = pytest.mark.build

PURE = (
    "import pure, json, struct\nassert pure.x == 1 and json.loads('[1]') == [1]\nassert struct.calcsize('i') == 4\n"
)


def test_matrix_of_a_pure_and_a_native_wheel(
    built_fork_fast: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels_manifest, "EXERCISES", tmp_path)
    site = tmp_path / "site"
    site.mkdir()
    (site / "pure.py").write_text("x = 1\n")
    (tmp_path / "pure.py").write_text(PURE)
    (tmp_path / "broken.py").write_text("import pure\nassert pure.x == 2\n")
    chosen = [Wheel(name, "1", "0" * 64, True) for name in ("pure", "broken")]
    with for_build(built_fork_fast.prefix, mounts=[tmp_path]) as runner:
        cells = run_matrix(Matrix(runner, built_fork_fast.python, site, tmp_path / "work", 2), chosen)
    found = {(cell.wheel, cell.mode): cell for cell in cells}
    assert {mode: found["pure", mode].outcome for mode in ("main", "one", "four", "fifty")} == {
        "main": "passed",
        "one": "passed",
        "four": "passed",
        "fifty": "passed",
    }
    assert found["broken", "four"].outcome == "failed"
    assert "in 4 of 4 interpreters" in found["broken", "four"].text


def test_extension_that_declares_nothing(
    built_fork_fast: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused, or gets a private copy where the build can make one: never anything else."""
    monkeypatch.setattr(wheels_manifest, "EXERCISES", tmp_path)
    (built,) = built_fork_fast.prefix.glob("lib/python3.11/lib-dynload/xxlimited_35.*.so")
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(built, site)
    (tmp_path / "native.py").write_text("import xxlimited_35\nassert xxlimited_35.Xxo\n")
    with for_build(built_fork_fast.prefix, mounts=[tmp_path]) as runner:
        matrix = Matrix(runner, built_fork_fast.python, site, tmp_path / "work", 1)
        main, one = matrix.run([(Wheel("native", "1", "0" * 64, True), mode) for mode in ("main", "one")])
    assert main.outcome == "passed"
    assert one.outcome == ("passed" if one.policy == "isolate" else "refused"), one.text
