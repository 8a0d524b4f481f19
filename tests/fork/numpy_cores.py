"""NumPy in two interpreters against two processes; runs in the fork, with NumPy on its path and a quiet machine.

`OPENBLAS_NUM_THREADS=1 python numpy_cores.py [--rounds 10] [--seconds 1.5]` does linear algebra, element-wise work
and work on little arrays in two own-GIL interpreters and in two processes in turn. It prints what the interpreters do
for one that the processes do: the median of the rounds, and each.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
from concurrent import interpreters  # type: ignore[attr-defined]
from typing import IO

# Imported and warmed up, it waits for a line, works for so many seconds, and tells how often it came round.
WORK = """
import os, sys, time
import numpy as np

rng = np.random.default_rng(1)
a, b = rng.random((300, 300)), rng.random(300)
v, w, small = rng.random(30_000), rng.random(30_000), rng.random(50)

def algebra():
    np.linalg.solve(a, b)
    np.linalg.svd(a[:80, :80])
    a @ a

def elements():
    np.sqrt(v * v + w).sum()
    np.where(v > w, v, w).cumsum()

def little():
    for _ in range(100):
        (small * 2 + small).sum()

def serve(source, target):
    for line in iter(source.readline, b""):
        kind, seconds = line.split()
        todo, count = globals()[kind.decode()], 0
        end = time.perf_counter() + float(seconds)
        begin = time.perf_counter()
        while time.perf_counter() < end:
            todo()
            count += 1
        target.write(b"%.9f\\n" % (count / (time.perf_counter() - begin)))
        target.flush()
"""
# As an interpreter does: the allocator of the C library has another arena there than in the main thread.
IN_A_THREAD = """
import threading
threading.Thread(target=serve, args=(sys.stdin.buffer, sys.stdout.buffer)).start()
"""
KINDS = ("algebra", "elements", "little")


class Side:
    """Two workers that are told by pipes what to do."""

    def __init__(self, *, processes: bool) -> None:
        self.pipes: list[tuple[IO[bytes], IO[bytes]]] = []
        self.threads: list[threading.Thread] = []
        self.children: list[subprocess.Popen[bytes]] = []
        for _ in range(2):
            if processes:
                command = [sys.executable, "-c", WORK + IN_A_THREAD]
                child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                assert child.stdin is not None
                assert child.stdout is not None
                self.children.append(child)
                self.pipes.append((child.stdin, child.stdout))
                continue
            there_in, here_out = os.pipe()
            here_in, there_out = os.pipe()
            script = f"{WORK}\nserve(os.fdopen({there_in}, 'rb'), os.fdopen({there_out}, 'wb'))"
            thread = threading.Thread(target=self.inside, args=(script,))
            thread.start()
            self.threads.append(thread)
            self.pipes.append((os.fdopen(here_out, "wb"), os.fdopen(here_in, "rb")))

    @staticmethod
    def inside(script: str) -> None:
        there = interpreters.create()
        there.exec(script)
        there.close()

    def rate(self, kind: str, seconds: float) -> float:
        """What both do a second."""
        for there, _back in self.pipes:
            there.write(f"{kind} {seconds}\n".encode())
            there.flush()
        return sum(float(back.readline()) for _there, back in self.pipes)

    def end(self) -> None:
        for there, _back in self.pipes:
            there.close()
        for thread in self.threads:
            thread.join()
        for child in self.children:
            child.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.5)
    options = parser.parse_args()
    sides = Side(processes=False), Side(processes=True)
    for kind in KINDS:
        for side in sides:
            side.rate(kind, 0.3)
        found = []
        for number in range(options.rounds):
            rates = {}
            for side in sides if number % 2 else reversed(sides):
                rates[side] = side.rate(kind, options.seconds)
            found.append(rates[sides[0]] / rates[sides[1]])
        print(f"{kind}: {statistics.median(found):.3f}", *(f"{one:.3f}" for one in sorted(found)), flush=True)
    for side in sides:
        side.end()


if __name__ == "__main__":
    main()
