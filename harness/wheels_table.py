"""`wheels --table`: the matrix of a stored result, written into docs/extensions.md between its two marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import atomic, paths
from harness.errors import UsageError
from harness.wheels_show import GROWN, MODES

PAGE = paths.ROOT / "docs" / "extensions.md"
BEGIN, END = "<!-- matrix: `./noxw -s wheels -- --table` writes it -->\n", "<!-- end of the matrix -->\n"
TITLES = ("wheel", "main", "one", "four at once", "fifty", "KiB each")


def table(data: Mapping[str, Any]) -> str:
    """The matrix in Markdown: a row a wheel, the reasons of what is known below it."""
    return "\n".join(_lines(data)) + "\n"


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    cells = {(cell["wheel"], cell["mode"]): cell for cell in data["cells"]}
    reasons = list(dict.fromkeys(cell["known"] for cell in data["cells"] if "known" in cell))
    yield f"| {' | '.join(TITLES)} |"
    yield "|" + "---|" * len(TITLES)
    for name, version in data["wheels"].items():
        words = [_word(cells.get((name, mode)), reasons) for mode in MODES]
        last = cells.get((name, "fifty"))
        grown = f"{last['kib'] / GROWN:.0f}" if last is not None and last["outcome"] == "passed" else ""
        yield f"| {' | '.join((f'{name} {version}', *words, grown))} |"
    yield ""
    for mode in MODES:
        passed = sum(cells[name, mode]["outcome"] == "passed" for name in data["wheels"] if (name, mode) in cells)
        yield f"- {mode}: {passed} of {len(data['wheels'])} pass"
    for number, reason in enumerate(reasons, 1):
        yield f"- ({number}) {reason}"


def _word(cell: Mapping[str, Any] | None, reasons: list[str]) -> str:
    if cell is None:
        return ""
    told = "ok" if cell["outcome"] == "passed" else str(cell["outcome"])
    return f"{told} ({reasons.index(cell['known']) + 1})" if "known" in cell and told != "ok" else told


def write(folder: Path, page: Path = PAGE) -> None:
    """Put the matrix of the result in `folder` into the page; UsageError if that has no marks."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise UsageError(f"{page} has no marks for the matrix")
    atomic.write_text(page, f"{before}{begin}\n{table(atomic.read_json(folder / 'wheels.json'))}\n{end}{after}")
