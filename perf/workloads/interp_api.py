"""Sub-interpreters through whatever this Python has: `concurrent.interpreters` (3.14, the fork), the same API in
3.13's test package, or the low-level `_xxsubinterpreters` of 3.11 and 3.12 with channels for queues.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = str(Path(__file__).resolve().parent)
HIGH_LEVEL = ("concurrent.interpreters", "test.support.interpreters")
LOW_LEVEL = "_xxsubinterpreters"


class Unavailable(Exception):
    """This Python cannot do what was asked; the text says what is missing."""


class Channel:
    """A queue over a channel of `_xxsubinterpreters`, which has no blocking receive: `get` polls."""

    def __init__(self, module: ModuleType, handle: Any) -> None:  # noqa: ANN401 (a ChannelID or its number)
        self._module = module
        self._handle = handle  # the channel ends with the last ChannelID
        self.id = int(handle)

    def put(self, value: object) -> None:
        """Send one shareable object."""
        self._module.channel_send(self.id, value)

    def get(self) -> Any:  # noqa: ANN401 (whatever was put)
        """Receive one object, giving way to other threads while there is none."""
        nothing = object()
        while (value := self._module.channel_recv(self.id, nothing)) is nothing:
            time.sleep(0)
        return value


def open_channel(number: int) -> Channel:
    """The channel `number` as seen from the interpreter that calls this."""
    return Channel(importlib.import_module(LOW_LEVEL), number)


class Api:
    """Make, use and end interpreters: `gil` is "own", "shared" (with the main one) or "unknown"."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self.name = module.__name__
        self.gil = "own"

    def create(self) -> Any:  # noqa: ANN401 (a handle for the other methods)
        """Make an interpreter."""
        return self._module.create()

    def run(self, interpreter: Any, code: str) -> None:  # noqa: ANN401
        """Run `code` in the interpreter's __main__, in this thread; an exception there is one here."""
        interpreter.exec(code)

    def close(self, interpreter: Any) -> None:  # noqa: ANN401
        """End the interpreter."""
        interpreter.close()

    def queue(self) -> Any:  # noqa: ANN401 (has put and get)
        """Make a queue between interpreters."""
        return self._module.create_queue()

    def opening(self, queue: Any, name: str) -> str:  # noqa: ANN401
        """Code that binds `queue` to `name` in another interpreter."""
        return f"import {self.name} as _module\n{name} = _module.Queue({int(queue.id)})\n"


class LowLevelApi(Api):
    """The same through `_xxsubinterpreters`, whose interpreters share the main GIL in 3.11."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        self._create, self.gil = self._choose()

    def _choose(self) -> tuple[Callable[[], Any], str]:
        create = self._module.create
        if sys.version_info >= (3, 12):
            return lambda: create(isolated=True), "own"
        try:
            first = create(own_gil=True)
        except TypeError:
            return create, "shared"
        self._module.destroy(first)
        return lambda: create(own_gil=True), "own"

    def create(self) -> Any:  # noqa: ANN401
        return self._create()

    def run(self, interpreter: Any, code: str) -> None:  # noqa: ANN401
        self._module.run_string(interpreter, code)

    def close(self, interpreter: Any) -> None:  # noqa: ANN401
        self._module.destroy(interpreter)

    def queue(self) -> Channel:
        return Channel(self._module, self._module.channel_create())

    def opening(self, queue: Channel, name: str) -> str:
        return f"{entering()}import interp_api\n{name} = interp_api.open_channel({queue.id})\n"


def entering() -> str:
    """Code that lets another interpreter import the modules of this directory."""
    return f"import sys\nif {HERE!r} not in sys.path: sys.path.insert(0, {HERE!r})\n"


def find() -> Api:
    """The best API of this Python; Unavailable if it has none."""
    for name in HIGH_LEVEL:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if hasattr(module, "create_queue"):  # 3.11's test package has an older API of that name
            return Api(module)
    try:
        return LowLevelApi(importlib.import_module(LOW_LEVEL))
    except ImportError:
        raise Unavailable("this Python has no sub-interpreters for Python code") from None


def answer(measure: Callable[[], dict[str, object]]) -> None:
    """Print what `measure` returns as one line of JSON, or why it cannot be had here."""
    try:
        found = measure()
    except Unavailable as missing:
        found = {"unavailable": str(missing)}
    print(json.dumps(found), flush=True)
