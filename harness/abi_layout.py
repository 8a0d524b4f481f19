"""The layout of the structs that extension modules can see, read from DWARF: members, offsets, sizes.

abidiff compares what exported functions reach; macros and inline functions reach the rest, so every struct of a
public header is compared here, and the few internal ones that `abi_rules.toml` names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.burndown_dwarf import Die, Files, origin_of, text
from harness.errors import BinaryUnreadableError, HarnessError

RULES = Path(__file__).with_name("abi_rules.toml")
RECORDS = frozenset({"DW_TAG_structure_type", "DW_TAG_union_type"})
THROUGH = frozenset({"DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_atomic_type"})
POINTER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct or union: bytes, and (offset, width) in bits of each member by name; those of unnamed ones inlined."""

    name: str
    file: str
    size: int
    members: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Rules:
    """Structs that may grow at their end, and internal ones that count as public."""

    grow: frozenset[str]
    internal: frozenset[str]


def read_rules(path: Path = RULES) -> Rules:
    """The committed rules; an entry without a reason is refused."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    for entry in [*data.get("grow", []), *data.get("internal", [])]:
        if not str(entry.get("reason", "")).strip() or not entry.get("struct"):
            raise HarnessError(f"{path}: an entry needs a struct and a reason: {entry}")
    return Rules(
        grow=frozenset(entry["struct"] for entry in data.get("grow", [])),
        internal=frozenset(entry["struct"] for entry in data.get("internal", [])),
    )


def read(path: Path, rules: Rules) -> dict[str, Struct]:
    """The structs of public headers and of `rules.internal` in a program; BinaryUnreadableError without DWARF."""
    try:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            if not elf.has_dwarf_info() or not elf.get_section_by_name(".debug_info"):
                raise BinaryUnreadableError(f"{path} has no debug information: its ABI cannot be compared")
            dwarf = elf.get_dwarf_info()
            found: dict[str, Struct] = {}
            for unit in dwarf.iter_CUs():
                files = Files(dwarf, unit)
                for name, die in _records(unit.get_top_DIE()):
                    file = files.of(die, die)
                    if name not in found and (_public(file) or name in rules.internal):
                        found[name] = Struct(name, file, die.attributes["DW_AT_byte_size"].value, _members(die))
            return found
    except ELFError as problem:
        raise BinaryUnreadableError(f"{path}: {problem}") from None


def _public(file: str) -> bool:
    return file.startswith("Include/") and not file.startswith("Include/internal/")


def _records(top: Die) -> Iterator[tuple[str, Die]]:
    """Named structs and unions that have a body; one without a name takes that of its typedef."""
    for die in top.iter_children():
        name = text(die, "DW_AT_name")
        record = die
        if die.tag == "DW_TAG_typedef" and "DW_AT_type" in die.attributes:
            record = die.get_DIE_from_attribute("DW_AT_type")
            if text(record, "DW_AT_name"):
                continue
        if record.tag in RECORDS and name and "DW_AT_byte_size" in record.attributes:
            yield name, record


def _members(record: Die, base: int = 0, prefix: str = "") -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for die in record.iter_children():
        if die.tag != "DW_TAG_member":
            continue
        offset = base + _offset(die)
        kind = _resolve(die)
        name = text(die, "DW_AT_name")
        if name is None and kind is not None and kind.tag in RECORDS:
            found |= _members(kind, offset, prefix)
        elif name is not None:
            found[prefix + name] = (offset, _width(die, kind))
            if kind is not None and kind.tag in RECORDS and text(kind, "DW_AT_name") is None:
                found |= _members(kind, offset, f"{prefix}{name}.")
    return found


def _offset(die: Die) -> int:
    if "DW_AT_data_bit_offset" in die.attributes:
        return int(die.attributes["DW_AT_data_bit_offset"].value)
    location = die.attributes.get("DW_AT_data_member_location")  # absent in a union
    return 8 * int(location.value) if location is not None else 0


def _width(die: Die, kind: Die | None) -> int:
    bits = die.attributes.get("DW_AT_bit_size")
    return int(bits.value) if bits is not None else 8 * _size(kind)


def _resolve(die: Die) -> Die | None:
    """The type of `die` behind typedefs and qualifiers; None for void."""
    while "DW_AT_type" in die.attributes:
        die = origin_of(die.get_DIE_from_attribute("DW_AT_type"))
        if die.tag not in THROUGH:
            return die
    return None


def _size(kind: Die | None) -> int:
    if kind is None:
        return 0
    if "DW_AT_byte_size" in kind.attributes:
        return int(kind.attributes["DW_AT_byte_size"].value)
    if kind.tag == "DW_TAG_array_type":
        count = 1
        for die in kind.iter_children():
            bound = die.attributes.get("DW_AT_upper_bound") or die.attributes.get("DW_AT_count")
            flexible = bound is None or not isinstance(bound.value, int)
            count *= 0 if flexible else bound.value + (1 if "DW_AT_upper_bound" in die.attributes else 0)
        return count * _size(_resolve(kind))
    return POINTER_BYTES


def compare(before: Mapping[str, Struct], after: Mapping[str, Struct], rules: Rules) -> list[str]:
    """Sentences about every struct of `before` that `after` lacks or lays out otherwise."""
    found: list[str] = []
    for name, old in sorted(before.items()):
        new = after.get(name)
        if new is None:
            found.append(f"struct {name} ({old.file}) is gone")
            continue
        found.extend(
            f"struct {name} ({old.file}): {problem}" for problem in _differences(old, new, name in rules.grow)
        )
    return found


def _differences(old: Struct, new: Struct, may_grow: bool) -> Iterator[str]:
    for member, (offset, width) in old.members.items():
        if member not in new.members:
            yield f"member {member} is gone"
            continue
        now, width_now = new.members[member]
        if now != offset:
            yield f"member {member} moved from byte {offset / 8:g} to {now / 8:g}"
        if width_now != width:
            yield f"member {member} changed from {width} to {width_now} bits"
    if new.size < old.size or (new.size > old.size and not may_grow):
        yield f"changed from {old.size} to {new.size} bytes"
