"""Every name is there, is what it should be, and takes the parameters that it should take."""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.thread
import importlib
import inspect
import queue
import unittest
from collections.abc import Callable
from typing import Any

from api_target import beyond, futures, interpreters, needs, pools, queues

NAMES = (
    *("create", "list_all", "get_current", "get_main", "is_shareable", "create_queue", "Interpreter", "Queue"),
    *("InterpreterError", "InterpreterNotFoundError", "ExecutionFailed", "NotShareableError"),
    *("QueueEmpty", "QueueFull"),
)
QUEUE_NAMES = (
    *("UNBOUND", "UNBOUND_ERROR", "UNBOUND_REMOVE", "create", "list_all", "Queue"),
    *("QueueError", "QueueNotFoundError", "QueueEmpty", "QueueFull", "ItemInterpreterDestroyed"),
)
ATTRIBUTES = {
    "Interpreter": ("id", "whence", "is_running", "close", "prepare_main", "exec", "call", "call_in_thread"),
    "Queue": (
        *("id", "maxsize", "unbounditems", "empty", "full", "qsize"),
        *("put", "put_nowait", "get", "get_nowait"),
    ),
}
ANY = object()


def create() -> None: ...
def create_queue(maxsize: Any = 0, *, unbounditems: Any = ANY) -> None: ...
def nothing(self: Any) -> None: ...
def prepare_main(self: Any, ns: Any = None, /, **kwargs: Any) -> None: ...
def execute(self: Any, code: Any, /) -> None: ...
def call(self: Any, callable: Any, /, *args: Any, **kwargs: Any) -> None: ...
def put(self: Any, obj: Any, block: Any = True, timeout: Any = None, *, unbounditems: Any = None) -> None: ...
def put_nowait(self: Any, obj: Any, *, unbounditems: Any = None) -> None: ...
def get(self: Any, block: Any = True, timeout: Any = None) -> None: ...
def pool(
    self: Any, max_workers: Any = None, thread_name_prefix: Any = "", initializer: Any = None, initargs: Any = ()
) -> None: ...
def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> None: ...
def map_(self: Any, fn: Any, *iterables: Any, timeout: Any = None, chunksize: Any = 1) -> None: ...
def shutdown(self: Any, wait: Any = True, *, cancel_futures: Any = False) -> None: ...


def parameters(function: Callable[..., Any]) -> list[tuple[str, object, object]]:
    """Name, kind and default of the public parameters after self."""
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default) for one in found if one.name != "self" and not one.name.startswith("_")]


class Names(unittest.TestCase):
    def test_module(self) -> None:
        self.assertIsNotNone(interpreters, "this Python has no module for interpreters")

    @needs("create")
    def test_names_are_public(self) -> None:
        for name in NAMES:
            with self.subTest(name):
                self.assertTrue(hasattr(interpreters, name))
                self.assertIn(name, interpreters.__all__)

    @needs("create_queue")
    def test_names_of_queues(self) -> None:
        for name in QUEUE_NAMES:
            with self.subTest(name):
                self.assertTrue(hasattr(queues, name))
                self.assertIn(name, queues.__all__)

    @needs("create_queue")
    def test_queue_names_are_the_same_objects(self) -> None:
        self.assertIs(interpreters.create_queue, queues.create)
        for name in ("Queue", "QueueEmpty", "QueueFull"):
            self.assertIs(getattr(interpreters, name), getattr(queues, name))

    @needs("Interpreter")
    def test_attributes_of_an_interpreter(self) -> None:
        for name in ATTRIBUTES["Interpreter"]:
            self.assertTrue(hasattr(interpreters.Interpreter, name), name)

    @needs("Queue.unbounditems")
    def test_attributes_of_a_queue(self) -> None:
        for name in ATTRIBUTES["Queue"]:
            self.assertTrue(hasattr(interpreters.Queue, name), name)

    @needs("import interpreters")
    def test_alias(self) -> None:
        alias = importlib.import_module("interpreters")
        for name in NAMES:
            self.assertIs(getattr(alias, name), getattr(interpreters, name), name)


