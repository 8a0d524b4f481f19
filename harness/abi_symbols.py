"""The exported symbols of two programs or shared objects, and what the second lacks or has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.errors import BinaryUnreadableError

GLOBAL = frozenset({"STB_GLOBAL", "STB_WEAK", "STB_LOOS"})  # STB_LOOS is STB_GNU_UNIQUE


@dataclass(frozen=True, slots=True)
class Change:
    """Differences of one pair: removed and added names, and sentences about those that changed."""

    removed: tuple[str, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def compatible(self) -> bool:
        """Does everything that linked and worked before still link and work?"""
        return not (self.removed or self.changed)


def exported(path: Path) -> dict[str, str]:
    """Name -> kind (STT_FUNC, STT_OBJECT, STT_TLS, ...) of the symbols that other objects can link to."""
    try:
        with path.open("rb") as stream:
            table = ELFFile(stream).get_section_by_name(".dynsym")
            if table is None:
                raise BinaryUnreadableError(f"{path} exports nothing: it has no dynamic symbol table")
            return {
                entry.name: entry["st_info"]["type"]
                for entry in table.iter_symbols()
                if entry["st_shndx"] != "SHN_UNDEF"
                and entry["st_info"]["bind"] in GLOBAL
                and entry["st_other"]["visibility"] in ("STV_DEFAULT", "STV_PROTECTED")
            }
    except ELFError as problem:
        raise BinaryUnreadableError(f"{path}: {problem}") from None


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> Change:
    """Compare two results of `exported`."""
    changed = [
        f"{name}: {before[name]} became {after[name]}"
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]
    return Change(
        removed=tuple(sorted(before.keys() - after.keys())),
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(changed),
    )
