"""The frame of the stress scripts: threads that do something until the time is over or something has failed.

A script beside this file imports it from its own folder, as Python does for any script; only the standard library is
needed, of upstream or fork.
"""

from __future__ import annotations

import argparse
import collections
import threading
import time
import traceback
from collections.abc import Callable


class Stress:
    """What the threads share: when to stop, what was done, what went wrong."""

    def __init__(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.done: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []

    def going_on(self) -> bool:
        """Is there time left, and has nothing failed?"""
        return time.monotonic() < self.deadline and not self.failures

    def count(self, **more: int) -> None:
        """Note what was done, as interpreters=1."""
        with self.lock:
            self.done.update(more)

    def guard(self, body: Callable[[], None]) -> None:
        """Do `body`; what it raises is a failure."""
        try:
            body()
        except BaseException as error:
            traceback.print_exc()
            self.failures.append(f"{threading.current_thread().name}: {type(error).__name__}: {error}")

    def again(self, body: Callable[[], None]) -> Callable[[], None]:
        """`body` again and again, until the end."""

        def loop() -> None:
            while self.going_on():
                body()

        return loop

    def run(self, *bodies: Callable[[], None], here: Callable[[], None] | None = None) -> None:
        """Run each of `bodies` in a thread of its own, and `here` in this one; all end by themselves."""
        threads = [threading.Thread(target=self.guard, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        if here is not None:
            self.guard(here)
        for thread in threads:
            thread.join()

    def judge(self, *needed: str) -> None:
        """Print what was done; exit non-zero on a failure, or if there is nothing of `needed`."""
        print(", ".join(f"{number} {what}" for what, number in self.done.items()) or "nothing")
        missing = [what for what in needed if not self.done[what]]
        if self.failures or missing:
            raise SystemExit(f"failed: {self.failures or 'none of ' + ', '.join(missing)}")


def parser() -> argparse.ArgumentParser:
    """A parser of what every script takes."""
    made = argparse.ArgumentParser()
    made.add_argument("--seconds", type=float, default=10.0)
    return made
