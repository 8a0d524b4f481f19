"""InterpreterPoolExecutor: tasks, workers, initializers, failures, and the end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import time
from typing import Any

import api_support
from api_support import Point
from api_target import NAME, SOON, Case, futures, ids, interpreters, needs, pools


@needs("InterpreterPoolExecutor")
class PoolCase(Case):
    def pool(self, *arguments: Any, **keywords: Any) -> Any:
        made = futures.InterpreterPoolExecutor(*arguments, **keywords)
        self.addCleanup(made.shutdown)
        return made


class Tasks(PoolCase):
    def setUp(self) -> None:
        self.made = self.pool(2)

    def test_result(self) -> None:
        self.assertEqual(self.made.submit(abs, -3).result(), 3)

    def test_arguments(self) -> None:
        found = self.made.submit(api_support.show, 1, [2], key=Point(3)).result()
        self.assertEqual(found, ((1, [2]), {"key": Point(3)}))

    def test_any_keyword(self) -> None:
        self.assertEqual(self.made.submit(dict, self=1, fn=2).result(), {"self": 1, "fn": 2})

    def test_functions(self) -> None:
        self.assertEqual(self.made.submit(lambda x: x + 1, 1).result(), 2)
        self.assertEqual(self.made.submit(Point(1).shifted, 2).result(), Point(3))

    def test_many(self) -> None:
        pending = [self.made.submit(pow, n, 2) for n in range(300)]
        self.assertEqual([one.result() for one in pending], [n * n for n in range(300)])

    def test_as_completed(self) -> None:
        pending = {self.made.submit(abs, -n) for n in range(10)}
        self.assertEqual({one.result() for one in concurrent.futures.as_completed(pending)}, set(range(10)))

    def test_wait(self) -> None:
        done, waiting = concurrent.futures.wait([self.made.submit(abs, -n) for n in range(10)])
        self.assertEqual((len(done), len(waiting)), (10, 0))

    def test_callback(self) -> None:
        seen: list[Any] = []
        called = threading.Event()

        def callback(future: Any) -> None:
            seen.append(future.result())
            called.set()

        self.made.submit(abs, -3).add_done_callback(callback)
        self.assertTrue(called.wait(SOON))
        self.assertEqual(seen, [3])

    def test_map(self) -> None:
        self.assertEqual(list(self.made.map(pow, range(50), [2] * 50)), [n * n for n in range(50)])
        self.assertEqual(list(self.made.map(abs, [])), [])
        self.assertEqual(list(self.made.map(pow, [2, 3], [1, 2, 3])), [2, 9])

    def test_map_in_chunks(self) -> None:
        for chunksize in (1, 3, 7, 100):
            with self.subTest(chunksize):
                self.assertEqual(list(self.made.map(abs, range(-20, 0), chunksize=chunksize)), list(range(20, 0, -1)))

    def test_map_times_out(self) -> None:
        with self.assertRaises(TimeoutError):
            list(self.made.map(time.sleep, [1], timeout=0.1))

    def test_map_fails(self) -> None:
        found = self.made.map(int, ["1", "2", "x", "4"])
        self.assertEqual([next(found), next(found)], [1, 2])
        with self.assertRaises(ValueError):
            next(found)

    def test_at_the_same_time(self) -> None:
        """Each task waits for the other."""
        here, there = self.queue(), self.queue()

        def meet(say: Any, hear: Any) -> str:
            say.put(1)
            hear.get()
            return "met"

        pending = [self.made.submit(meet, here, there), self.made.submit(meet, there, here)]
        self.assertEqual([one.result(SOON) for one in pending], ["met", "met"])

    def test_with_asyncio(self) -> None:
        async def work() -> list[Any]:
            loop = asyncio.get_running_loop()
            return await asyncio.gather(*(loop.run_in_executor(self.made, abs, -n) for n in range(5)))

        self.assertEqual(asyncio.run(work()), list(range(5)))


class Workers(PoolCase):
    def test_other_interpreters(self) -> None:
        made = self.pool(2)
        found = {one.result() for one in [made.submit(api_support.current, NAME) for _ in range(10)]}
        self.assertNotIn(interpreters.get_main().id, found)

    def test_one_interpreter_each(self) -> None:
        made, here, there = self.pool(2), self.queue(), self.queue()

        def meet(say: Any, hear: Any, module: str) -> int:
            say.put(1)
            hear.get()
            return int(__import__(module, fromlist=["x"]).get_current().id)

        pending = [made.submit(meet, here, there, NAME), made.submit(meet, there, here, NAME)]
        self.assertEqual(len({one.result(SOON) for one in pending}), 2)

    def test_modules_stay(self) -> None:
        made = self.pool(1)
        self.assertEqual([made.submit(api_support.count, "n").result() for _ in range(3)], [1, 2, 3])

    def test_default_number(self) -> None:
        cores = getattr(os, "process_cpu_count", os.cpu_count)() or 1
        self.assertEqual(self.pool()._max_workers, min(32, cores + 4))

    def test_wrong_number(self) -> None:
        for wrong in (0, -1):
            with self.subTest(wrong), self.assertRaises(ValueError):
                futures.InterpreterPoolExecutor(wrong)

    def test_names_of_threads(self) -> None:
        made = self.pool(1, thread_name_prefix="MyPool")
        made.submit(abs, -1).result()
        self.assertTrue(any(thread.name.startswith("MyPool") for thread in threading.enumerate()))

    def test_default_names_of_threads(self) -> None:
        self.pool(1).submit(abs, -1).result()
        self.assertTrue(any("InterpreterPoolExecutor" in thread.name for thread in threading.enumerate()))


class Initializers(PoolCase):
    def test_runs_before_the_tasks(self) -> None:
        made = self.pool(2, initializer=api_support.remember, initargs=("key", [1]))
        self.assertEqual([made.submit(api_support.recall, "key").result() for _ in range(10)], [[1]] * 10)

    def test_once_a_worker(self) -> None:
        made = self.pool(1, initializer=api_support.count, initargs=("n",))
        self.assertEqual([made.submit(api_support.count, "n").result() for _ in range(2)], [2, 3])

    def test_not_callable(self) -> None:
        with self.assertRaises(TypeError):
            futures.InterpreterPoolExecutor(1, initializer=5)

    def test_fails(self) -> None:
        made = self.pool(1, initializer=api_support.fail, initargs=("some text",))
        with self.assertLogs("concurrent.futures", "CRITICAL"):
            pending = made.submit(abs, -1)
            with self.assertRaises(pools.BrokenInterpreterPool):
                pending.result(SOON)
            with self.assertRaises(pools.BrokenInterpreterPool):
                made.submit(abs, -1)

    def test_cannot_be_sent(self) -> None:
        """It is told when the pool is made, or breaks the pool."""
        with self.assertRaises((pools.BrokenInterpreterPool, interpreters.NotShareableError)):
            made = self.pool(1, initializer=api_support.make_closure())
            with self.assertLogs("concurrent.futures", "CRITICAL"):
                made.submit(abs, -1).result(SOON)


class Failures(PoolCase):
    def setUp(self) -> None:
        self.made = self.pool(1)

    def failure(self, *call: Any) -> BaseException:
        found: BaseException | None = self.made.submit(*call).exception(SOON)
        assert found is not None
        return found

    def test_original(self) -> None:
        failure = self.failure(api_support.fail, "some text")
        self.assertIs(type(failure), ValueError)
        self.assertEqual(failure.args, ("some text",))

    def test_cause(self) -> None:
        cause: Any = self.failure(api_support.fail, "some text").__cause__
        self.assertIsInstance(cause, interpreters.ExecutionFailed)
        self.assertEqual(cause.excinfo.type.__name__, "ValueError")
        self.assertIn("in fail", str(cause))

    def test_attributes(self) -> None:
        careful: Any = self.failure(api_support.fail_with, "careful")
        self.assertEqual((type(careful), careful.code), (api_support.Careful, 42))
        system: Any = self.failure(api_support.fail_with, "system")
        self.assertEqual((type(system), system.errno), (FileNotFoundError, 2))

    def test_cannot_be_sent(self) -> None:
        failure: Any = self.failure(api_support.fail_with, "stubborn")
        self.assertIsInstance(failure, interpreters.ExecutionFailed)
        self.assertEqual(failure.excinfo.type.__name__, "Stubborn")

    def test_result_cannot_be_sent(self) -> None:
        failure = self.failure(api_support.make_unsendable)
        self.assertIsInstance(failure, (interpreters.NotShareableError, interpreters.ExecutionFailed))

    def test_task_cannot_be_sent(self) -> None:
        with self.assertRaises(interpreters.NotShareableError):
            self.made.submit(api_support.make_closure()).result(SOON)
        with self.assertRaises(interpreters.NotShareableError):
            self.made.submit(api_support.show, api_support.Unsendable()).result(SOON)

    def test_it_goes_on_afterwards(self) -> None:
        self.failure(api_support.fail, "some text")
        self.failure(api_support.make_unsendable)
        self.assertEqual(self.made.submit(abs, -3).result(SOON), 3)

    def test_what_ends_programs_does_not_end_a_worker(self) -> None:
        for kind in ("exit", "interrupt"):
            with self.subTest(kind):
                self.failure(api_support.fail_with, kind)
                self.assertEqual(self.made.submit(abs, -3).result(SOON), 3)


class Ends(PoolCase):
    def test_interpreters_end(self) -> None:
        before = ids()
        made = self.pool(2)
        list(made.map(abs, range(20)))
        self.assertNotEqual(ids(), before)
        made.shutdown()
        self.assertEqual(ids(), before)

    def test_context_manager(self) -> None:
        with self.pool(2) as made:
            pending = [made.submit(time.sleep, 0.05) for _ in range(4)]
        self.assertTrue(all(one.done() for one in pending))

    def test_submit_afterwards(self) -> None:
        made = self.pool(1)
        made.shutdown()
        with self.assertRaises(RuntimeError):
            made.submit(abs, -1)

    def test_cancel(self) -> None:
        made, go_on = self.pool(1), self.queue()
        first = made.submit(go_on.get)
        self.wait_until(first.running)
        later = [made.submit(abs, -n) for n in range(5)]
        made.shutdown(wait=False, cancel_futures=True)
        self.assertTrue(all(one.cancelled() for one in later))
        go_on.put("done")
        self.assertEqual(first.result(SOON), "done")

    def test_without_waiting(self) -> None:
        made = self.pool(1)
        pending = made.submit(abs, -3)
        made.shutdown(wait=False)
        self.assertEqual(pending.result(SOON), 3)

    def test_twice(self) -> None:
        made = self.pool(1)
        made.shutdown()
        made.shutdown()

    def test_a_program_may_leave_it_open(self) -> None:
        source = (
            "from concurrent.futures import InterpreterPoolExecutor\n"
            "pool = InterpreterPoolExecutor(2)\n"
            "print(pool.submit(abs, -3).result())\n"
        )
        self.assertEqual(self.script(source), "3\n")

    def test_functions_of_main(self) -> None:
        source = (
            "from concurrent.futures import InterpreterPoolExecutor\n"
            "FACTOR = 3\n"
            "def scaled(n):\n    return n * FACTOR\n"
            "if __name__ == '__main__':\n"
            "    with InterpreterPoolExecutor(2) as pool:\n"
            "        print(list(pool.map(scaled, range(4))))\n"
        )
        self.assertEqual(self.script(source), "[0, 3, 6, 9]\n")
