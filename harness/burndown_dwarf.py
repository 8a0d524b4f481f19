"""Where each variable of a program was declared, from its DWARF: address -> file, function, name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

# pyelftools has no types of its own; these say what is meant.
Elf: TypeAlias = Any
Die: TypeAlias = Any
Dwarf: TypeAlias = Any
Unit: TypeAlias = Any

TOP = frozenset({"Include", "Modules", "Objects", "Parser", "PC", "Programs", "Python"})
SCOPES = frozenset({"DW_TAG_subprogram", "DW_TAG_lexical_block", "DW_TAG_inlined_subroutine"})
OP_ADDR, OP_TLS = 0x03, frozenset({0x9B, 0xE0})  # DW_OP_addr; DW_OP_form_tls_address, DW_OP_GNU_push_tls_address
OP_CONST8U, OP_CONST4U = 0x0E, 0x0C


@dataclass(frozen=True, slots=True)
class Place:
    """A declaration: source file (relative to the source root where it lies in it), function or None, name."""

    file: str
    function: str | None
    name: str


def relative(path: str) -> str:
    """`path` from the source root on: `/src/x/Objects/../Python/ceval.c` -> `Python/ceval.c`.

    The last of CPython's top folders counts, for a clone may lie in a folder named Python.
    """
    parts = posixpath.normpath(path).split("/")
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] in TOP:
            return "/".join(parts[index:])
    return parts[-1]


def places(elf: Elf) -> dict[tuple[bool, int], list[Place]]:
    """(thread-local?, address or offset) -> declarations there; empty without DWARF."""
    found: dict[tuple[bool, int], list[Place]] = {}
    if not elf.has_dwarf_info():
        return found
    dwarf = elf.get_dwarf_info()
    for unit in dwarf.iter_CUs():
        files = Files(dwarf, unit)
        for die, function in _variables(unit.get_top_DIE(), None):
            where = _address(die, elf.little_endian)
            if where is None:
                continue
            origin = origin_of(die)
            name = text(origin, "DW_AT_name")
            if name:
                found.setdefault(where, []).append(Place(files.of(die, origin), function, name))
    return found


def _variables(parent: Die, function: str | None) -> Iterator[tuple[Die, str | None]]:
    for die in parent.iter_children():
        if die.tag == "DW_TAG_variable":
            yield die, function
        elif die.tag in SCOPES:
            inside = function
            if die.tag != "DW_TAG_lexical_block":
                inside = text(origin_of(die), "DW_AT_name") or function
            yield from _variables(die, inside)


def origin_of(die: Die) -> Die:
    """The declaration that `die` completes or is an instance of (itself if it stands alone)."""
    while True:
        for link in ("DW_AT_abstract_origin", "DW_AT_specification"):
            if link in die.attributes:
                die = die.get_DIE_from_attribute(link)
                break
        else:
            return die


def text(die: Die, attribute: str) -> str | None:
    """The string value of an attribute, or None."""
    value = die.attributes.get(attribute)
    return value.value.decode("utf-8", "replace") if value is not None else None


def _address(die: Die, little: bool) -> tuple[bool, int] | None:
    location = die.attributes.get("DW_AT_location")
    if location is None or not location.form.startswith(("DW_FORM_exprloc", "DW_FORM_block")) or not location.value:
        return None
    code, order = bytes(location.value), "little" if little else "big"
    width = {OP_ADDR: 8, OP_CONST8U: 8, OP_CONST4U: 4}.get(code[0])
    if width is None or len(code) < 1 + width:
        return None
    thread_local = len(code) > 1 + width and code[1 + width] in OP_TLS
    if code[0] != OP_ADDR and not thread_local:
        return None
    return thread_local, int.from_bytes(code[1 : 1 + width], order)  # type: ignore[arg-type]


class Files:
    """The file table of one unit; paths are made relative to the source root once each."""

    def __init__(self, dwarf: Dwarf, unit: Unit) -> None:
        program = dwarf.line_program_for_CU(unit)
        header = program.header if program is not None else None
        self.entries = header["file_entry"] if header is not None else []
        self.folders = header["include_directory"] if header is not None else []
        self.first = 0 if header is not None and header["version"] >= 5 else 1
        top = unit.get_top_DIE()
        self.root = text(top, "DW_AT_comp_dir") or ""
        self.unit = relative(posixpath.join(self.root, text(top, "DW_AT_name") or ""))
        self.known: dict[int, str] = {}

    def of(self, die: Die, origin: Die) -> str:
        """The file in which the variable is defined: the definition's own word before the declaration's."""
        for candidate in (die, origin):
            attribute = candidate.attributes.get("DW_AT_decl_file")
            if attribute is not None and candidate.cu is die.cu:
                return self._name(attribute.value)
        return self.unit

    def _name(self, number: int) -> str:
        if number not in self.known:
            self.known[number] = self._look_up(number)
        return self.known[number]

    def _look_up(self, number: int) -> str:
        index = number - self.first
        if not 0 <= index < len(self.entries):
            return self.unit
        entry = self.entries[index]
        folder = entry.dir_index - self.first
        base = self.folders[folder].decode() if 0 <= folder < len(self.folders) else ""
        return relative(posixpath.join(self.root, base, entry.name.decode()))
