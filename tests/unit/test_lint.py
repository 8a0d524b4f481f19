"""The project is clean under ruff and mypy --strict: the `lint` session, with nothing of .venv on PATH."""

from __future__ import annotations

import os
import subprocess
import sys

from harness import paths


def test_the_lint_session_is_clean() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nox", "-s", "lint"],
        cwd=paths.ROOT,
        env={**os.environ, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
