"""What is shared as it is, what is copied by pickle, and what is not sent at all."""

from __future__ import annotations

import gc
import math
from typing import Any

from api_support import Point, Unsendable
from api_target import Case, beyond, interpreters, needs

PLAIN: dict[str, list[Any]] = {
    "none": [None],
    "bool": [True, False],
    "int": [0, 1, -1, 2**31, -(2**31) - 1, 2**62, 2**63 - 1, -(2**63)],
    "float": [0.0, 1.5, -1e300, 5e-324, math.inf, -math.inf],
    "str": ["", "a", "text", "ж", "é", "\U0001f40d", "nul\0inside", "x" * 100_000],
    "bytes": [b"", b"a", b"\0\xff", bytes(100_000)],
    "tuple": [(), (1,), (None, True, 2, 3.5, "4", b"5"), ((), ((),), (1, (2, (3, "four"))))],
}
HUGE = [2**63, 2**64, -(2**200), 10**4000]


def nested(depth: int) -> tuple[Any, ...]:
    """Tuples in tuples."""
    made: tuple[Any, ...] = ()
    for _ in range(depth):
        made = (made,)
    return made


def depth_of(value: Any) -> int:
    """How deep `nested` went; comparing would recurse."""
    depth = 0
    while value:
        (value,) = value
        depth += 1
    return depth


class IsShareable(Case):
    def test_plain(self) -> None:
        for kind, values in PLAIN.items():
            for value in values:
                with self.subTest(kind):
                    self.assertIs(interpreters.is_shareable(value), True)

    def test_memoryview(self) -> None:
        self.assertIs(interpreters.is_shareable(memoryview(b"x")), True)

    @needs("create_queue")
    def test_queue(self) -> None:
        self.assertIs(interpreters.is_shareable(self.queue()), True)

    @beyond("3.13 pickles complex numbers")
    def test_complex(self) -> None:
        self.assertIs(interpreters.is_shareable(1j), True)

    def test_others(self) -> None:
        for value in ([], {}, set(), frozenset(), object(), object, bytearray(), range(3), Exception(), Point(1)):
            with self.subTest(repr(value)):
                self.assertIs(interpreters.is_shareable(value), False)

    def test_subclasses(self) -> None:
        for base in (int, float, str, bytes, tuple):
            with self.subTest(base):
                self.assertIs(interpreters.is_shareable(type("Own", (base,), {})()), False)

    @beyond("3.13 looks at the type of the tuple only")
    def test_tuple_of_others(self) -> None:
        self.assertIs(interpreters.is_shareable((1, [])), False)


