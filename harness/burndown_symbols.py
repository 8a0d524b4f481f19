"""The writable variables of a built program or shared object: symbol table, with file and function from DWARF.

The symbol table says what exists, where and how large; DWARF names the source file and, for a `static` inside a
function, the function. Without DWARF the file is the one of the preceding STT_FILE symbol (a base name only).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from harness import atomic, paths
from harness.burndown_dwarf import Elf, Place, places
from harness.errors import BinaryUnreadableError

FORMAT = 1  # of the cached listing; raise it when the meaning of an entry changes
# `name.123` (static of a function), `name.lto_priv.0`, `name.constprop.0`: suffixes that a compiler appends.
SUFFIX = re.compile(r"(?:\.(?:\d+|lto_priv|constprop|isra|part|cold))+$")
READ_ONLY = frozenset(
    {".data.rel.ro", ".data.rel.ro.local", ".dynamic", ".got", ".got.plt", ".init_array", ".fini_array"}
)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable in writable memory: name without suffix, source file and function (if known), section, bytes.

    `object` is the file name of the program or shared object; `thread_local` ones are one a thread.
    """

    object: str
    file: str
    function: str | None
    name: str
    section: str
    size: int
    thread_local: bool

    @property
    def key(self) -> tuple[str, str | None, str]:
        """What stays the same between builds: file, function, name."""
        return (self.file, self.function, self.name)


def demangle(name: str) -> str:
    """`name` without the suffixes that the compiler gives to local copies."""
    return SUFFIX.sub("", name)


def read(path: Path) -> list[Symbol]:
    """Every writable variable of the ELF file `path`; cached by its sha256.

    BinaryUnreadableError if it is no ELF file or was stripped of its symbol table.
    """
    data = path.read_bytes()
    cached = paths.cache_dir() / "symbols" / f"{hashlib.sha256(data).hexdigest()}-{FORMAT}.json"
    if cached.exists():
        return [Symbol(**entry) for entry in atomic.read_json(cached)["symbols"]]
    try:
        with path.open("rb") as stream:
            symbols = sorted(_symbols(ELFFile(stream), path.name), key=_order)
    except ELFError as problem:
        raise BinaryUnreadableError(f"{path}: {problem}") from None
    atomic.write_json(cached, {"symbols": [asdict(symbol) for symbol in symbols]})
    return symbols


def _order(symbol: Symbol) -> tuple[str, str, str, int]:
    return (symbol.file, symbol.function or "", symbol.name, symbol.size)


def _symbols(elf: Elf, name: str) -> Iterator[Symbol]:
    table = elf.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        raise BinaryUnreadableError(f"{name} has no symbol table: it was stripped")
    writable = _writable_sections(elf)
    known = places(elf)
    file = ""
    for entry in table.iter_symbols():
        kind = entry["st_info"]["type"]
        if kind == "STT_FILE":
            file = entry.name
        if kind not in ("STT_OBJECT", "STT_TLS", "STT_COMMON") or entry["st_shndx"] not in writable:
            continue
        if "@" in entry.name:  # a copy relocation: the C library's variable, placed here by the linker
            continue
        section, thread_local = writable[entry["st_shndx"]]
        local = entry["st_info"]["bind"] == "STB_LOCAL"
        plain = demangle(entry.name)
        place = _place(known, entry["st_value"], thread_local, plain) or Place(file if local else "", None, plain)
        yield Symbol(name, place.file, place.function, plain, section, entry["st_size"], thread_local)


def _place(known: dict[tuple[bool, int], list[Place]], address: int, thread_local: bool, name: str) -> Place | None:
    candidates = known.get((thread_local, address), [])
    named = [place for place in candidates if place.name == name]
    return next(iter(named or candidates), None)


def _writable_sections(elf: Elf) -> dict[int, tuple[str, bool]]:
    """Index -> (name, thread-local?) of the sections that stay writable after relocation."""
    relro = [(s["p_vaddr"], s["p_vaddr"] + s["p_memsz"]) for s in elf.iter_segments("PT_GNU_RELRO")]
    found = {}
    for index, section in enumerate(elf.iter_sections()):
        flags = section["sh_flags"]
        wanted = SH_FLAGS.SHF_WRITE | SH_FLAGS.SHF_ALLOC
        if flags & wanted != wanted or section.name in READ_ONLY:
            continue
        start, thread_local = section["sh_addr"], bool(flags & SH_FLAGS.SHF_TLS)
        # .tbss occupies no memory of its own: its address says nothing about protection.
        if not thread_local and any(low <= start and start + section["sh_size"] <= high for low, high in relro):
            continue
        found[index] = (section.name, thread_local)
    return found


def binaries(prefix: Path) -> list[Path]:
    """The interpreter and the extension modules installed in `prefix`; BinaryUnreadableError if there are none."""
    programs = sorted(
        path for path in (prefix / "bin").glob("python3.[0-9]*") if path.name[7:].replace(".", "").isdigit()
    )
    libraries = sorted((prefix / "lib").glob("libpython3.*.so.*"))
    modules = sorted((prefix / "lib").glob("python3.*/lib-dynload/*.so"))
    if not programs or not modules:
        raise BinaryUnreadableError(f"{prefix} holds no installed interpreter with its extension modules")
    return [*programs, *libraries, *modules]
