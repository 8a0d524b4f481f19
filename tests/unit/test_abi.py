from __future__ import annotations

from pathlib import Path

import pytest

from harness import abi, abi_layout, abi_symbols
from harness.abi_layout import Rules, Struct
from harness.errors import AbiToolError, Exit, HarnessError

NO_RULES = Rules(frozenset(), frozenset())
CHANGED = """Functions changes summary: 1 Removed, 1 Changed (90 filtered out), 1 Added functions
Variables changes summary: 0 Removed, 1 Changed, 0 Added variable
Function symbols changes summary: 0 Removed, 0 Added function symbol not referenced by debug info

1 Removed function:

  [D] 'function int PyGone(int)'    {PyGone}

1 Added function:

  [A] 'function int PyNew(int)'    {PyNew}

1 function with some indirect sub-type change:

  [C] 'function int PyList_Size(PyObject*)' has some indirect sub-type changes:
    parameter 1 of type 'PyObject*' has sub-type changes:
      in pointed to type 'struct _object':
        type size changed from 128 to 192 (in bits)

1 Changed variable:

  [C] 'PyTypeObject PyBool_Type' was changed:
    size of symbol changed from 408 to 416
"""
NOTHING = abi.Report((), (), (), "")


def struct(size: int, **members: tuple[int, int]) -> dict[str, Struct]:
    return {"_ts": Struct("_ts", "Include/cpython/pystate.h", size, members)}


# --- abidiff's text --------------------------------------------------------------------------------------------


def test_entries_are_read() -> None:
    report = abi.parse(CHANGED)
    assert report.removed == ("'function int PyGone(int)'    {PyGone}",)
    assert report.added == ("'function int PyNew(int)'    {PyNew}",)
    assert [entry.split("'")[1] for entry in report.changed] == [
        "function int PyList_Size(PyObject*)",
        "PyTypeObject PyBool_Type",
    ]


def test_nothing_said_is_nothing_changed() -> None:
    assert abi.parse("") == NOTHING
    filtered = "Functions changes summary: 0 Removed, 0 Changed (1 filtered out), 0 Added function\n"
    assert abi.parse(filtered) == abi.Report((), (), (), filtered)


def test_entries_that_do_not_add_up_are_an_error() -> None:
    with pytest.raises(AbiToolError, match="counts") as caught:
        abi.parse(CHANGED.replace("1 Removed,", "2 Removed,"))
    assert caught.value.exit_code == Exit.ENVIRONMENT


# --- symbols ---------------------------------------------------------------------------------------------------


def test_symbols_are_compared() -> None:
    before = {"a": "STT_FUNC", "b": "STT_OBJECT", "c": "STT_FUNC"}
    after = {"a": "STT_FUNC", "b": "STT_TLS", "d": "STT_FUNC"}
    change = abi_symbols.compare(before, after)
    assert change == abi_symbols.Change(("c",), ("d",), ("b: STT_OBJECT became STT_TLS",))
    assert not change.compatible
    assert abi_symbols.compare(before, {**before, "d": "STT_FUNC"}).compatible


# --- layouts ---------------------------------------------------------------------------------------------------


def test_equal_layouts_are_equal() -> None:
    assert abi_layout.compare(struct(16, a=(0, 64)), struct(16, a=(0, 64)), NO_RULES) == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({}, "is gone"),
        (struct(16, b=(64, 64)), "member a is gone"),
        (struct(16, a=(64, 64), b=(0, 64)), "member a moved from byte 0 to 8"),
        (struct(16, a=(0, 32), b=(64, 64)), "member a changed from 64 to 32 bits"),
        (struct(24, a=(0, 64), b=(64, 64), c=(128, 64)), "changed from 16 to 24 bytes"),
    ],
)
def test_every_change_of_a_layout_is_told(after: dict[str, Struct], words: str) -> None:
    found = abi_layout.compare(struct(16, a=(0, 64), b=(64, 64)), after, NO_RULES)
    assert any(words in line for line in found)


def test_a_struct_that_may_grow_keeps_its_prefix() -> None:
    rules = Rules(grow=frozenset({"_ts"}), internal=frozenset())
    before = struct(16, a=(0, 64), b=(64, 64))
    assert abi_layout.compare(before, struct(24, a=(0, 64), b=(64, 64), c=(128, 64)), rules) == []
    inserted = struct(24, a=(0, 64), c=(64, 64), b=(128, 64))
    assert abi_layout.compare(before, inserted, rules) == [
        "struct _ts (Include/cpython/pystate.h): member b moved from byte 8 to 16"
    ]
    assert abi_layout.compare(before, struct(8, a=(0, 64)), rules)


def test_the_rules_give_reasons(tmp_path: Path) -> None:
    assert "_ts" in abi_layout.read_rules().grow
    path = tmp_path / "rules.toml"
    path.write_text('[[grow]]\nstruct = "x"\nreason = " "\n', encoding="utf-8")
    with pytest.raises(HarnessError, match="a struct and a reason"):
        abi_layout.read_rules(path)


def test_each_suppression_has_its_reason_above_it() -> None:
    blocks = abi.SUPPRESSIONS.read_text(encoding="utf-8").split("\n\n")
    suppressing = [block for block in blocks if "[suppress_" in block]
    assert len(suppressing) == 3
    assert all(block.startswith("# ") for block in suppressing)


# --- the verdict -----------------------------------------------------------------------------------------------


def entry(status: str) -> dict[str, object]:
    return {"file": "python3.11", "status": status, "removed": [], "added": ["PyNew"], "changed": []}


@pytest.mark.parametrize(
    ("status", "layouts", "report", "compatible"),
    [
        ("same", [], NOTHING, True),
        ("compatible", [], NOTHING, True),
        ("compatible", [], abi.Report((), (), ("new",), ""), True),
        ("broken", [], NOTHING, False),
        ("missing", [], NOTHING, False),
        ("same", ["struct _object: ..."], NOTHING, False),
        ("same", [], abi.Report(("gone",), (), (), ""), False),
        ("same", [], abi.Report((), ("changed",), (), ""), False),
    ],
)
def test_any_witness_can_say_no(status: str, layouts: list[str], report: abi.Report, compatible: bool) -> None:
    found = abi.verdict([entry(status)], layouts, 90, report)
    assert found["compatible"] is compatible
    assert found["added"] == 1
    assert found["objects"][0]["file"] == "python3.11"
