"""Interrupt programs at random moments (kill -INT), and see that each ends soon, and says nothing but that it was.

The programs use pools, queues, exec() and call(). Runs in the fork: `interrupts.py --rounds 20`; prints how many of
each were interrupted. What a program prints to its error output is shown, and is a failure.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent import interpreters  # type: ignore[attr-defined]
from concurrent.futures import InterpreterPoolExecutor, as_completed  # type: ignore[attr-defined]

SECONDS = 60  # within which a program has to end


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


PROGRAMS: dict[str, Callable[[], None]] = {"pool": use_pool, "queues": use_queues, "exec": use_exec}


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


def interrupt(name: str, chance: random.Random) -> None:
    """Start the program, interrupt it, and check how it ends."""
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", __file__, "--program", name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(chance.uniform(0, 0.3))
    process.send_signal(signal.SIGINT)
    hurry = threading.Timer(SECONDS, process.send_signal, [signal.SIGABRT])
    hurry.start()
    out, error = process.communicate()
    hurry.cancel()
    if process.returncode != 0 or error or out != "interrupted\n":
        sys.exit(f"{name} ended with {process.returncode}; it said {out!r} and\n{error}")


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
    for _ in range(options.rounds):
        for name in PROGRAMS:
            interrupt(name, chance)
            counts[name] += 1
    print(*(f"{name} {count}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
