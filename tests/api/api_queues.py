"""Queues: state, order, waiting, and use from many threads of many interpreters."""

from __future__ import annotations

import gc
import pickle
import queue as plain
import signal
import threading
import time
from typing import Any

from api_target import NAME, SOON, Case, beyond, interpreters, needs, queues

WHOLE_SECONDS = "3.13 and 3.14 cut the timeout to whole seconds"
POLLS = "3.13 and 3.14 look every 10 milliseconds"


def put_later(queue: Any, seconds: float) -> None:
    """Put an item after some time."""
    time.sleep(seconds)
    queue.put("late")


@needs("create_queue")
class State(Case):
    def test_defaults(self) -> None:
        queue = self.queue()
        self.assertIsInstance(queue, interpreters.Queue)
        self.assertIsInstance(queue.id, int)
        self.assertEqual(queue.maxsize, 0)

    @needs("Queue.unbounditems")
    def test_default_for_unbound_items(self) -> None:
        self.assertIs(self.queue().unbounditems, queues.UNBOUND)
        for items in (queues.UNBOUND, queues.UNBOUND_ERROR, queues.UNBOUND_REMOVE):
            self.assertIs(self.queue(unbounditems=items).unbounditems, items)

    def test_ids(self) -> None:
        self.assertNotEqual(self.queue().id, (other := self.queue()).id)
        self.assertIs(interpreters.Queue(other.id), other)

    def test_wrong_type_of_id(self) -> None:
        for wrong in ("1", 1.0, None):
            with self.subTest(wrong), self.assertRaises(TypeError):
                interpreters.Queue(wrong)

    def test_unknown_id(self) -> None:
        with self.assertRaises(queues.QueueNotFoundError):
            interpreters.Queue(1_000_000_000)

    def test_read_only(self) -> None:
        for name in ("id", "maxsize"):
            with self.subTest(name), self.assertRaises(AttributeError):
                setattr(self.queue(), name, 1)

    def test_equality(self) -> None:
        first, second = self.queue(), self.queue()
        self.assertEqual(len({first, second, interpreters.Queue(first.id)}), 2)

    def test_repr(self) -> None:
        queue = self.queue()
        self.assertEqual(repr(queue), f"Queue({queue.id})")

    def test_pickle(self) -> None:
        queue = self.queue()
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            self.assertIs(pickle.loads(pickle.dumps(queue, protocol)), queue)

    def test_counts(self) -> None:
        queue = self.queue(2)
        seen = [(queue.qsize(), queue.empty(), queue.full())]
        for step in (queue.put, queue.put, lambda _: queue.get(), lambda _: queue.get()):
            step(1)
            seen.append((queue.qsize(), queue.empty(), queue.full()))
        middle = (1, False, False)
        self.assertEqual(seen, [(0, True, False), middle, (2, False, True), middle, (0, True, False)])

    def test_no_limit(self) -> None:
        for maxsize in (0, -1):
            queue = self.queue(maxsize)
            for n in range(1000):
                queue.put_nowait(n)
            self.assertIs(queue.full(), False)
            self.assertEqual(queue.qsize(), 1000)

    def test_maxsize(self) -> None:
        self.assertEqual(self.queue(7).maxsize, 7)
        self.assertEqual(self.queue(maxsize=7).maxsize, 7)
        with self.assertRaises(TypeError):
            self.queue("7")

    def test_maxsize_is_seen_elsewhere(self) -> None:
        self.assertEqual(self.answer(self.interpreter(), "q.maxsize", q=self.queue(7)), 7)

    @needs("create_queue")
    def test_list_all(self) -> None:
        made = [self.queue() for _ in range(3)]
        self.assertTrue(set(made) <= set(queues.list_all()))

    @needs("create_queue(unbounditems)")
    def test_wrong_unbound_items(self) -> None:
        for wrong in ("remove", object(), 99.5):
            with self.subTest(wrong), self.assertRaises((ValueError, TypeError, NotImplementedError)):
                self.queue(unbounditems=wrong)


@needs("create_queue")
class Order(Case):
    def test_first_in_first_out(self) -> None:
        queue = self.queue()
        for n in range(100):
            queue.put(n)
        self.assertEqual([queue.get() for _ in range(100)], list(range(100)))

    def test_all_kinds_of_items(self) -> None:
        queue, items = self.queue(), [None, 1, "two", (3, b"4"), [5], {"six": 7}]
        for item in items:
            queue.put(item)
        self.assertEqual([queue.get() for _ in items], items)

    def test_items_are_copies(self) -> None:
        queue, item = self.queue(), [1]
        queue.put(item)
        item.append(2)
        self.assertEqual(queue.get(), [1])

    def test_there_and_back(self) -> None:
        there, going, coming = self.interpreter(), self.queue(), self.queue()
        there.prepare_main(going=going, coming=coming)
        for n in range(50):
            going.put(n)
        there.exec("for _ in range(50): coming.put(going.get() * 2)")
        self.assertEqual([coming.get() for _ in range(50)], list(range(0, 100, 2)))


