"""Interpreters: made, found, ended, and kept apart."""

from __future__ import annotations

import gc
import os
import pickle
import threading
import time

import api_support
from api_target import NAME, SOON, Case, ids, interpreters, needs


class Finding(Case):
    def test_main_is_the_current_one(self) -> None:
        self.assertIs(interpreters.get_current(), interpreters.get_main())

    def test_create(self) -> None:
        before = ids()
        made = self.interpreter()
        self.assertIsInstance(made, interpreters.Interpreter)
        self.assertNotIn(made.id, before)
        self.assertEqual(ids() - before, {made.id})

    def test_ids_are_not_used_again(self) -> None:
        seen = set()
        for _ in range(5):
            made = interpreters.create()
            seen.add(made.id)
            made.close()
        self.assertEqual(len(seen), 5)

    def test_list_all(self) -> None:
        made = {self.interpreter() for _ in range(3)}
        found = interpreters.list_all()
        self.assertIsInstance(found, list)
        self.assertTrue({*made, interpreters.get_main()} <= set(found))
        self.assertEqual(len(found), len(set(found)))

    def test_one_instance_an_id(self) -> None:
        made = self.interpreter()
        self.assertIs(interpreters.Interpreter(made.id), made)
        self.assertTrue(any(one is made for one in interpreters.list_all()))

    def test_wrong_type_of_id(self) -> None:
        for wrong in ("1", 1.0, None, [1], object()):
            with self.subTest(wrong), self.assertRaises(TypeError):
                interpreters.Interpreter(wrong)

    def test_unknown_id(self) -> None:
        with self.assertRaises(interpreters.InterpreterNotFoundError):
            interpreters.Interpreter(1_000_000_000)

    def test_attributes_are_read_only(self) -> None:
        made = self.interpreter()
        for name in ("id", "whence"):
            with self.subTest(name), self.assertRaises(AttributeError):
                setattr(made, name, 1)

    def test_whence(self) -> None:
        self.assertEqual(interpreters.get_main().whence, "runtime init")
        made = self.interpreter()
        self.assertIsInstance(made.whence, str)
        self.assertNotEqual(made.whence, interpreters.get_main().whence)

    def test_equality(self) -> None:
        first, second = self.interpreter(), self.interpreter()
        self.assertNotEqual(first, second)
        self.assertEqual(len({first, second, interpreters.Interpreter(first.id)}), 2)

    def test_hash(self) -> None:
        made = self.interpreter()
        self.assertEqual(hash(made), hash(made.id))

    def test_in_the_order_in_which_they_were_made(self) -> None:
        made = [self.interpreter() for _ in range(3)]
        self.assertEqual(interpreters.list_all(), [interpreters.get_main(), *made])

    def test_repr(self) -> None:
        made = self.interpreter()
        self.assertEqual(repr(made), f"Interpreter({made.id})")

    def test_pickle(self) -> None:
        made = self.interpreter()
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            self.assertIs(pickle.loads(pickle.dumps(made, protocol)), made)

    def test_from_inside(self) -> None:
        made = self.interpreter()
        made.exec(f"import {NAME} as api")
        self.assertEqual(self.answer(made, "api.get_current().id"), made.id)
        self.assertEqual(self.answer(made, "api.get_main().id"), interpreters.get_main().id)
        self.assertEqual(set(self.answer(made, "tuple(i.id for i in api.list_all())")), ids())


class Running(Case):
    def test_idle(self) -> None:
        self.assertIs(self.interpreter().is_running(), False)

    def test_main(self) -> None:
        self.assertIs(interpreters.get_main().is_running(), True)

    @needs("create_queue")
    def test_running(self) -> None:
        made, finish = self.occupied()
        self.assertIs(made.is_running(), True)
        finish()
        self.assertIs(made.is_running(), False)

    @needs("create_queue")
    def test_threads_of_it_do_not_count(self) -> None:
        made, go_on = self.interpreter(), self.queue()
        made.prepare_main(go_on=go_on)
        made.exec("import threading\nt = threading.Thread(target=go_on.get)\nt.start()")
        self.assertIs(made.is_running(), False)
        go_on.put(None)
        made.exec("t.join()")

    @needs("create_queue")
    def test_from_inside(self) -> None:
        made = self.interpreter()
        made.exec(f"import {NAME} as api")
        self.assertIs(self.answer(made, "api.get_current().is_running()"), True)

    def test_ended(self) -> None:
        made = self.interpreter()
        made.close()
        with self.assertRaises(interpreters.InterpreterNotFoundError):
            made.is_running()


