"""Queues between interpreters do what `queue.Queue` does, whoever uses them; hypothesis looks for a difference."""

from __future__ import annotations

import json
import os
import pickle
import queue
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from harness import paths
from harness.build import Built
from harness.runner import for_build

pytestmark = [pytest.mark.build]

SERVER = paths.ROOT / "tests" / "fork" / "queue_server.py"
OTHERS = 2

WHO = st.integers(0, OTHERS)
TIMEOUTS = st.sampled_from([None, 0.0, 0.001])
POLICIES = st.sampled_from(["marker", "error", "remove"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20)  # surrogates, too
    | st.binary(max_size=20)
)
VALUES = st.recursive(SCALARS, lambda inner: st.tuples(inner) | st.tuples(inner, inner) | st.lists(inner, max_size=3))


class Server:
    """The process with the real queue. It reads from a named pipe: a container has another standard input."""

    def __init__(self, command: list[str], pipe: Path) -> None:
        os.mkfifo(pipe)
        self.commands = os.fdopen(os.open(pipe, os.O_RDWR), "w")  # opening it to write only would wait for a reader
        self.process = subprocess.Popen(
            [*command, str(pipe)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def ask(self, name: str, who: int, arguments: Any) -> Any:  # noqa: ANN401
        """The value, or the name of the exception."""
        packed = arguments if name == "new" else pickle.dumps(arguments).hex()
        assert self.process.stdout is not None
        self.commands.write(json.dumps({"name": name, "who": who, "arguments": packed}) + "\n")
        self.commands.flush()
        line = self.process.stdout.readline()
        assert line, f"the process has ended with {self.process.wait()}"
        outcome = json.loads(line)
        return outcome["error"] if "error" in outcome else pickle.loads(bytes.fromhex(outcome["value"]))

    def close(self) -> None:
        """End it, and see that it does."""
        self.commands.close()
        assert self.process.wait(60) == 0


class Model(RuleBasedStateMachine):
    """`queue.Queue` holds (value, who has put it, what becomes of it); None for who once that has ended."""

    server: Server

    @initialize(maxsize=st.integers(0, 3), policy=POLICIES)
    def begin(self, maxsize: int, policy: str) -> None:
        self.policy = policy
        self.model: queue.Queue[tuple[object, int | None, str]] = queue.Queue(maxsize)
        assert self.server.ask("new", 0, [maxsize, policy, OTHERS]) is None

    @rule(who=WHO, value=VALUES, timeout=TIMEOUTS, policy=st.none() | POLICIES)
    def put(self, who: int, value: object, timeout: float | None, policy: str | None) -> None:
        try:
            self.model.put((value, who, policy or self.policy), timeout is not None, timeout)
            wanted = None
        except queue.Full:
            wanted = "QueueFull"
        assert self.server.ask("put", who, [value, timeout, policy]) == wanted

    @rule(who=WHO, timeout=TIMEOUTS)
    def get(self, who: int, timeout: float | None) -> None:
        wanted: object
        try:
            value, owner, policy = self.model.get(timeout is not None, timeout)
            lost = {"marker": ("marker", None), "error": "ItemInterpreterDestroyed"}
            wanted = ("value", value) if owner is not None else lost[policy]
        except queue.Empty:
            wanted = "QueueEmpty"
        assert repr(self.server.ask("get", who, [timeout])) == repr(wanted)  # NaN is equal, and 1 is not True

    @rule(who=st.integers(1, OTHERS))
    def end(self, who: int) -> None:
        assert self.server.ask("end", who, []) is None
        for index, (value, owner, policy) in reversed(list(enumerate(self.model.queue))):
            if owner == who and policy == "remove":
                del self.model.queue[index]
            elif owner == who:
                self.model.queue[index] = (value, None, policy)

    @invariant()
    def same_size(self) -> None:
        if hasattr(self, "model"):
            wanted = (self.model.qsize(), self.model.empty(), self.model.full())
            assert self.server.ask("look", 0, []) == wanted


def check(command: list[str], pipe: Path, examples: int, steps: int) -> None:
    """Compare with the queue in the process that `command` starts."""
    Model.server = Server(command, pipe)
    try:
        run_state_machine_as_test(
            Model,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        Model.server.close()


@pytest.fixture
def server_command(built_fork_fast: Built, tmp_path: Path) -> Iterator[list[str]]:
    with for_build(built_fork_fast.prefix, mounts=[tmp_path]) as runner:
        yield runner.argv([str(built_fork_fast.python), str(SERVER)])


def test_model(server_command: list[str], tmp_path: Path) -> None:
    check(server_command, tmp_path / "commands", examples=40, steps=40)