class Shared(Case):
    """Values go there and come back."""

    def check(self, values: list[Any]) -> None:
        there, back = self.interpreter(), self.queue()
        for value in values:
            there.prepare_main(value=value, back=back)
            there.exec(
                "import sys\n"
                "back.put(value)\n"
                "back.put(type(value).__name__)\n"
                "back.put(len(value) if hasattr(value, '__len__') else -1)"
            )
            with self.subTest(repr(value)[:40]):
                found = back.get()
                self.assertEqual(found, value)
                self.assertIs(type(found), type(value))
                self.assertEqual(back.get(), type(value).__name__)
                self.assertEqual(back.get(), len(value) if hasattr(value, "__len__") else -1)

    def test_none(self) -> None:
        self.check(PLAIN["none"])

    def test_bool(self) -> None:
        self.check(PLAIN["bool"])

    def test_int(self) -> None:
        self.check(PLAIN["int"])

    @beyond("3.13 refuses those beyond 64 bits")
    def test_huge_int(self) -> None:
        self.check(HUGE)

    def test_float(self) -> None:
        self.check(PLAIN["float"])

    @needs("create_queue")
    def test_special_floats(self) -> None:
        there = self.interpreter()
        self.assertTrue(math.isnan(self.answer(there, "value", value=math.nan)))
        self.assertEqual(math.copysign(1, self.answer(there, "value", value=-0.0)), -1)

    @beyond("3.13 does not share complex numbers")
    def test_complex(self) -> None:
        self.check([0j, 1 + 2j, complex(math.inf, -0.0)])

    def test_str(self) -> None:
        self.check(PLAIN["str"])

    def test_surrogates(self) -> None:
        self.check(["\ud800", "a\udcffb"])

    def test_bytes(self) -> None:
        self.check(PLAIN["bytes"])

    def test_tuple(self) -> None:
        self.check(PLAIN["tuple"])

    def test_wide_tuple(self) -> None:
        self.check([tuple(range(50_000))])

    def test_nested_tuple(self) -> None:
        there = self.interpreter()
        self.assertEqual(depth_of(self.answer(there, "value", value=nested(100))), 100)

    @beyond("3.13 recurses in C")
    def test_deep_tuple(self) -> None:
        """Any depth, without an overflow of the C stack."""
        there = self.interpreter()
        self.assertEqual(depth_of(self.answer(there, "value", value=nested(100_000))), 100_000)

    def test_singletons(self) -> None:
        there = self.interpreter()
        there.prepare_main(a=None, b=True, c=False, d=(None, True))
        there.exec("assert a is None and b is True and c is False and d[0] is None and d[1] is True")

    @needs("create_queue")
    def test_a_queue_is_the_same_one(self) -> None:
        there, sent = self.interpreter(), self.queue()
        there.prepare_main(q=sent, inside=(1, (sent,)))
        there.exec("assert inside[1][0] is q\nq.put('there')")
        self.assertEqual(sent.get(), "there")
        self.assertIs(self.answer(there, "q"), sent)


class Buffers(Case):
    def test_not_copied(self) -> None:
        data, there = bytearray(b"abcd"), self.interpreter()
        there.prepare_main(view=memoryview(data))
        there.exec("assert bytes(view) == b'abcd'\nview[0] = 65")
        self.assertEqual(data, b"Abcd")
        data[1] = 66
        there.exec("assert bytes(view) == b'ABcd'")

    def test_read_only(self) -> None:
        there = self.interpreter()
        there.prepare_main(view=memoryview(b"abc"))
        there.exec("assert view.readonly and view == b'abc'")

    def test_slice(self) -> None:
        data, there = bytearray(range(10)), self.interpreter()
        there.prepare_main(view=memoryview(data)[2:5])
        there.exec("assert bytes(view) == bytes([2, 3, 4])\nview[0] = 99")
        self.assertEqual(data[2], 99)

    def test_format_and_shape(self) -> None:
        there = self.interpreter()
        there.prepare_main(view=memoryview(bytearray(24)).cast("i", (2, 3)))
        there.exec(
            "assert (view.format, view.shape, view.ndim) == ('i', (2, 3), 2)\nassert view.tolist() == [[0] * 3] * 2"
        )

    def test_the_object_behind_is_locked(self) -> None:
        data, there = bytearray(4), self.interpreter()
        there.prepare_main(view=memoryview(data))
        gc.collect()
        with self.assertRaises(BufferError):
            data.extend(b"more")
        there.exec("view.release()\ndel view")
        there.close()
        gc.collect()
        data.extend(b"more")

    @needs("create_queue")
    def test_receiver_is_destroyed_first(self) -> None:
        data, there = bytearray(b"abc"), self.interpreter()
        there.prepare_main(view=memoryview(data))
        there.exec("view[0] = 65")
        there.close()
        gc.collect()
        self.assertEqual(data, b"Abc")
        data.extend(b"d")

    @needs("create_queue")
    @beyond("3.13 sends no view in a queue")
    def test_sender_is_destroyed_first(self) -> None:
        there = self.interpreter()
        view = self.answer(there, "memoryview(bytearray(b'abc' * 100_000))")
        there.close()
        gc.collect()
        self.assertEqual(bytes(view), b"abc" * 100_000)
        view[0] = 65
        self.assertEqual(view[0], 65)

    @needs("create_queue")
    def test_passed_on(self) -> None:
        data, first, second = bytearray(2), self.interpreter(), self.interpreter()
        passed = self.queue()
        first.prepare_main(view=memoryview(data), passed=passed)
        second.prepare_main(passed=passed)
        first.exec("passed.put(view)")
        second.exec("passed.get()[1] = 7")
        self.assertEqual(data, b"\0\7")


