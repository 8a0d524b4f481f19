"""The GitHub workflows: well-formed, pinned, without a way in for foreign code, and calling what exists."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import paths
from harness.report import comment

FILES = sorted((paths.ROOT / ".github" / "workflows").glob("*.yml"))


def _load(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def _steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in _load(path)["jobs"].values():
        yield from job["steps"]


def _sessions() -> set[str]:
    """Names of the sessions in noxfile.py, read without running it."""
    names = set()
    for node in ast.parse((paths.ROOT / "noxfile.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "nox.session":
                    given = {word.arg: ast.literal_eval(word.value) for word in decorator.keywords}
                    names.add(given.get("name", node.name))
    return names


def test_the_workflows_are_there() -> None:
    assert [path.name for path in FILES] == ["ci.yml", "gate-comment.yml", "gate.yml"]
    assert {"run", "gate", "globals", "lint"} <= _sessions()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_commands_name_sessions_that_exist(path: Path) -> None:
    called = re.findall(r"\./noxw\s+(\S+)\s+(\S+)", path.read_text(encoding="utf-8"))
    assert called or path.name == "gate-comment.yml"
    for option, session in called:
        assert option == "-s"
        assert session in _sessions()
    for name in re.findall(r"run: (\.\S+)", path.read_text(encoding="utf-8")):
        assert (paths.ROOT / name).stat().st_mode & 0o111, f"{name} is not executable"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version(path: Path) -> None:
    used = re.findall(r"uses: *(.+)", path.read_text(encoding="utf-8"))
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_scripts_are_shell_without_text_from_the_event(path: Path) -> None:
    for step in _steps(path):
        script = step.get("run")
        if script is not None:
            assert "${{" not in script, "an expression in a script is a way in; hand it over in env"
            done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_permissions_are_as_small_as_can_be(path: Path) -> None:
    found = _load(path)
    triggers = found[True]  # YAML reads the key `on` as true
    assert "pull_request_target" not in triggers
    if "pull_request" in triggers or "push" in triggers:
        assert found["permissions"] == {"contents": "read"}
        assert "secrets." not in path.read_text(encoding="utf-8")
    else:
        assert found["permissions"] == {"actions": "read", "pull-requests": "write"}
        assert not any("checkout" in step.get("uses", "") for step in _steps(path)), (
            "it may write: it runs no PR code"
        )
    assert all("timeout-minutes" in job for job in found["jobs"].values())


def test_the_comment_finds_itself_again() -> None:
    words = (paths.ROOT / ".github" / "workflows" / "gate-comment.yml").read_text(encoding="utf-8")
    assert comment.MARKER in words
    gate = _load(paths.ROOT / ".github" / "workflows" / "gate.yml")
    assert _load(FILES[1])[True]["workflow_run"]["workflows"] == [gate["name"]]


@pytest.mark.parametrize(
    ("upstream", "before", "code"),
    [
        ("0", "0", 0),
        ("3", "0", 0),
        ("1", "0", 1),
        ("0", "1", 1),
        ("4", "3", 4),
        ("0", "5", 5),
        ("2", "0", 2),
        ("", "0", 5),
    ],
)
def test_only_pass_and_inconclusive_let_the_check_pass(upstream: str, before: str, code: int) -> None:
    script = next(step for step in _steps(FILES[2]) if step.get("name") == "verdict")["run"]
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        env={"UPSTREAM": upstream, "BEFORE": before, "PATH": "/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == code
    assert ("::warning" in done.stdout) == ("3" in (upstream, before))