class Exceptions(unittest.TestCase):
    def check(self, child: type, *parents: type) -> None:
        for parent in parents:
            self.assertTrue(issubclass(child, parent), f"{child.__mro__} has no {parent}")

    @needs("InterpreterError")
    def test_of_interpreters(self) -> None:
        self.check(interpreters.InterpreterError, Exception)
        self.check(interpreters.InterpreterNotFoundError, interpreters.InterpreterError)
        self.check(interpreters.ExecutionFailed, interpreters.InterpreterError)

    @needs("NotShareableError")
    def test_not_shareable(self) -> None:
        self.check(interpreters.NotShareableError, TypeError)

    @needs("create_queue")
    def test_of_queues(self) -> None:
        self.check(interpreters.QueueEmpty, queues.QueueError, queue.Empty)
        self.check(interpreters.QueueFull, queues.QueueError, queue.Full)
        self.check(queues.QueueNotFoundError, queues.QueueError)
        self.check(queues.ItemInterpreterDestroyed, queues.QueueError)
        self.check(queues.QueueError, Exception)


class Signatures(unittest.TestCase):
    def check(self, found: Any, wanted: Any) -> None:
        """A later version may add parameters that only keywords reach and that have a default."""
        expected, given = parameters(wanted), parameters(found)
        kinds = {name: kind for name, kind, _ in given}
        extra = [one for one in given if one[0] not in {name for name, _, _ in expected}]
        self.assertTrue(all(kinds[name] is inspect.Parameter.KEYWORD_ONLY for name, _, _ in extra), extra)
        self.assertTrue(all(default is not inspect.Parameter.empty for _, _, default in extra), extra)
        same = [
            (name, kind, ANY if name == "unbounditems" and default is getattr(queues, "UNBOUND", 0) else default)
            for name, kind, default in given
            if (name, kind, default) not in extra
        ]
        self.assertEqual(same, expected)

    @needs("create")
    def test_functions(self) -> None:
        for name in ("create", "list_all", "get_current", "get_main"):
            self.check(getattr(interpreters, name), create)
        self.assertIs(interpreters.is_shareable(obj=1), True)

    @needs("create_queue(unbounditems)")
    def test_create_queue(self) -> None:
        self.check(interpreters.create_queue, create_queue)

    @needs("Interpreter")
    def test_interpreter(self) -> None:
        for name, wanted in {
            "is_running": nothing,
            "close": nothing,
            "prepare_main": prepare_main,
            "exec": execute,
        }.items():
            with self.subTest(name):
                self.check(getattr(interpreters.Interpreter, name), wanted)

    @needs("Interpreter.call(args)", "Interpreter.call_in_thread(args)")
    def test_calls(self) -> None:
        self.check(interpreters.Interpreter.call, call)
        self.check(interpreters.Interpreter.call_in_thread, call)

    @needs("Queue")
    def test_state_of_a_queue(self) -> None:
        for name in ("empty", "full", "qsize", "get_nowait"):
            self.check(getattr(interpreters.Queue, name), nothing)

    @needs("Queue.put(block)", "Queue.put(unbounditems)", "Queue.get(block)")
    def test_put_and_get(self) -> None:
        self.check(interpreters.Queue.put, put)
        self.check(interpreters.Queue.put_nowait, put_nowait)
        self.check(interpreters.Queue.get, get)

    @needs("InterpreterPoolExecutor")
    def test_pool(self) -> None:
        executor = futures.InterpreterPoolExecutor
        self.check(executor.__init__, pool)
        self.check(executor.submit, submit)
        self.check(executor.map, map_)
        self.check(executor.shutdown, shutdown)


@needs("InterpreterPoolExecutor")
class Pools(unittest.TestCase):
    def test_public(self) -> None:
        self.assertIn("InterpreterPoolExecutor", concurrent.futures.__all__)
        self.assertIs(pools.InterpreterPoolExecutor, futures.InterpreterPoolExecutor)

    def test_is_a_thread_pool(self) -> None:
        self.assertTrue(issubclass(futures.InterpreterPoolExecutor, futures.ThreadPoolExecutor))

    def test_broken_pool(self) -> None:
        self.assertTrue(issubclass(pools.BrokenInterpreterPool, concurrent.futures.thread.BrokenThreadPool))

    @beyond("3.14 keeps a function that makes them instead")
    def test_thread_pool_keeps_what_subclasses_read(self) -> None:
        with futures.ThreadPoolExecutor(1, initializer=print, initargs=("",)) as executor:
            self.assertEqual((executor._initializer, executor._initargs), (print, ("",)))
