"""The base of the harness: processes, atomic files, the clone lock, exit codes, results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import atomic, cli, lock, paths, proc, results
from harness.errors import (
    AnotherRunActiveError,
    CommandFailedError,
    Exit,
    HarnessError,
    ResultDamagedError,
    ResultMissingError,
    ToolMissingError,
    UnknownProfileError,
    UnknownVariantError,
)
from harness.variants import Profile, Variant, parse_profile, parse_variant


def test_run_captures_and_reports_status() -> None:
    done = proc.run(["sh", "-c", "echo out; echo err >&2; exit 3"], check=False, echo=False)
    assert (done.returncode, done.stdout) == (3, "out\nerr\n")
    with pytest.raises(CommandFailedError, match="exited with 3"):
        proc.run(["sh", "-c", "echo the reason; exit 3"], echo=False)


def test_run_logs_and_error_shows_the_tail(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "x.log"
    with pytest.raises(CommandFailedError, match="the reason") as caught:
        proc.run(["sh", "-c", "echo the reason; exit 1"], log=log, echo=False)
    assert caught.value.log == log
    assert "the reason" in log.read_text(encoding="utf-8")


def test_run_names_a_missing_program() -> None:
    with pytest.raises(ToolMissingError, match="no-such-program"):
        proc.run(["no-such-program"], echo=False)


def test_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {note}; wait"
    done = proc.run(["sh", "-c", script], timeout=0.5, check=False, echo=False)
    assert done.timed_out
    child = int(note.read_text(encoding="utf-8"))
    for _ in range(50):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]:
            return
        time.sleep(0.1)
    pytest.fail("the grandchild still runs")


def test_child_starts_with_default_signals() -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from harness import proc\n"
        "print(proc.run([sys.executable, '-c', 'import signal; print(signal.getsignal(signal.SIGINT))'],"
        " echo=False).stdout)"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    assert "default_int_handler" in shown.stdout


def test_an_interrupt_lost_in_a_fork_hook_still_ends_the_command() -> None:
    """The hook raises where Python drops exceptions; the command must not go on as if nothing had happened."""
    code = (
        "import os, signal, sys\n"
        "from harness import proc\n"
        "signal.signal(signal.SIGTERM, proc.interrupt)\n"
        "os.register_at_fork(after_in_parent=lambda: signal.raise_signal(signal.SIGTERM))\n"
        "try:\n"
        "    proc.run(['sleep', '30'], echo=False)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, timeout=20, check=False)
    assert b"Exception ignored" in shown.stderr
    assert shown.returncode == 130


def test_atomic_write_keeps_the_old_file_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    atomic.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        atomic.write_json(path, {"a": object()})
    assert atomic.read_json(path) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("text", ['{"a": [1, 2', "", "[]", "\x00"])
def test_damaged_result_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "verdict.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ResultDamagedError, match=r"verdict\.json"):
        atomic.read_json(path)


def test_missing_result_has_the_missing_code(tmp_path: Path) -> None:
    with pytest.raises(ResultMissingError) as caught:
        atomic.read_json(tmp_path / "no.json")
    assert caught.value.exit_code is Exit.MISSING


def test_second_run_in_one_clone_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path))
    code = "import sys; from harness.lock import clone_lock\nwith clone_lock('build'): print('got it')"
    with lock.clone_lock("gate"):
        environment = {key: value for key, value in os.environ.items() if key != lock.HELD}
        other = subprocess.run(
            [sys.executable, "-c", code], cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert other.returncode != 0
        assert f"gate, pid {os.getpid()}" in other.stderr
        with lock.clone_lock("nested"):  # a step of the holder
            pass
    with lock.clone_lock("again"):
        pass
    assert AnotherRunActiveError("x").exit_code is Exit.BUSY


def test_unknown_variant_and_profile() -> None:
    assert parse_variant("fork") is Variant.FORK
    assert parse_profile("tsan") is Profile.TSAN
    with pytest.raises(UnknownVariantError, match="'forks'"):
        parse_variant("forks")
    with pytest.raises(UnknownProfileError, match="'quick'"):
        parse_profile("quick")


def _main_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> dict[str, str]:
    name = f"command_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(f"def main(argv):\n    {body}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return {"it": name}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return 3", 3),
        ("raise KeyboardInterrupt", 130),
        ("import errno; raise OSError(errno.ENOSPC, 'No space left on device', 'f')", 2),
        ("raise PermissionError(13, 'Permission denied', 'f')", 2),
        ("from harness.errors import UsageError; raise UsageError('no')", 6),
        ("raise SystemExit(2)", 6),
        ("raise SystemExit(0)", 0),
    ],
)
def test_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, code: int) -> None:
    left = tmp_path / "exit"
    left.touch()
    monkeypatch.setenv("REDWOODTJ_EXIT_FILE", str(left))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert cli.run(_main_module(tmp_path, monkeypatch, body), "x", ["it"]) == code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert left.read_text(encoding="utf-8") == (f"{code}\n" if code else "")


def test_unknown_command_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run({"build": "x", "test": "y"}, "harness", ["biuld"]) == Exit.USAGE
    assert "build, test" in capsys.readouterr().err


def test_every_error_has_a_code_and_a_remedy() -> None:
    def subclasses(kind: type[HarnessError]) -> list[type[HarnessError]]:
        return [kind, *(found for child in kind.__subclasses__() for found in subclasses(child))]

    leaves = [kind for kind in subclasses(HarnessError) if not kind.__subclasses__()]
    without = [kind.__name__ for kind in leaves if not kind.remedy and kind is not ResultMissingError]
    assert not without
    assert all(isinstance(kind.exit_code, Exit) and kind.exit_code != 0 for kind in leaves)


def test_results_are_found_by_kind_and_completeness(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDWOODTJ_RESULTS", str(tmp_path))
    with pytest.raises(ResultMissingError, match="no gate result"):
        results.latest("gate", "verdict.json")
    whole, _partial = results.new("gate"), results.new("gate")
    atomic.write_json(whole / "verdict.json", {"schema": 1})
    assert results.latest("gate", "verdict.json") == whole
    assert json.loads((whole / "verdict.json").read_text()) == {"schema": 1}
