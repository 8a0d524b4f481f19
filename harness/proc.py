"""The one way to run a command: echoed, logged, with default signal dispositions, its whole group ended on Ctrl-C.

CPython's own suite fails when a parent ignored SIGINT (test_signal, test_threading, test_regrtest), and nohup,
`&` in a non-interactive shell and some CI runners do ignore it, so the child always starts with defaults.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.console import console
from harness.errors import CommandFailedError, HarnessError, ToolMissingError

GRACE = 10.0  # seconds between SIGINT/SIGTERM and SIGKILL of a group
TAIL = 25  # lines of a log shown with an error


@dataclass(frozen=True, slots=True)
class Done:
    """A finished command: exit status (negative: signal), what it printed (if captured), wall seconds, timed out?"""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    seconds: float
    timed_out: bool = False

    @property
    def failed(self) -> bool:
        """Whether it exited with anything but 0 or did not end in time."""
        return self.returncode != 0 or self.timed_out


class _Interrupted:
    """Whether a signal asked this process to stop; see `interrupt`."""

    asked = False


def interrupt(_number: int, _frame: object) -> None:
    """Handler of SIGINT and SIGTERM: KeyboardInterrupt, and a note of it.

    Python drops an exception that a handler raises inside a hook of fork (logging has one), so that a signal in that
    moment would be lost; `start` finds the note after its fork.
    """
    _Interrupted.asked = True
    raise KeyboardInterrupt


def default_signals() -> None:
    """Undo ignored signals and blocked masks in a child before exec."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGQUIT,
        signal.SIGHUP,
        signal.SIGPIPE,
        signal.SIGCHLD,
    ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def start(
    words: Sequence[str],
    *,
    stdout: int | IO[str],
    stdin: int = subprocess.DEVNULL,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start `words` in a process group of its own with default signals, stderr into stdout; the caller waits."""
    _Interrupted.asked = False
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=default_signals,
    )
    if _Interrupted.asked:
        end_group(process, signal.SIGINT)
        raise KeyboardInterrupt
    return process


def end_group(process: subprocess.Popen[str], first: int = signal.SIGTERM) -> None:
    """End the process group of `process`: `first`, then SIGKILL after GRACE seconds."""
    for number, wait in ((first, GRACE), (signal.SIGKILL, GRACE)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(wait)
            break
        except subprocess.TimeoutExpired:
            continue


def tail(log: Path, lines: int = TAIL) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    timeout: float | None = None,
    check: bool = True,
    echo: bool = True,
    error: Callable[[str], HarnessError] | None = None,
    stdin: str | None = None,
) -> Done:
    """Run `argv` and return what became of it.

    Output goes to `log` (appended) if given, else it is captured (stderr into stdout). `env` is the whole environment
    if given. With `check`, a non-zero exit raises `error(message)` (default CommandFailedError). A program that does
    not exist raises ToolMissingError. On timeout the group is ended and `timed_out` is set (raised with `check`).
    """
    words = tuple(str(word) for word in argv)
    if echo:
        console.print(f"[dim]$ {shlex.join(words)}[/]", markup=True)
    started = time.monotonic()
    output, code, timed_out = _communicate(words, cwd, env, log, timeout, stdin)
    done = Done(words, code, output, time.monotonic() - started, timed_out)
    if check and done.failed:
        raise failure(done, log, error)
    return done


def _communicate(
    words: tuple[str, ...],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    log: Path | None,
    timeout: float | None,
    stdin: str | None,
) -> tuple[str, int, bool]:
    stream = None
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        stream = log.open("a", encoding="utf-8")
        stream.write(f"$ {shlex.join(words)}\n")
        stream.flush()
    try:
        process = start(
            words,
            stdout=subprocess.PIPE if stream is None else stream,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            cwd=cwd,
            env=env,
        )
    except FileNotFoundError as problem:
        raise ToolMissingError(f"cannot run {words[0]}: {problem.strerror} ({problem.filename})") from None
    finally:
        if stream is not None:
            stream.close()
    try:
        output, _ = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        end_group(process)
        output, _ = process.communicate()
        return output or "", process.returncode, True
    except BaseException:
        end_group(process, signal.SIGINT)
        raise
    return output or "", process.returncode, False


def failure(done: Done, log: Path | None, error: Callable[[str], HarnessError] | None) -> HarnessError:
    """What to raise for a command that failed: `error` (default CommandFailedError) with the end of its output."""
    what = "timed out" if done.timed_out else f"exited with {done.returncode}"
    shown = tail(log) if log is not None else "\n".join(done.stdout.splitlines()[-TAIL:])
    problem = (error or CommandFailedError)(f"{shlex.join(done.argv)} {what} after {done.seconds:.0f} s\n{shown}")
    problem.log = log
    return problem
