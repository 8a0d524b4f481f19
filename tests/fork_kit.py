"""Running a built interpreter, for the tests of the fork."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness import proc
from harness.build import Built
from harness.runner import for_build


def python(built: Built, *arguments: str | Path, env: Mapping[str, str] | None = None, timeout: float = 300) -> str:
    """What the built interpreter prints, run where it was built; `timeout` in seconds."""
    with for_build(built.prefix) as runner:
        command = runner.argv([str(built.python), *map(str, arguments)], env=env)
        return proc.run(command, echo=False, timeout=timeout).stdout
