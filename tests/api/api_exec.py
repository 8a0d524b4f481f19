"""Running source text in an interpreter, binding names before, and what failures look like."""

from __future__ import annotations

import threading

from api_target import NAME, Case, beyond, interpreters, needs


class Exec(Case):
    def test_returns_none(self) -> None:
        self.assertIsNone(self.interpreter().exec("1 + 1"))

    @needs("create_queue")
    def test_in_main(self) -> None:
        self.assertEqual(self.answer(self.interpreter(), "__name__"), "__main__")

    def test_names_stay(self) -> None:
        made = self.interpreter()
        made.exec("x = 1\ndef double(): return 2 * x")
        made.exec("x = 21")
        made.exec("assert double() == 42")

    def test_empty(self) -> None:
        self.assertIsNone(self.interpreter().exec(""))

    def test_not_ascii(self) -> None:
        self.interpreter().exec("ж = '\U0001f40d'\nassert len(ж) == 1")

    def test_wrong_type(self) -> None:
        for wrong in (None, 1, b"pass", ["pass"]):
            with self.subTest(wrong), self.assertRaises((TypeError, ValueError)):
                self.interpreter().exec(wrong)

    def test_parameter_has_no_name(self) -> None:
        with self.assertRaises(TypeError):
            self.interpreter().exec(code="pass")

    @needs("create_queue")
    def test_while_running(self) -> None:
        made, finish = self.occupied()
        with self.assertRaises(interpreters.InterpreterError):
            made.exec("pass")
        finish()
        made.exec("pass")

    def test_itself(self) -> None:
        with self.assertRaises(interpreters.ExecutionFailed) as caught:
            self.interpreter().exec(f"import {NAME} as api\napi.get_current().exec('pass')")
        self.assertEqual(caught.exception.excinfo.type.__name__, "InterpreterError")

    def test_in_many_threads(self) -> None:
        made = [self.interpreter() for _ in range(4)]
        threads = [self.thread(one.exec, "x = sum(range(20000))") for one in made]
        for thread in threads:
            thread.join()
        for one in made:
            one.exec("assert x == 199990000")

    @needs("create_queue")
    def test_async_code(self) -> None:
        made = self.interpreter()
        made.exec(
            "import asyncio\n"
            "async def work():\n"
            "    await asyncio.sleep(0)\n"
            "    return 42\n"
            "result = asyncio.run(work())"
        )
        self.assertEqual(self.answer(made, "result"), 42)


