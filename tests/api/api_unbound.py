"""What becomes of an item when the interpreter has ended that put it into the queue."""

from __future__ import annotations

import pickle
from typing import Any

from api_target import SOON, Case, beyond, interpreters, needs, queues

PLAIN = "in 3.13 and 3.14 two of them are plain objects"
POLICIES = ("UNBOUND", "UNBOUND_ERROR", "UNBOUND_REMOVE")


@needs("create_queue(unbounditems)", "Queue.put(unbounditems)")
class Unbound(Case):
    def filled(self, code: str, queue: Any = None, **keywords: Any) -> Any:
        """A queue into which code of an interpreter has put something; the interpreter has ended."""
        made = self.queue(**keywords) if queue is None else queue
        there = self.interpreter()
        there.prepare_main(queue=made)
        there.exec(f"from {queues.__name__} import UNBOUND, UNBOUND_ERROR, UNBOUND_REMOVE\n{code}")
        there.close()
        return made

    def test_marker_by_default(self) -> None:
        queue = self.filled("queue.put(1)\nqueue.put('two')")
        self.assertEqual(queue.qsize(), 2)
        self.assertIs(queue.get(), queues.UNBOUND)
        self.assertIs(queue.get_nowait(), queues.UNBOUND)
        self.assertIs(queue.empty(), True)

    def test_marker_of_the_queue(self) -> None:
        queue = self.filled("queue.put([1])", unbounditems=queues.UNBOUND)
        self.assertIs(queue.get(), queues.UNBOUND)

    def test_error_of_the_queue(self) -> None:
        queue = self.filled("queue.put(1)", unbounditems=queues.UNBOUND_ERROR)
        self.assertEqual(queue.qsize(), 1)
        with self.assertRaises(queues.ItemInterpreterDestroyed):
            queue.get()
        self.assertEqual(queue.qsize(), 0)
        with self.assertRaises(interpreters.QueueEmpty):
            queue.get_nowait()

    def test_error_without_waiting(self) -> None:
        queue = self.filled("queue.put(1)", unbounditems=queues.UNBOUND_ERROR)
        with self.assertRaises(queues.ItemInterpreterDestroyed):
            queue.get_nowait()

    def test_removed(self) -> None:
        queue = self.filled("queue.put(1)\nqueue.put(2)", unbounditems=queues.UNBOUND_REMOVE)
        self.assertEqual((queue.qsize(), queue.empty()), (0, True))
        with self.assertRaises(interpreters.QueueEmpty):
            queue.get_nowait()

    def test_each_item_has_its_own(self) -> None:
        code = (
            "queue.put(1, unbounditems=UNBOUND_REMOVE)\n"
            "queue.put(2, unbounditems=UNBOUND)\n"
            "queue.put_nowait(3, unbounditems=UNBOUND_ERROR)\n"
            "queue.put_nowait(4, unbounditems=UNBOUND_REMOVE)"
        )
        for default in POLICIES:
            with self.subTest(default):
                queue = self.filled(code, unbounditems=getattr(queues, default))
                self.assertEqual(queue.qsize(), 2)
                self.assertIs(queue.get(), queues.UNBOUND)
                with self.assertRaises(queues.ItemInterpreterDestroyed):
                    queue.get()

    def test_items_of_others_stay(self) -> None:
        for policy in POLICIES:
            with self.subTest(policy):
                queue = self.queue(unbounditems=getattr(queues, policy))
                queue.put("before")
                self.filled("queue.put('lost')", queue)
                queue.put("after")
                self.assertEqual(queue.get(), "before")
                if policy == "UNBOUND":
                    self.assertIs(queue.get(), queues.UNBOUND)
                if policy == "UNBOUND_ERROR":
                    with self.assertRaises(queues.ItemInterpreterDestroyed):
                        queue.get()
                self.assertEqual(queue.get(), "after")
                self.assertIs(queue.empty(), True)

    def test_what_was_taken_stays(self) -> None:
        queue, there = self.queue(), self.interpreter()
        there.prepare_main(queue=queue)
        there.exec("queue.put('taken')")
        taken = queue.get()
        there.close()
        self.assertEqual(taken, "taken")

    def test_the_last_reference_has_the_same_effect(self) -> None:
        queue, there = self.queue(unbounditems=queues.UNBOUND_REMOVE), interpreters.create()
        there.prepare_main(queue=queue)
        there.exec("queue.put(1)")
        self.assertEqual(queue.qsize(), 1)
        del there
        self.wait_until(queue.empty)

    def test_room_is_made(self) -> None:
        queue, there = self.queue(1, unbounditems=queues.UNBOUND_REMOVE), self.interpreter()
        there.prepare_main(queue=queue)
        there.exec("queue.put('lost')")
        thread = self.thread(queue.put, "after")
        there.close()
        thread.join(SOON)
        self.assertFalse(thread.is_alive())
        self.assertEqual(queue.get(), "after")

    def test_seen_from_another_interpreter(self) -> None:
        queue, other = self.filled("queue.put(1)"), self.interpreter()
        other.prepare_main(queue=queue)
        other.exec(f"from {queues.__name__} import UNBOUND\nassert queue.get() is UNBOUND")

    def test_policy_is_known_elsewhere(self) -> None:
        for policy in POLICIES:
            queue, other = self.queue(unbounditems=getattr(queues, policy)), self.interpreter()
            other.prepare_main(queue=queue)
            with self.subTest(policy):
                other.exec(f"from {queues.__name__} import {policy}\nassert queue.unbounditems is {policy}")

    def test_none_means_the_default(self) -> None:
        queue = self.filled("queue.put(1, unbounditems=None)", unbounditems=queues.UNBOUND_REMOVE)
        self.assertEqual(queue.qsize(), 0)

    def test_wrong_policy(self) -> None:
        queue = self.queue()
        for wrong in ("remove", object(), 99.5):
            with self.subTest(wrong), self.assertRaises((ValueError, TypeError, NotImplementedError)):
                queue.put(1, unbounditems=wrong)
        self.assertEqual(queue.qsize(), 0)


@needs("create_queue")
class Markers(Case):
    def test_three(self) -> None:
        self.assertEqual(len({id(getattr(queues, name)) for name in POLICIES}), 3)

    @beyond(PLAIN)
    def test_repr(self) -> None:
        for name in POLICIES:
            self.assertIn(name, repr(getattr(queues, name)))

    @beyond(PLAIN)
    def test_pickle(self) -> None:
        for name in POLICIES:
            marker = getattr(queues, name)
            self.assertIs(pickle.loads(pickle.dumps(marker)), marker)
