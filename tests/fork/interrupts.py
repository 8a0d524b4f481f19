"""Interrupt programs at random moments (kill -INT), and see that each ends soon, and says nothing but that it was.

The programs use pools, queues, exec() and call(). Runs in the fork: `interrupts.py --rounds 20`; prints how many of
each were interrupted, and how many interrupts each ignored. What a program prints to its error output is shown,
and is a failure.

One thing it may say: that an interrupt was ignored, because it came within the callback of a weak reference, out of
which Python lets no exception (a WeakValueDictionary has such callbacks; upstream does the same). The program has
gone on, so it is interrupted again, as a user would.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from concurrent import interpreters  # type: ignore[attr-defined]
from concurrent.futures import InterpreterPoolExecutor, as_completed  # type: ignore[attr-defined]
from typing import IO

SECONDS = 60  # within which a program has to end

# What Python prints of an interrupt within a callback or finalizer.
IGNORED = re.compile(
    r"^Exception ignored in: .*\n(?:Traceback .*\n(?: .*\n|\n)*)?KeyboardInterrupt: *\n", re.MULTILINE
)


def answer(questions: object, answers: object) -> None:
    """Send back what comes, until it is None."""
    while (value := questions.get()) is not None:  # type: ignore[attr-defined]
        answers.put(value)  # type: ignore[attr-defined]


def use_pool() -> None:
    """Submit and ask, map, wait for some, until interrupted."""
    with InterpreterPoolExecutor(2) as pool:
        while True:
            assert [one.result() for one in [pool.submit(abs, -n) for n in range(20)]] == list(range(20))
            assert list(pool.map(str, range(20), chunksize=3)) == [str(n) for n in range(20)]
            for future in as_completed([pool.submit(divmod, n, 3) for n in range(5)]):
                future.result(timeout=SECONDS)


def use_queues() -> None:
    """Ask another interpreter by queues, until interrupted."""
    there = interpreters.create()
    questions, answers = interpreters.create_queue(), interpreters.create_queue(1)
    try:
        there.call_in_thread(answer, questions, answers)
        while True:
            questions.put((1, "x"))
            assert answers.get(timeout=SECONDS) == (1, "x")
    finally:
        questions.put(None)
        # An answer that nobody has taken keeps the other one from reading on.
        while threading.active_count() > 1:
            time.sleep(0.01)
            if not answers.empty():
                answers.get_nowait()


def use_exec() -> None:
    """Run code in a new interpreter, until interrupted."""
    while True:
        there = interpreters.create()
        there.exec("total = sum(range(1000))")
        assert there.call(pow, 2, 10) == 1024
        there.call(time.sleep, 0.001)
        there.close()


def use_callback() -> None:
    """Get the interrupt within a callback, where it is ignored, and go on until interrupted."""

    class Thing:
        """What a weak reference can be to."""

    thing = Thing()
    watch = weakref.ref(thing, lambda _: time.sleep(SECONDS))
    del thing
    while watch() is None:
        time.sleep(0.01)


PROGRAMS: dict[str, Callable[[], None]] = {
    "pool": use_pool,
    "queues": use_queues,
    "exec": use_exec,
    "callback": use_callback,
}


def run(name: str) -> None:
    """Be the program."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        print("ready", flush=True)
        PROGRAMS[name]()
    except (KeyboardInterrupt, interpreters.ExecutionFailed) as error:
        # exec() says what has ended the code there.
        if isinstance(error, KeyboardInterrupt) or "KeyboardInterrupt" in str(error):
            print("interrupted", flush=True)
            return
        raise


def interrupt(name: str, chance: random.Random) -> int:
    """Start the program, interrupt it until it ends, and check how; the number of interrupts that it ignored."""
    program = [sys.executable, "-X", "faulthandler", __file__, "--program", name]
    with (
        tempfile.TemporaryFile("w+") as told,
        subprocess.Popen(program, stdout=subprocess.PIPE, stderr=told, text=True) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.3))
        ignored = insist(process, told)
        out, error = process.stdout.read(), read(told)
    if process.returncode != 0 or IGNORED.sub("", error) or out != "interrupted\n":
        sys.exit(f"{name} ended with {process.returncode}; it said {out!r} and\n{error}")
    return ignored


def insist(process: subprocess.Popen[str], told: IO[str]) -> int:
    """Interrupt the process, and again for each interrupt that it says it ignored; abort it when its time is up."""
    process.send_signal(signal.SIGINT)
    sent, end = 1, time.monotonic() + SECONDS
    while True:
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                process.send_signal(signal.SIGABRT)
                process.wait()
            elif len(IGNORED.findall(read(told))) >= sent:
                process.send_signal(signal.SIGINT)
                sent += 1
        else:
            return sent - 1


def read(told: IO[str]) -> str:
    """What the program has printed to the file so far; it shares the offset, so that is left at the end."""
    return os.pread(told.fileno(), os.fstat(told.fileno()).st_size, 0).decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--program", choices=PROGRAMS, help="what the processes do that are interrupted")
    options = parser.parse_args()
    if options.program:
        run(options.program)
        return
    chance = random.Random(options.seed)
    counts: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    for _ in range(options.rounds):
        for name in PROGRAMS:
            ignored[name] += interrupt(name, chance)
            counts[name] += 1
    print(*(f"{name} {count}" for name, count in counts.items()))
    print("ignored:", *(f"{name} {count}" for name, count in ignored.items()))


if __name__ == "__main__":
    main()
