"""docs/hazards.md: every number of the list is answered, and each test it names is one that the series brings."""

from __future__ import annotations

import re

from harness import paths, series

PAGE = paths.ROOT / "docs" / "hazards.md"
NUMBERS = range(1, 74)


def rows() -> list[list[str]]:
    """The cells of each row of the table."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def added() -> str:
    """All lines that the series adds."""
    lines = [line for patch in series.load() for line in patch.text.decode().splitlines()]
    return "\n".join(line[1:] for line in lines if line.startswith("+"))


def test_every_number_has_one_row() -> None:
    assert sorted(int(number) for row in rows() for number in row[0].split(",")) == list(NUMBERS)


def test_what_has_no_test_says_so() -> None:
    for row in rows():
        assert len(row) == 4, row
        assert row[3] or "**Open**" in row[2], row


def test_the_tests_it_names_are_there() -> None:
    text = added()
    told = " ".join(row[3] for row in rows())
    for file in re.findall(r"tests/fork/\w+\.py", told):
        assert (paths.ROOT / file).exists(), file
    for name in re.findall(r"\b[A-Z]\w+Tests\b", told):
        assert f"class {name}(" in text, name
    for name in re.findall(r"(?<![/\w])test_\w+", told):
        assert name == "test_embed" or f"def {name}(" in text, name
