"""Stress of the interpreter life cycle for the sanitizers: threads make, use and end interpreters all the time.

Runs on upstream and fork alike through _xxsubinterpreters: what is isolated later is exercised the same way now. Each
round's result is checked through a pipe, so that a wrong answer fails as well as a report does.
"""

from __future__ import annotations

import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
import os
from collections.abc import Callable

import stressing

THREADS = 4
WORK = """
import os, json, re, math, collections
table = {str(n): [n, n * 0.5, (n,) * 3] for n in range(200)}
text = json.dumps(table)
assert json.loads(text)["7"][0] == 7
words = re.findall(r"[0-9]+", text)
class Point:
    __slots__ = ("x", "y")
    def __init__(self, x, y):
        self.x, self.y = x, y
total = sum(Point(n, math.sqrt(n)).x for n in range(500))
counted = collections.Counter(words)
try:
    raise KeyError(total)
except KeyError as error:
    total = error.args[0]
os.write({descriptor}, b"%d\\n" % (total + counted["7"]))
"""


def exec_here(code: str) -> None:
    """Run `code` in this interpreter."""
    exec(code, {"__name__": "__main__"})


def run_there(code: str) -> None:
    """Run `code` in a new interpreter and end it."""
    interpreter = interpreters.create(isolated=False)
    try:
        interpreters.run_string(interpreter, code)
    finally:
        interpreters.destroy(interpreter)


def answer(run: Callable[[str], None]) -> int:
    """What WORK writes when `run` runs it."""
    reader, writer = os.pipe()
    try:
        run(WORK.replace("{descriptor}", str(writer)))
        return int(os.read(reader, 64))
    finally:
        os.close(reader)
        os.close(writer)


class Lives(stressing.Stress):
    """What main answers, which all the others must answer, too."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.expected = answer(exec_here)

    def one_round(self) -> None:
        """Make an interpreter, let it work, end it; its answer must be the main interpreter's."""
        got = answer(run_there)
        if got != self.expected:
            raise AssertionError(f"{got} instead of {self.expected}")
        self.count(rounds=1)


def main() -> None:
    """Run for --seconds; exit non-zero on a failure or on answers that differ."""
    stress = Lives(stressing.parser().parse_args().seconds)
    stress.run(*[stress.again(stress.one_round)] * THREADS)
    stress.judge("rounds")


if __name__ == "__main__":
    main()
