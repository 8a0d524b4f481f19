"""The symbol reader on small shared objects that gcc makes here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness import burndown_symbols as symbols
from harness.errors import BinaryUnreadableError

SOURCE = """
#include <stdio.h>
#include "state.h"
int exported = 1;
static int zeroed;
static const char *const fixed[] = {"a", "b"};
static const int constant = 3;
const void *pointer_table[] = {fixed, &constant};
_Thread_local int per_thread;
static _Thread_local int per_thread_too = 2;
int counter(void) { static int calls; static int table[4] = {1}; return ++calls + table[calls & 3]++ + zeroed++; }
int other(void) { static int calls; per_thread_too++; return ++calls + in_header++ + (stdout != 0); }
"""


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "src" / "Objects" / "small.c"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE, encoding="utf-8")
    header = tmp_path / "src" / "Include" / "state.h"
    header.parent.mkdir()
    header.write_text("static int in_header;\n", encoding="utf-8")
    return tmp_path


def compile_(build: Path, *flags: str) -> Path:
    target = build / "small.so"
    command = ["gcc", "-O2", "-shared", "-fPIC", *flags, "-I../Include", "small.c", "-o", str(target)]
    subprocess.run(command, cwd=build / "src" / "Objects", check=True)
    return target


@pytest.mark.parametrize("dwarf", ["-gdwarf-5", "-gdwarf-4"])
def test_files_and_functions_come_from_dwarf(build: Path, dwarf: str) -> None:
    found = {symbol.key: symbol for symbol in symbols.read(compile_(build, dwarf))}
    ours = {key for key in found if key[0] != "crtstuff.c" and not key[2].startswith("__")}
    assert ours == {
        ("Objects/small.c", None, "exported"),
        ("Objects/small.c", None, "zeroed"),
        ("Objects/small.c", None, "pointer_table"),
        ("Objects/small.c", None, "per_thread"),
        ("Objects/small.c", None, "per_thread_too"),
        ("Objects/small.c", "counter", "calls"),
        ("Objects/small.c", "counter", "table"),
        ("Objects/small.c", "other", "calls"),
        ("Include/state.h", None, "in_header"),
    }
    local = {key[2] for key, symbol in found.items() if symbol.thread_local}
    assert local == {"per_thread", "per_thread_too"}
    assert found["Objects/small.c", "counter", "table"].size == 16
    assert found["Objects/small.c", "counter", "table"].section == ".data"
    assert found["Objects/small.c", None, "zeroed"].section == ".bss"


def test_without_dwarf_the_symbol_table_must_do(build: Path) -> None:
    found = {symbol.key for symbol in symbols.read(compile_(build))}
    assert ("small.c", None, "zeroed") in found
    assert ("", None, "exported") in found


def test_the_same_file_is_read_once(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = compile_(build, "-g")
    first = symbols.read(target)
    monkeypatch.setattr(symbols, "ELFFile", None)
    assert symbols.read(target) == first


def test_a_stripped_file_is_refused(build: Path) -> None:
    target = compile_(build, "-s")
    with pytest.raises(BinaryUnreadableError, match="stripped"):
        symbols.read(target)


def test_no_elf_file_is_refused(build: Path) -> None:
    target = build / "text.so"
    target.write_text("not a program", encoding="utf-8")
    with pytest.raises(BinaryUnreadableError, match=r"text\.so"):
        symbols.read(target)


def test_an_empty_prefix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BinaryUnreadableError, match="no installed interpreter"):
        symbols.binaries(tmp_path)
