"""The implementation under test, and what all cases of the conformance suite share.

The suite runs inside the interpreter that it tests, with nothing but the standard library. It uses the public API
only: `concurrent.interpreters` (Python 3.14, the fork) or, under its former name, 3.13's `test.support.interpreters`.

`needs` names what a case cannot do without. Where a Python has no such name or parameter, the case is *absent* there
and not failed. `beyond` marks a rule that CPython itself is known not to keep; the text says which version, and what
it does instead.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import inspect
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

PLACES = ("concurrent.interpreters", "test.support.interpreters")
QUEUE_MODULES = ("_queues", "queues")
SOON = 10.0  # seconds that something which takes no time may take on a busy machine

Marked = TypeVar("Marked", bound=Callable[..., Any])


def _import(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _first(names: list[str], having: str) -> Any:
    return next((found for found in map(_import, names) if hasattr(found, having)), None)


# 3.11 and 3.12 have a module of that name, too, but with another API.
interpreters: Any = _first(list(PLACES), "ExecutionFailed")
NAME: str = getattr(interpreters, "__name__", "")
queues: Any = _first([f"{NAME}.{name}" for name in QUEUE_MODULES], "UNBOUND") if NAME else None
futures: Any = importlib.import_module("concurrent.futures")
pools: Any = _import("concurrent.futures.interpreter")


def _places(first: str) -> list[Any]:
    pool = pools if first.startswith("Broken") else futures
    return [place for place in (interpreters, queues, pool) if place is not None]


def has(need: str) -> bool:
    """Whether this Python has what `needs` names: "create_queue", "Queue.put(block)", or "import interpreters"."""
    if need.startswith("import "):
        return _import(need.removeprefix("import ")) is not None
    path, _, parameter = need.rstrip(")").partition("(")
    first, *rest = path.split(".")
    found = next((getattr(place, first) for place in _places(first) if hasattr(place, first)), None)
    for name in rest:
        found = getattr(found, name, None)
    if found is None or not parameter:
        return found is not None
    try:
        return parameter in inspect.signature(found).parameters
    except ValueError:  # it is built in, and does not tell
        return True


def needs(*names: str) -> Callable[[Marked], Marked]:
    """Mark a case, or a class of cases, that is absent where one of `names` is."""

    def mark(marked: Marked) -> Marked:
        marked.__needs__ = (*getattr(marked, "__needs__", ()), *names)  # type: ignore[attr-defined]
        return marked

    return mark


def beyond(why: str) -> Callable[[Marked], Marked]:
    """Mark a case that CPython itself is known to fail; `why` says which version, and what it does."""

    def mark(marked: Marked) -> Marked:
        marked.__beyond__ = why  # type: ignore[attr-defined]
        return marked

    return mark


@needs("create")
class Case(unittest.TestCase):
    """A case with interpreters and queues, which are ended afterwards."""

    def bare(self) -> Any:
        """A new interpreter."""
        made = interpreters.create()
        self.addCleanup(_end, made)
        return made

    def interpreter(self) -> Any:
        """A new interpreter that has imported the module; 3.13 binds no queue and no memoryview in a bare one."""
        made = self.bare()
        for module in (interpreters, queues):
            made.exec(f"__import__({module.__name__!r})")
        return made

    def queue(self, *arguments: Any, **keywords: Any) -> Any:
        """A new queue."""
        return interpreters.create_queue(*arguments, **keywords)

    def thread(self, function: Callable[..., object], *arguments: Any) -> threading.Thread:
        """A started thread, which is waited for at the end."""
        made = threading.Thread(target=function, args=arguments)
        made.start()
        self.addCleanup(made.join, SOON)
        return made

    def answer(self, interpreter: Any, expression: str, **names: Any) -> Any:
        """The value of `expression` in the interpreter's __main__, in which `names` are bound before."""
        back = self.queue()
        interpreter.prepare_main(_back=back, **names)
        interpreter.exec(f"_back.put({expression})")
        return back.get()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; fail if that takes long."""
        until = time.monotonic() + SOON
        while not condition():
            self.assertLess(time.monotonic(), until, "waited too long")
            time.sleep(0.005)

    def occupied(self) -> tuple[Any, Callable[[], None]]:
        """An interpreter in whose __main__ a thread runs, and a function that makes it finish."""
        interpreter, begun, go_on = self.interpreter(), self.queue(), self.queue()
        interpreter.prepare_main(begun=begun, go_on=go_on)
        thread = self.thread(interpreter.exec, "begun.put(None)\ngo_on.get()")
        begun.get()

        def finish() -> None:
            if thread.is_alive():
                go_on.put(None)
                thread.join(SOON)

        self.addCleanup(finish)
        return interpreter, finish

    def script(self, source: str) -> str:
        """What a program prints: the source is its file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "program.py"
            path.write_text(source, encoding="utf-8")
            command = [sys.executable, str(path)]
            done = subprocess.run(
                command, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False
            )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


def _end(interpreter: Any) -> None:
    with contextlib.suppress(interpreters.InterpreterError):  # it may have ended
        interpreter.close()
    gc.collect()


def described(problem: BaseException) -> Any:
    """The ExecutionFailed that tells of an exception of call(): 3.14 raises it, the fork makes it the cause."""
    return problem if isinstance(problem, interpreters.ExecutionFailed) else problem.__cause__


def ids() -> set[int]:
    """The ids of all interpreters."""
    gc.collect()
    return {one.id for one in interpreters.list_all()}