@needs("create_queue")
class NotWaiting(Case):
    def test_empty(self) -> None:
        with self.assertRaises(interpreters.QueueEmpty):
            self.queue().get_nowait()

    def test_full(self) -> None:
        queue = self.queue(1)
        queue.put_nowait(1)
        with self.assertRaises(interpreters.QueueFull):
            queue.put_nowait(2)
        self.assertEqual((queue.qsize(), queue.get()), (1, 1))

    def test_exceptions_of_the_queue_module(self) -> None:
        with self.assertRaises(plain.Empty):
            self.queue().get_nowait()

    @needs("Queue.put(block)", "Queue.get(block)")
    def test_block_is_false(self) -> None:
        queue = self.queue(1)
        with self.assertRaises(interpreters.QueueEmpty):
            queue.get(False)
        with self.assertRaises(interpreters.QueueEmpty):
            queue.get(block=False, timeout=10)
        queue.put(1, block=False)
        with self.assertRaises(interpreters.QueueFull):
            queue.put(2, False)

    def test_zero(self) -> None:
        queue = self.queue(1)
        with self.assertRaises(interpreters.QueueEmpty):
            queue.get(timeout=0)
        queue.put(1, timeout=0)
        with self.assertRaises(interpreters.QueueFull):
            queue.put(2, timeout=0)

    def test_negative(self) -> None:
        queue = self.queue(1)
        with self.assertRaises(ValueError):
            queue.get(timeout=-1)
        with self.assertRaises(ValueError):
            queue.put(1, timeout=-1)


@needs("create_queue")
class Waiting(Case):
    def test_get_waits(self) -> None:
        queue, got = self.queue(), []
        thread = self.thread(lambda: got.append(queue.get()))
        time.sleep(0.1)
        self.assertEqual(got, [])
        queue.put("item")
        thread.join(SOON)
        self.assertEqual(got, ["item"])

    def test_put_waits(self) -> None:
        queue = self.queue(1)
        queue.put(1)
        thread = self.thread(queue.put, 2)
        time.sleep(0.1)
        self.assertEqual(queue.qsize(), 1)
        self.assertEqual(queue.get(), 1)
        thread.join(SOON)
        self.assertEqual(queue.get(), 2)

    def test_other_interpreter_wakes_it(self) -> None:
        queue, there = self.queue(), self.interpreter()
        there.prepare_main(queue=queue)
        thread = self.thread(there.exec, "import time\ntime.sleep(0.1)\nqueue.put('there')")
        self.assertEqual(queue.get(), "there")
        thread.join(SOON)

    def test_timeout(self) -> None:
        queue = self.queue(1)
        started = time.monotonic()
        with self.assertRaises(interpreters.QueueEmpty):
            queue.get(timeout=1)
        queue.put(1)
        with self.assertRaises(interpreters.QueueFull):
            queue.put(2, timeout=1)
        self.assertGreaterEqual(time.monotonic() - started, 1.9)

    def test_arrival_within_the_timeout(self) -> None:
        queue = self.queue()
        self.thread(put_later, queue, 0.1)
        self.assertEqual(queue.get(timeout=10), "late")

    @beyond(WHOLE_SECONDS)
    def test_fraction_of_a_second(self) -> None:
        queue = self.queue()
        started = time.monotonic()
        with self.assertRaises(interpreters.QueueEmpty):
            queue.get(timeout=0.3)
        self.assertGreaterEqual(time.monotonic() - started, 0.29)

    @beyond(WHOLE_SECONDS)
    def test_arrival_within_a_fraction_of_a_second(self) -> None:
        queue = self.queue(1)
        self.thread(put_later, queue, 0.2)
        self.assertEqual(queue.get(timeout=0.9), "late")

    @beyond(POLLS)
    def test_no_polling(self) -> None:
        """500 round trips with two waits each; polling would take 5 seconds at least."""
        there, going, coming = self.interpreter(), self.queue(), self.queue()
        there.prepare_main(going=going, coming=coming)
        thread = self.thread(there.exec, "for _ in range(500): coming.put(going.get())")
        started = time.monotonic()
        for n in range(500):
            going.put(n)
            self.assertEqual(coming.get(), n)
        self.assertLess(time.monotonic() - started, 4)
        thread.join(SOON)

    def test_a_signal_handler_ends_the_wait(self) -> None:
        def handler(*_: object) -> None:
            raise InterruptedError("handler")

        before = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        for wait in (self.queue().get, lambda: self.full().put(1), lambda: self.queue().get(timeout=30)):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            started = time.monotonic()
            with self.assertRaises(InterruptedError):
                wait()
            self.assertLess(time.monotonic() - started, SOON)

    def full(self) -> Any:
        queue = self.queue(1)
        queue.put(0)
        return queue

    def test_a_quiet_signal_handler_does_not(self) -> None:
        queue, seen = self.queue(), []
        before = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        self.thread(put_later, queue, 0.4)
        self.assertEqual(queue.get(), "late")
        self.assertEqual(seen, [1])


