"""The three witnesses on doctored pairs of small shared objects that gcc makes here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness import abi, abi_layout, abi_symbols
from harness.errors import AbiToolError, BinaryUnreadableError, ToolMissingError

HEADER = """
typedef struct { unsigned kind : 3; unsigned ready : 1; } Bits;
typedef struct record { int first; union { int i; float f; }; Bits bits; long last; } Record;
int use(Record *r);
int helper(int);
extern int shared_data;
"""
SOURCE = """
#include "small.h"
int shared_data = 1;
int use(Record *r) { return r->first + (int)r->last; }
int helper(int x) { return x; }
"""
RULES = abi_layout.Rules(frozenset(), frozenset())


def build(folder: Path, *edits: tuple[str, str], flags: tuple[str, ...] = ("-g",)) -> Path:
    """Compile the pair of texts after `edits` to folder/lib/small.so and return it."""
    header, source = HEADER, SOURCE
    for old, new in edits:
        assert old in header + source
        header, source = header.replace(old, new), source.replace(old, new)
    for name, text in (("Include/small.h", header), ("Objects/small.c", source)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    target = folder / "small.so"
    command = ["gcc", *flags, "-shared", "-fPIC", "-IInclude", "Objects/small.c", "-o", str(target)]
    subprocess.run(command, cwd=folder, check=True)
    return target


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    return build(tmp_path / "stock")


def judge(stock: Path, other: Path) -> dict[str, object]:
    change = abi_symbols.compare(abi_symbols.exported(stock), abi_symbols.exported(other))
    layouts = abi_layout.compare(abi_layout.read(stock, RULES), abi_layout.read(other, RULES), RULES)
    report = abi.abidiff(stock, other, (stock.parent / "Include", other.parent / "Include"))
    entry = {"file": "small.so", "status": "same" if change.compatible else "broken", "removed": list(change.removed)}
    return abi.verdict([entry | {"added": list(change.added), "changed": list(change.changed)}], layouts, 1, report)


def test_the_same_is_compatible(stock: Path, tmp_path: Path) -> None:
    found = judge(stock, build(tmp_path / "same"))
    assert found["compatible"]
    assert found["added"] == 0


def test_an_added_function_is_compatible(stock: Path, tmp_path: Path) -> None:
    edits = (
        ("int helper(int);", "int helper(int);\nint fresh(void);"),
        ("int helper(int x)", "int fresh(void) { return 0; }\nint helper(int x)"),
    )
    found = judge(stock, build(tmp_path / "added", *edits))
    assert found["compatible"]
    assert found["added"] == 1


@pytest.mark.parametrize(
    ("edits", "witnesses"),
    [
        ([("helper", "renamed")], {"symbols", "abidiff"}),
        ([("int first;", "int first; long inserted;")], {"layout", "abidiff"}),
        ([("long last;", "int last;")], {"layout", "abidiff"}),
        ([("long last;", "long last; long appended;")], {"layout", "abidiff"}),
        ([("kind : 3", "kind : 4")], {"layout", "abidiff"}),
        ([("extern int shared_data;", "extern _Thread_local int shared_data;"),
          ("int shared_data = 1", "_Thread_local int shared_data = 1")], {"symbols"}),
        ([("int helper(int", "long helper(long")], {"abidiff"}),
    ],
)  # fmt: skip
def test_what_breaks_is_found(stock: Path, tmp_path: Path, edits: list[tuple[str, str]], witnesses: set[str]) -> None:
    other = build(tmp_path / "other", *edits)
    assert not judge(stock, other)["compatible"]
    said = set()
    if not abi_symbols.compare(abi_symbols.exported(stock), abi_symbols.exported(other)).compatible:
        said.add("symbols")
    if abi_layout.compare(abi_layout.read(stock, RULES), abi_layout.read(other, RULES), RULES):
        said.add("layout")
    report = abi.abidiff(stock, other, None)
    if report.removed or report.changed:
        said.add("abidiff")
    assert witnesses <= said


def test_layouts_are_read_through_unions_and_bit_fields(stock: Path) -> None:
    record = abi_layout.read(stock, RULES)["record"]
    assert record.size == 24
    assert record.members == {
        "first": (0, 32),
        "i": (32, 32),
        "f": (32, 32),
        "bits": (64, 32),
        "bits.kind": (64, 3),
        "bits.ready": (67, 1),
        "last": (128, 64),
    }
    assert abi_layout.read(stock, RULES)["Bits"].members["ready"] == (3, 1)


def test_without_debug_information_nothing_is_said(stock: Path, tmp_path: Path) -> None:
    bare = build(tmp_path / "bare", flags=())
    for compare in (lambda: abi.abidiff(stock, bare, None), lambda: abi_layout.read(bare, RULES)):
        with pytest.raises(BinaryUnreadableError, match="no debug information"):
            compare()


def test_abidiffs_own_failure_is_not_a_difference(
    stock: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(abi, "SUPPRESSIONS", tmp_path / "none.ini")
    with pytest.raises(AbiToolError, match="does not exist"):
        abi.abidiff(stock, stock, None)


def test_no_abidiff_is_said(stock: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("abidiff") is None
    with pytest.raises(ToolMissingError, match="abidiff"):
        abi.abidiff(stock, stock, None)


def test_no_elf_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.so"
    path.write_text("text", encoding="utf-8")
    for read in (lambda: abi_symbols.exported(path), lambda: abi_layout.read(path, RULES)):
        with pytest.raises(BinaryUnreadableError, match=r"x\.so"):
            read()