@needs("create_queue")
class Outliving(Case):
    """What has arrived does not depend on the interpreter that it came from."""

    def test_sender_is_destroyed(self) -> None:
        there = self.interpreter()
        expressions = ("'text' * 100_000", "b'bytes' * 100_000", "('x' * 5000, (b'y' * 5000,))", "'ж' * 70_000")
        got = [self.answer(there, expression) for expression in expressions]
        there.close()
        gc.collect()
        other = self.interpreter()
        other.exec("junk = [bytes(n * 100) for n in range(2000)]")
        self.assertEqual(got, [eval(expression) for expression in expressions])

    def test_receiver_is_destroyed(self) -> None:
        text, data = "text" * 100_000, b"bytes" * 100_000
        there = self.interpreter()
        there.prepare_main(text=text, data=data, both=(text, data))
        there.close()
        gc.collect()
        self.assertEqual(text.count("text"), 100_000)
        self.assertEqual(data.count(b"bytes"), 100_000)

    @needs("Queue.put(unbounditems)")
    def test_large_values_of_an_ended_interpreter_are_gone_cleanly(self) -> None:
        there, queue = self.interpreter(), self.queue()
        there.prepare_main(queue=queue)
        there.exec("for n in range(20): queue.put(bytes(100_000))")
        there.close()
        self.assertEqual(queue.qsize(), 20)
        for _ in range(20):
            queue.get_nowait()


@needs("create_queue")
class Pickled(Case):
    def check(self, value: Any) -> Any:
        there = self.interpreter()
        going, coming = self.queue(), self.queue()
        there.prepare_main(going=going, coming=coming)
        going.put(value)
        there.exec("coming.put(going.get())")
        return coming.get()

    def test_containers(self) -> None:
        for value in ([1, [2]], {"a": {"b": 1}}, {1, 2}, frozenset("ab"), bytearray(b"x"), range(5), slice(1, 2)):
            with self.subTest(value):
                self.assertEqual(self.check(value), value)

    def test_instances(self) -> None:
        point = Point(1, 2, ["a"])
        found = self.check(point)
        self.assertEqual(found, point)
        self.assertIsNot(found, point)

    def test_in_a_tuple(self) -> None:
        self.assertEqual(self.check((1, [2], Point(3))), (1, [2], Point(3)))

    def test_subclasses(self) -> None:
        self.assertEqual(self.check((True, 1.5, {"x": ("y",)})), (True, 1.5, {"x": ("y",)}))

    def test_interpreter(self) -> None:
        there = self.interpreter()
        self.assertIs(self.check(there), there)

    def test_refused(self) -> None:
        queue = self.queue()
        with self.assertRaises((interpreters.NotShareableError, TypeError)):
            queue.put(Unsendable())
        self.assertEqual(queue.qsize(), 0)

    def test_refused_with_the_right_exception(self) -> None:
        with self.assertRaises(interpreters.NotShareableError) as caught:
            self.queue().put(Unsendable())
        self.assertIn("Unsendable", str(caught.exception))


class NotShared(Case):
    def test_the_type_is_named(self) -> None:
        with self.assertRaises(interpreters.NotShareableError) as caught:
            self.interpreter().prepare_main(value=Point(1))
        self.assertIn("Point", str(caught.exception))

    def test_inside_a_tuple(self) -> None:
        with self.assertRaises(interpreters.NotShareableError):
            self.interpreter().prepare_main(value=(1, (2, [])))

    def test_subclasses(self) -> None:
        for base in (int, float, str, bytes, tuple):
            with self.subTest(base), self.assertRaises(interpreters.NotShareableError):
                self.interpreter().prepare_main(value=type("Own", (base,), {})())