@needs("create_queue")
class Lifetime(Case):
    def test_last_reference(self) -> None:
        queue = self.queue()
        queue.put([1])
        number = queue.id
        del queue
        gc.collect()
        with self.assertRaises(queues.QueueNotFoundError):
            interpreters.Queue(number)

    def test_a_reference_elsewhere_counts(self) -> None:
        there, queue = self.interpreter(), self.queue()
        queue.put("item")
        number = queue.id
        there.prepare_main(kept=queue)
        del queue
        gc.collect()
        self.assertEqual(interpreters.Queue(number).get_nowait(), "item")

    @beyond("3.13 loses a queue that is on its way")
    def test_a_reference_on_its_way_counts(self) -> None:
        inner, outer = self.queue(), self.queue()
        inner.put("item")
        outer.put(inner)
        del inner
        gc.collect()
        self.assertEqual(outer.get().get_nowait(), "item")

    def test_its_interpreter_ends(self) -> None:
        there = self.interpreter()
        there.exec(f"import {NAME} as api\nmade = api.create_queue(3)")
        made = self.answer(there, "made")
        there.close()
        made.put("item")
        self.assertEqual((made.get(), made.maxsize), ("item", 3))

    def test_many(self) -> None:
        made = [self.queue() for _ in range(2000)]
        for n, queue in enumerate(made):
            queue.put(n)
        self.assertEqual([queue.get() for queue in made], list(range(2000)))


@needs("create_queue")
class Crowds(Case):
    MEMBERS = 4
    EACH = 200

    def test_many_producers_and_consumers(self) -> None:
        """Every item arrives once."""
        items, taken = self.queue(10), self.queue()
        threads = []
        for n in range(self.MEMBERS):
            producer, consumer = self.interpreter(), self.interpreter()
            producer.prepare_main(items=items, begin=n * self.EACH, each=self.EACH)
            consumer.prepare_main(items=items, taken=taken, each=self.EACH)
            threads.append(self.thread(producer.exec, "for n in range(begin, begin + each): items.put(n)"))
            threads.append(self.thread(consumer.exec, "for _ in range(each): taken.put(items.get())"))
        for thread in threads:
            thread.join(SOON * 3)
        self.assertEqual(
            sorted(taken.get_nowait() for _ in range(taken.qsize())), list(range(self.MEMBERS * self.EACH))
        )

    def test_order_of_each_producer(self) -> None:
        items = self.queue()
        makers = [self.interpreter() for _ in range(self.MEMBERS)]
        threads = []
        for n, maker in enumerate(makers):
            maker.prepare_main(items=items, who=n, each=self.EACH)
            threads.append(self.thread(maker.exec, "for n in range(each): items.put((who, n))"))
        found = [items.get() for _ in range(self.MEMBERS * self.EACH)]
        for n in range(self.MEMBERS):
            self.assertEqual([item for who, item in found if who == n], list(range(self.EACH)))
        for thread in threads:
            thread.join(SOON)

    def test_everyone_gets_a_turn(self) -> None:
        items, counts = self.queue(), [0] * self.MEMBERS

        def consume(who: int) -> None:
            while items.get() is not None:
                counts[who] += 1

        threads = [self.thread(consume, n) for n in range(self.MEMBERS)]
        time.sleep(0.1)
        for n in range(self.MEMBERS):
            items.put(n)
        self.wait_until(items.empty)
        for _ in threads:
            items.put(None)
        for thread in threads:
            thread.join(SOON)
        self.assertEqual(sum(counts), self.MEMBERS)

    def test_an_interpreter_ends_while_others_wait(self) -> None:
        items = self.queue()
        waiting = [threading.Thread(target=items.get) for _ in range(3)]
        for thread in waiting:
            thread.start()
        there = self.interpreter()
        there.prepare_main(items=items)
        there.close()
        for _ in waiting:
            items.put(1)
        for thread in waiting:
            thread.join(SOON)
            self.assertFalse(thread.is_alive())
