"""Calling objects in an interpreter: what travels there and back, and how exceptions do."""

from __future__ import annotations

import functools
import math
import operator
import threading
from typing import Any

import api_support
from api_support import Point
from api_target import NAME, Case, beyond, described, interpreters, needs

WITH_ARGUMENTS = ("Interpreter.call(args)", "Interpreter.call_in_thread(args)", "create_queue")
AS_ORIGINAL = "3.14 raises a plain ExecutionFailed"


@needs(*WITH_ARGUMENTS)
class Calls(Case):
    def setUp(self) -> None:
        self.there = self.interpreter()

    def test_result(self) -> None:
        self.assertEqual(self.there.call(abs, -3), 3)

    def test_no_result(self) -> None:
        self.assertIsNone(self.there.call(int.__init__, 1))

    def test_in_that_interpreter(self) -> None:
        self.assertEqual(self.there.call(api_support.current, NAME), self.there.id)

    def test_in_this_thread(self) -> None:
        self.assertEqual(self.there.call(threading.get_ident), threading.get_ident())

    def test_arguments(self) -> None:
        self.assertEqual(self.there.call(api_support.show, 1, "two", key=3.0), ((1, "two"), {"key": 3.0}))
        self.assertEqual(self.there.call(api_support.show), ((), {}))

    def test_any_keyword(self) -> None:
        """The parameters of call() itself have no names that could be in the way."""
        self.assertEqual(self.there.call(dict, self=1, callable=2, args=3), {"self": 1, "callable": 2, "args": 3})

    def test_shareable_values(self) -> None:
        for value in (None, True, 0, -1, 1.5, "text", b"bytes", (), (1, ("two", (b"3",)))):
            with self.subTest(value):
                self.assertEqual(self.there.call(api_support.show, value), ((value,), {}))

    def test_pickled_values(self) -> None:
        values: list[Any] = [
            [1, [2]],
            {"a": {"b": 1}},
            {1, 2},
            frozenset("ab"),
            2**200,
            1j,
            range(5),
            Point(1, 2, ["x"]),
        ]
        for value in values:
            with self.subTest(value):
                self.assertEqual(self.there.call(api_support.show, value), ((value,), {}))

    def test_named_values(self) -> None:
        for value in (
            ...,
            NotImplemented,
            object,
            Point,
            ValueError,
            len,
            math.sin,
            api_support.recall,
            api_support.Point,
        ):
            with self.subTest(value):
                self.assertIs(self.there.call(api_support.show, value)[0][0], value)

    def test_exceptions_as_values(self) -> None:
        found = self.there.call(api_support.show, ValueError("a", 1))[0][0]
        self.assertEqual((type(found), found.args), (ValueError, ("a", 1)))

    def test_values_are_copies(self) -> None:
        point = Point(1)
        self.there.call(api_support.remember, "point", point)
        point.x = 2
        self.assertEqual(self.there.call(api_support.recall, "point"), Point(1))

    def test_queue(self) -> None:
        queue = self.queue()
        self.there.call(api_support.remember, "queue", queue)
        self.assertEqual(self.there.call(api_support.recall, "queue"), queue)

    def test_memoryview(self) -> None:
        data = bytearray(4)
        self.there.call(operator.setitem, memoryview(data), 1, 7)
        self.assertEqual(data, b"\0\7\0\0")

    def test_interpreter(self) -> None:
        self.assertIs(self.there.call(api_support.show, self.there)[0][0], self.there)

    def test_stateless_function(self) -> None:
        def stateless(x: int, y: int) -> int:
            return sum(divmod(x, y))

        self.assertEqual(self.there.call(stateless, 17, 5), 5)

    def test_stateless_lambda(self) -> None:
        self.assertEqual(self.there.call(lambda x: x + 1, 1), 2)

    def test_stateless_functions_see_main(self) -> None:
        self.there.exec("x = 42")
        self.assertEqual(self.there.call(lambda name: globals()[name], "x"), 42)
        self.assertEqual(self.there.call(lambda: globals()["__name__"]), "__main__")

    def test_stateless_function_as_a_value(self) -> None:
        self.assertEqual(self.there.call(lambda f, x: f(f(x)), lambda x: x * 3, 2), 18)
        self.assertEqual(self.there.call(lambda: lambda x: x + 1)(1), 2)

    def test_functions_that_look_at_the_caller(self) -> None:
        """They find the names of __main__."""
        self.there.exec("x = 42")
        self.assertEqual(self.there.call(eval, "x + 1"), 43)
        self.there.call(exec, "y = x")
        self.there.exec("assert y == 42")
        self.assertIn("y", self.there.call(dir))

    def test_function_found_by_its_name(self) -> None:
        """It uses globals of its module, which are those over there."""
        api_support.remember("n", 100)
        self.assertEqual([self.there.call(api_support.count, "n") for _ in range(2)], [1, 2])

    def test_other_callables(self) -> None:
        self.assertEqual(self.there.call(Point, 1, y=2), Point(1, 2))
        self.assertEqual(self.there.call(Point(1).shifted, 4), Point(5))
        self.assertEqual(self.there.call(functools.partial(divmod, 17), 5), (3, 2))
        self.assertEqual(self.there.call(operator.attrgetter("x"), Point(9)), 9)
        self.assertEqual(self.there.call("a-b".split, "-"), ["a", "b"])
        self.assertEqual(self.there.call(math.hypot, 3, 4), 5.0)

    def test_not_callable(self) -> None:
        for wrong in (None, 1, "text"):
            with self.subTest(wrong), self.assertRaises((TypeError, interpreters.ExecutionFailed)):
                self.there.call(wrong)

    def test_no_callable(self) -> None:
        with self.assertRaises(TypeError):
            self.there.call()

    def test_names_of_main_stay(self) -> None:
        self.there.exec("x = 1")
        self.there.call(abs, -1)
        self.there.exec("assert x == 1")

    def test_while_running(self) -> None:
        there, finish = self.occupied()
        with self.assertRaises(interpreters.InterpreterError):
            there.call(abs, -1)
        finish()
        self.assertEqual(there.call(abs, -1), 1)

    def test_many_times(self) -> None:
        self.assertEqual([self.there.call(operator.add, n, 1) for n in range(300)], list(range(1, 301)))


