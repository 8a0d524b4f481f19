"""Commands run side by side, each with its output in a file and a guard of time, for the `wheels` session."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness import proc
from harness.runner import RunsCommands
from harness.suite_events import Ending
from harness.suite_run import isolated

POLL = 0.05


@dataclass(frozen=True, slots=True)
class Task:
    """A command, the file of its output, and the seconds it may take."""

    words: tuple[str | Path, ...]
    log: Path
    seconds: float


@dataclass(slots=True)
class _Running:
    task: Task
    started: float
    process: subprocess.Popen[str]


def run_all(runner: RunsCommands, tasks: Iterable[Task], workers: int) -> Generator[tuple[Task, Ending]]:
    """Run `workers` at once and yield each as it ends; on any exception, Ctrl-C included, end what still runs."""
    waiting = deque(tasks)
    running: list[_Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(_start(runner, waiting.popleft()))
            ended = [one for one in running if one.process.poll() is not None]
            if not ended:
                time.sleep(POLL)
            for one in ended:
                running.remove(one)
                yield one.task, _ending(runner, one)
    finally:
        for one in running:
            proc.end_group(one.process)


def _start(runner: RunsCommands, task: Task) -> _Running:
    with task.log.open("w", encoding="utf-8") as stream:
        process = proc.start(runner.argv(isolated(task.words, task.seconds)), stdout=stream)
    return _Running(task, time.monotonic(), process)


def _ending(runner: RunsCommands, one: _Running) -> Ending:
    proc.end_group(one.process, signal.SIGKILL)
    code = one.process.returncode
    if code != 0:
        runner.check()
    return Ending(
        code if code >= 0 else 128 - code,
        one.task.log.read_text(encoding="utf-8", errors="replace"),
        time.monotonic() - one.started,
        one.task.seconds,
    )
