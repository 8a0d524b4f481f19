"""Functions and classes of the program itself, which other interpreters take from the program's file."""

from __future__ import annotations

from api_target import NAME, Case, needs

PROGRAM = f"""
import {NAME} as api
from dataclasses import dataclass

FACTOR = 3

@dataclass
class Item:
    size: int

def scaled(item):
    return Item(item.size * FACTOR)

if __name__ == "__main__":
    there = api.create()
    print(there.call(scaled, Item(14)))
    print(there.call(Item, 2).size)
    print(there.call(scaled, Item(1)) == Item(3))
"""


GLOBALS = f"""
import {NAME} as api

total = 0

def add(number):
    global total
    total += number
    return total

if __name__ == "__main__":
    there = api.create()
    print([there.call(add, number) for number in (1, 3, 5)], total)
    print(there.call(lambda: "total" in globals()))
"""


@needs("Interpreter.call(args)")
class FunctionsOfMain(Case):
    def test_program(self) -> None:
        self.assertEqual(self.script(PROGRAM), "Item(size=42)\n2\nTrue\n")

    def test_their_globals_stay(self) -> None:
        """They are kept apart from those of this program and from __main__ over there."""
        self.assertEqual(self.script(GLOBALS), "[1, 4, 9] 0\nFalse\n")