@needs(*WITH_ARGUMENTS)
class CannotBeSent(Case):
    def setUp(self) -> None:
        self.there = self.interpreter()

    def test_closure(self) -> None:
        with self.assertRaises(interpreters.NotShareableError):
            self.there.call(api_support.make_closure())

    def test_argument(self) -> None:
        with self.assertRaises(interpreters.NotShareableError):
            self.there.call(api_support.show, api_support.Unsendable())

    def test_keyword_argument(self) -> None:
        with self.assertRaises(interpreters.NotShareableError):
            self.there.call(api_support.show, key=api_support.Unsendable())

    def test_result(self) -> None:
        for function in (api_support.make_unsendable, api_support.make_closure):
            with self.subTest(function), self.assertRaises(interpreters.NotShareableError):
                self.there.call(function)

    def test_function_that_is_not_found(self) -> None:
        def pretended() -> str:
            return __name__

        pretended.__qualname__ = "pretended"
        with self.assertRaises(interpreters.NotShareableError):
            self.there.call(pretended)

    def test_the_message_helps(self) -> None:
        with self.assertRaises(interpreters.NotShareableError) as caught:
            self.there.call(api_support.show, api_support.Unsendable())
        self.assertIn("Unsendable", str(caught.exception))

    @beyond("3.14 says only that it is not shareable")
    def test_the_message_says_what_can_be_sent(self) -> None:
        with self.assertRaises(interpreters.NotShareableError) as caught:
            self.there.call(api_support.make_closure())
        self.assertIn("closure", str(caught.exception))
        self.assertIn("can be sent", str(caught.exception))

    def test_it_goes_on_afterwards(self) -> None:
        self.test_closure()
        self.test_result()
        self.assertIs(self.there.is_running(), False)
        self.assertEqual(self.there.call(abs, -3), 3)