class Failed(Case):
    def failure(self, code: str) -> interpreters.ExecutionFailed:
        with self.assertRaises(interpreters.ExecutionFailed) as caught:
            self.interpreter().exec(code)
        return caught.exception

    def test_excinfo(self) -> None:
        info = self.failure("raise ValueError('some text')").excinfo
        self.assertEqual(info.type.__name__, "ValueError")
        self.assertEqual(info.type.__qualname__, "ValueError")
        self.assertEqual(info.type.__module__, "builtins")
        self.assertEqual(info.msg, "some text")
        self.assertEqual(info.formatted, "ValueError: some text")

    def test_traceback(self) -> None:
        shown = self.failure("def deep():\n    1 / 0\n\ndeep()").excinfo.errdisplay
        self.assertIn("Traceback (most recent call last):", shown)
        self.assertIn("in deep", shown)
        self.assertIn("ZeroDivisionError: division by zero", shown)

    def test_text(self) -> None:
        failure = self.failure("raise ValueError('some text')")
        self.assertIn("ValueError: some text", str(failure))
        self.assertIn("Traceback (most recent call last):", str(failure))

    def test_chain(self) -> None:
        code = "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('above') from e"
        shown = self.failure(code).excinfo.errdisplay
        self.assertIn("ZeroDivisionError", shown)
        self.assertIn("direct cause", shown)

    def test_class_of_its_own(self) -> None:
        info = self.failure("class Outer:\n    class Wrong(Exception): pass\nraise Outer.Wrong('x')").excinfo
        self.assertEqual(info.type.__name__, "Wrong")
        self.assertEqual(info.type.__qualname__, "Outer.Wrong")
        self.assertEqual(info.type.__module__, "__main__")

    def test_without_message(self) -> None:
        info = self.failure("raise ValueError").excinfo
        self.assertEqual(info.type.__name__, "ValueError")
        self.assertIn("ValueError", info.formatted)

    def test_syntax(self) -> None:
        self.assertEqual(self.failure("x = = 1").excinfo.type.__name__, "SyntaxError")

    def test_what_ends_programs_does_not_end_this_one(self) -> None:
        for name in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
            with self.subTest(name):
                self.assertEqual(self.failure(f"raise {name}").excinfo.type.__name__, name)

    def test_message_that_cannot_be_made(self) -> None:
        code = "class Bad(Exception):\n    def __str__(self): 1 / 0\nraise Bad"
        self.assertEqual(self.failure(code).excinfo.type.__name__, "Bad")

    def test_not_ascii(self) -> None:
        self.assertEqual(self.failure("raise ValueError('ж\U0001f40d')").excinfo.msg, "ж\U0001f40d")

    def test_it_goes_on_afterwards(self) -> None:
        made = self.interpreter()
        with self.assertRaises(interpreters.ExecutionFailed):
            made.exec("x = 1\nraise ValueError")
        self.assertIs(made.is_running(), False)
        made.exec("assert x == 1")

    def test_in_another_thread(self) -> None:
        made, caught = self.interpreter(), []

        def run() -> None:
            try:
                made.exec("raise ValueError('some text')")
            except interpreters.ExecutionFailed as problem:
                caught.append(problem)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        self.assertEqual(caught[0].excinfo.msg, "some text")


class PrepareMain(Case):
    def test_keywords(self) -> None:
        made = self.interpreter()
        self.assertIsNone(made.prepare_main(x=1, y="two"))
        made.exec("assert (x, y) == (1, 'two')")

    def test_mapping(self) -> None:
        made = self.interpreter()
        made.prepare_main({"x": 1, "y": "two"})
        made.exec("assert (x, y) == (1, 'two')")

    def test_both(self) -> None:
        made = self.interpreter()
        made.prepare_main({"x": 1, "y": 2}, y=3, ns=4)
        made.exec("assert (x, y, ns) == (1, 3, 4)")

    def test_pairs(self) -> None:
        made = self.interpreter()
        made.prepare_main((("x", 1), ("y", "two")), z=3)
        made.exec("assert (x, y, z) == (1, 'two', 3)")

    @beyond("3.13 and 3.14 want one name at least")
    def test_nothing(self) -> None:
        made = self.interpreter()
        made.prepare_main()
        made.prepare_main(None)
        made.prepare_main({})

    @needs("create_queue")
    def test_nothing_need_be_imported_there(self) -> None:
        queue = self.queue()
        self.bare().prepare_main(queue=queue)
        self.bare().prepare_main(view=memoryview(b"x"))

    def test_again(self) -> None:
        made = self.interpreter()
        made.prepare_main(x=1)
        made.prepare_main(x=2)
        made.exec("assert x == 2\ndel x")

    def test_the_mapping_is_not_changed(self) -> None:
        names = {"x": 1}
        self.interpreter().prepare_main(names, y=2)
        self.assertEqual(names, {"x": 1})

    def test_not_shareable(self) -> None:
        for value in ([], {}, object(), set(), print):
            with self.subTest(value), self.assertRaises(interpreters.NotShareableError):
                self.interpreter().prepare_main(x=value)

    def test_all_or_nothing(self) -> None:
        made = self.interpreter()
        with self.assertRaises(interpreters.NotShareableError):
            made.prepare_main({"first": 1, "second": []})
        made.exec("assert 'first' not in globals()")

    @needs("create_queue")
    def test_while_running(self) -> None:
        made, finish = self.occupied()
        with self.assertRaises(interpreters.InterpreterError):
            made.prepare_main(x=1)
        finish()
        made.prepare_main(x=1)