class Closing(Case):
    def test_close(self) -> None:
        made = self.interpreter()
        self.assertIsNone(made.close())
        self.assertNotIn(made.id, ids())

    def test_twice(self) -> None:
        made = self.interpreter()
        made.close()
        with self.assertRaises(interpreters.InterpreterNotFoundError):
            made.close()

    def test_current(self) -> None:
        made = self.interpreter()
        with self.assertRaises(interpreters.ExecutionFailed) as caught:
            made.exec(f"import {NAME} as api\napi.get_current().close()")
        self.assertEqual(caught.exception.excinfo.type.__name__, "InterpreterError")
        self.assertIn(made.id, ids())

    @needs("create_queue")
    def test_running(self) -> None:
        made, finish = self.occupied()
        with self.assertRaises(interpreters.InterpreterError):
            made.close()
        finish()
        made.close()

    def test_nothing_works_afterwards(self) -> None:
        made = self.interpreter()
        made.close()
        for name, argument in (("exec", "pass"), ("prepare_main", {"x": 1}), ("call", print)):
            with self.subTest(name), self.assertRaises(interpreters.InterpreterNotFoundError):
                getattr(made, name)(argument)

    def test_last_reference(self) -> None:
        made = interpreters.create()
        number = made.id
        self.assertIn(number, ids())
        del made
        self.assertNotIn(number, ids())

    @needs("create_queue")
    def test_a_reference_elsewhere_counts(self) -> None:
        made, holder = interpreters.create(), self.interpreter()
        number = made.id
        holder.exec(f"import {NAME} as api\nkept = api.Interpreter({number})")
        del made
        gc.collect()
        self.assertIn(number, ids())
        holder.exec("del kept")
        self.assertNotIn(number, ids())

    def test_by_another_interpreter(self) -> None:
        made, other = self.interpreter(), self.interpreter()
        other.exec(f"import {NAME} as api\napi.Interpreter({made.id}).close()")
        self.assertNotIn(made.id, ids())

    @needs("create_queue")
    def test_its_threads_are_waited_for(self) -> None:
        made, out = self.interpreter(), self.queue()
        made.prepare_main(out=out)
        made.exec(
            "import threading, time\n"
            "def late():\n    time.sleep(0.2)\n    out.put('late')\n"
            "threading.Thread(target=late).start()"
        )
        made.close()
        self.assertEqual(out.qsize(), 1)

    def test_exit_functions_run(self) -> None:
        made = self.interpreter()
        reading, writing = os.pipe()
        made.exec(f"import atexit, os\natexit.register(os.write, {writing}, b'bye')")
        made.close()
        os.close(writing)
        with open(reading, "rb") as file:  # noqa: PTH123 (it has no path)
            self.assertEqual(file.read(), b"bye")

    def test_many(self) -> None:
        before = ids()
        made = [interpreters.create() for _ in range(30)]
        for one in made:
            one.exec("x = 1")
        del made, one
        self.assertEqual(ids(), before)


class NotOurs(Case):
    """The main interpreter was not created through the module: it can be looked at only."""

    def setUp(self) -> None:
        self.main = interpreters.get_main()

    def test_exec(self) -> None:
        with self.assertRaises(interpreters.InterpreterError):
            self.main.exec("pass")

    def test_call(self) -> None:
        with self.assertRaises(interpreters.InterpreterError):
            self.main.call(print)

    def test_prepare_main(self) -> None:
        with self.assertRaises(interpreters.InterpreterError):
            self.main.prepare_main(x=1)

    def test_close(self) -> None:
        with self.assertRaises(interpreters.InterpreterError):
            self.main.close()

    def test_from_another_interpreter(self) -> None:
        for action in ("exec('pass')", "prepare_main(x=1)", "close()"):
            made = self.interpreter()
            with self.subTest(action), self.assertRaises(interpreters.ExecutionFailed) as caught:
                made.exec(f"import {NAME} as api\napi.get_main().{action}")
            self.assertEqual(caught.exception.excinfo.type.__name__, "InterpreterError")


class Apart(Case):
    @needs("create_queue")
    def test_modules(self) -> None:
        made = self.interpreter()
        made.exec("import api_support\napi_support.remember('key', 'there')")
        self.assertIsNone(api_support.recall("key"))
        self.assertEqual(self.answer(made, "api_support.recall('key')"), "there")

    def test_builtins(self) -> None:
        made = self.interpreter()
        made.exec("import builtins\nbuiltins.only_there = 1\nbuiltins.len = None")
        self.assertEqual(len("ab"), 2)
        with self.assertRaises(NameError):
            only_there  # type: ignore[name-defined] # noqa: B018, F821

    @needs("create_queue")
    def test_environment_of_the_process_is_common(self) -> None:
        made = self.interpreter()
        made.exec("import os")
        self.assertEqual(self.answer(made, "os.getpid()"), os.getpid())

    @needs("create_queue")
    def test_they_run_in_the_calling_thread(self) -> None:
        made = self.interpreter()
        made.exec("import threading")
        self.assertEqual(self.answer(made, "threading.get_ident()"), threading.get_ident())

    @needs("create_queue")
    def test_others_go_on_meanwhile(self) -> None:
        made, out = self.interpreter(), self.queue()
        made.prepare_main(out=out)
        thread = self.thread(made.exec, "out.put(1)\nimport time\ntime.sleep(0.3)\nout.put(2)")
        self.assertEqual(out.get(), 1)
        started = time.monotonic()
        self.assertEqual(sum(range(1000)), 499500)
        self.assertLess(time.monotonic() - started, SOON)
        thread.join(SOON)
        self.assertEqual(out.get(), 2)

    def test_interpreters_make_interpreters(self) -> None:
        made = self.interpreter()
        made.exec(
            f"import {NAME} as api\n"
            "inner = api.create()\n"
            "inner.exec('x = 40')\n"
            "inner.exec('assert x + 2 == 42')\n"
            "inner.close()"
        )


class Isolated(Case):
    """What would harm the whole process is refused; another program can be run."""

    def refused(self, code: str) -> None:
        with self.assertRaises(interpreters.ExecutionFailed) as caught:
            self.interpreter().exec(code)
        self.assertEqual(caught.exception.excinfo.type.__name__, "RuntimeError")

    def test_fork(self) -> None:
        self.refused("import os\nif os.fork() == 0: os._exit(0)")

    def test_replace_the_process(self) -> None:
        self.refused("import os, sys\nos.execv(sys.executable, [sys.executable, '-c', ''])")

    def test_daemon_threads(self) -> None:
        self.refused("import threading\nthreading.Thread(target=print, daemon=True).start()")

    def test_threads(self) -> None:
        self.interpreter().exec("import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()")

    def test_other_programs(self) -> None:
        self.interpreter().exec(
            "import subprocess, sys\n"
            "done = subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True)\n"
            "assert done.stdout == '42\\n', done"
        )
