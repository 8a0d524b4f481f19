"""The Python examples of a document: each is a whole program, and what stands below it is what it prints.

An example is a block fenced as `python`, followed by one fenced as `text`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness import paths

PAGES = ("README.md", "docs/guide.md")
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\s*^```text\n(?P<output>.*?)^```\n)?", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Example:
    """A program in a document; `output` is None where the document does not say what it prints."""

    page: str
    line: int
    code: str
    output: str | None

    @property
    def name(self) -> str:
        """Where it is."""
        return f"{self.page}:{self.line}"


def of(page: str, text: str | None = None) -> list[Example]:
    """The examples of a page of this clone, or of its `text`."""
    found = (paths.ROOT / page).read_text(encoding="utf-8") if text is None else text
    return [
        Example(page, found[: match.start()].count("\n") + 1, match["code"], match["output"])
        for match in BLOCK.finditer(found)
    ]


def all_of_them() -> list[Example]:
    """The examples of all pages."""
    return [one for page in PAGES for one in of(page)]


def write(example: Example, folder: Path) -> Path:
    """The program as a file, as a reader would save it."""
    path = folder / "program.py"
    path.write_text(example.code, encoding="utf-8")
    return path
