"""The whole project is clean under ruff and mypy --strict, as the `lint` session runs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness import paths


@pytest.mark.parametrize("command", ["ruff check .", "ruff format --check .", "mypy"])
def test_clean(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_session_runs_the_same_commands() -> None:
    """By the interpreter of .venv: nothing promises that its bin/ is on PATH."""
    text = (paths.ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert 'session.run(sys.executable, "-m", *command, external=True)' in text
