"""The pages' examples are found whole; README's has ten lines; the guide's table says what the stored result says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import examples
import pytest

from harness import paths
from harness.errors import ResultMissingError
from harness.report import costs, main

GUIDE = costs.GUIDE.read_text(encoding="utf-8")


def test_examples_are_found() -> None:
    text = "a\n```python\nprint(1)\n```\n\n```text\n1\n```\nb\n```python\npass\n```\n```sh\nls\n```\n"
    first, second = examples.of("page.md", text)
    assert (first.name, first.code, first.output) == ("page.md:2", "print(1)\n", "1\n")
    assert (second.name, second.code, second.output) == ("page.md:10", "pass\n", None)


def test_every_example_says_what_it_prints() -> None:
    found = examples.all_of_them()
    assert {one.page for one in found} == set(examples.PAGES)
    assert [one.name for one in found if not one.output] == []
    for one in found:
        compile(one.code, one.name, "exec")


def test_every_block_of_python_is_an_example() -> None:
    """A block with another word behind the fence would not be run."""
    for page in examples.PAGES:
        text = (paths.ROOT / page).read_text(encoding="utf-8")
        fences = re.findall(r"^```(\S+)", text, re.MULTILINE)
        assert set(fences) <= {"python", "text", "sh"}, page
        assert fences.count("python") == len(examples.of(page))


def test_readme_needs_ten_lines_for_two_cores_and_five_with_numpy() -> None:
    ten, five = examples.of("README.md")
    assert "import numpy" in five.code
    for example, most in ((ten, 10), (five, 5)):
        assert len([line for line in example.code.splitlines() if line.strip()]) <= most


def row(kind: str, mode: str, rate: float | None, unit: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "workload": kind,
        "implementation": "fork",
        "mode": mode,
        "workers": 1,
        "rate": rate,
        "unit": unit,
        **more,
    }


FIGURES: dict[str, Any] = {
    "multicore": {"rows": [row("compute", "interpreters", 9.0, "work/s", workers=2, speedup=1.934)]},
    "messaging": {
        "rows": [
            row("round_trip.queue", "interpreters", 123456.7, "1/s"),
            row("round_trip.queue", "interpreters", 61.5, "1/s", implementation="peer"),
            row("round_trip.queue", "fork", None, "1/s"),
        ]
    },
}


def test_the_table_of_costs() -> None:
    lines = costs.table(FIGURES).splitlines()
    assert lines[0] == "| | threads | interpreters | processes, forked | spawned | interpreters of the peer |"
    assert lines[2:] == [
        "| speed of two workers, computing |  | 1.93x |  |  |  |",
        "| round trips |  | 123,457 1/s |  |  | 61.5 1/s |",
    ]
    assert costs.missing(FIGURES) == ["./noxw -s bench -- lifecycle"]


def test_the_guide_says_what_the_stored_result_says() -> None:
    (found,) = costs.MARKED.finditer(GUIDE)
    assert found[0] == costs.block(costs.stored(found["source"]), found["source"])


def test_the_option_writes_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "guide.md"
    page.write_text("above\n<!-- costs: none -->\nold\n<!-- end of costs -->\nbelow\n", encoding="utf-8")
    monkeypatch.setattr(costs, "GUIDE", page)
    source = "2026-11-26-own-gil.json"
    assert main(["--costs", source]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"above\n<!-- costs: {source} -->\n| | threads |")
    assert text.endswith("<!-- end of costs -->\nbelow\n")
    assert "`./noxw -s bench -- messaging`" in text
    with pytest.raises(ResultMissingError):
        costs.update(page, "no-such.json")
    page.write_text("no markers\n", encoding="utf-8")
    with pytest.raises(ResultMissingError):
        costs.update(page, source)