@needs(*WITH_ARGUMENTS)
class Exceptions(Case):
    """In every version an ExecutionFailed tells what happened; here it is the cause of the original exception."""

    def setUp(self) -> None:
        self.there = self.interpreter()

    def failure(self, *call: Any) -> BaseException:
        try:
            self.there.call(*call)
        except BaseException as problem:
            return problem
        raise self.failureException("nothing was raised")

    def description(self, *call: Any) -> Any:
        found = described(self.failure(*call))
        self.assertIsInstance(found, interpreters.ExecutionFailed)
        return found.excinfo

    def test_excinfo(self) -> None:
        info = self.description(api_support.fail, "some text")
        self.assertEqual(info.type.__name__, "ValueError")
        self.assertEqual(info.msg, "some text")
        self.assertEqual(info.formatted, "ValueError: some text")

    def test_traceback(self) -> None:
        shown = self.description(api_support.fail, "some text").errdisplay
        self.assertIn("Traceback (most recent call last):", shown)
        self.assertIn("in fail", shown)
        self.assertIn("ValueError: some text", shown)

    def test_chain(self) -> None:
        shown = self.description(api_support.fail_with_cause).errdisplay
        self.assertIn("ZeroDivisionError", shown)

    def test_cannot_be_sent(self) -> None:
        failure: Any = self.failure(api_support.fail_with, "stubborn")
        self.assertIsInstance(failure, interpreters.ExecutionFailed)
        self.assertEqual(failure.excinfo.type.__name__, "Stubborn")

    def test_what_ends_programs(self) -> None:
        for kind, name in (("exit", "SystemExit"), ("interrupt", "KeyboardInterrupt")):
            with self.subTest(kind):
                self.assertEqual(self.description(api_support.fail_with, kind).type.__name__, name)
                self.assertEqual(self.there.call(abs, -3), 3)

    @beyond(AS_ORIGINAL)
    def test_original(self) -> None:
        failure = self.failure(api_support.fail, "some text")
        self.assertIsInstance(failure, ValueError)
        self.assertEqual(failure.args, ("some text",))
        self.assertEqual(str(failure), "some text")

    @beyond(AS_ORIGINAL)
    def test_original_with_attributes(self) -> None:
        careful: Any = self.failure(api_support.fail_with, "careful")
        self.assertIsInstance(careful, api_support.Careful)
        self.assertEqual(careful.code, 42)
        system: Any = self.failure(api_support.fail_with, "system")
        self.assertIsInstance(system, FileNotFoundError)
        self.assertEqual((system.errno, system.strerror, system.filename), (2, "gone", "/nowhere"))

    @beyond(AS_ORIGINAL)
    def test_original_shows_the_traceback(self) -> None:
        cause = self.failure(api_support.fail, "some text").__cause__
        self.assertIsInstance(cause, interpreters.ExecutionFailed)
        self.assertIn("in fail", str(cause))

    def test_it_goes_on_afterwards(self) -> None:
        self.failure(api_support.fail, "some text")
        self.assertIs(self.there.is_running(), False)
        self.assertEqual(self.there.call(abs, -3), 3)


@needs(*WITH_ARGUMENTS)
class InThread(Case):
    def setUp(self) -> None:
        self.there = self.interpreter()

    def test_thread(self) -> None:
        out = self.queue()
        thread = self.there.call_in_thread(api_support.current, NAME)
        self.assertIsInstance(thread, threading.Thread)
        self.assertIsNotNone(thread.ident)  # it was started
        thread.join()
        thread = self.there.call_in_thread(out.put, "done")
        thread.join()
        self.assertEqual(out.get_nowait(), "done")

    def test_arguments(self) -> None:
        self.there.call_in_thread(api_support.remember, "a", value=[1]).join()
        self.assertEqual(self.there.call(api_support.recall, "a"), [1])

    def test_exceptions_are_shown(self) -> None:
        seen: list[Any] = []
        before, threading.excepthook = threading.excepthook, lambda given: seen.append(given.exc_value)
        try:
            self.there.call_in_thread(api_support.fail, "some text").join()
        finally:
            threading.excepthook = before
        self.assertEqual(described(seen[0]).excinfo.msg, "some text")

    def test_at_the_same_time(self) -> None:
        """Each waits for the other."""
        there, other = self.queue(), self.queue()

        def meet(say: Any, hear: Any) -> None:
            say.put(1)
            hear.get()

        threads = [self.there.call_in_thread(meet, there, other)]
        threads.append(self.interpreter().call_in_thread(meet, other, there))
        for thread in threads:
            thread.join(10)
            self.assertFalse(thread.is_alive())


@needs("Interpreter.call_in_thread")
class WithoutArguments(Case):
    """What Python 3.13 has."""

    def test_call(self) -> None:
        def stateless() -> None:
            int("1")

        self.assertIsNone(self.interpreter().call(stateless))

    def test_failure(self) -> None:
        def stateless() -> None:
            raise ValueError("some text")

        with self.assertRaises((interpreters.ExecutionFailed, ValueError)) as caught:
            self.interpreter().call(stateless)
        self.assertEqual(described(caught.exception).excinfo.msg, "some text")

    def test_thread(self) -> None:
        def stateless() -> None:
            int("1")

        thread = self.interpreter().call_in_thread(stateless)
        self.assertIsInstance(thread, threading.Thread)
        thread.join()
