"""What the built binaries say about the burn-down: new writable variables, claims that do not hold, bytes.

Everything here is a comparison of lists (no file is read), so that the rules can be tested without a build.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.burndown_lists import Step, Variable, explained
from harness.burndown_symbols import Symbol


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of both variants and ours: variable -> reason."""

    upstream_to_fix: Mapping[Variable, str]
    fork_to_fix: Mapping[Variable, str]
    upstream_ignored: Mapping[Variable, str]
    fork_ignored: Mapping[Variable, str]
    allowed: Mapping[Variable, str]

    def excuse(self, symbol: Symbol) -> str | None:
        """Why the fork may have `symbol`: a row that upstream has too or that gives a reason; else None."""
        for row, reason in self.allowed.items():
            if _allowed(row, symbol):
                return reason
        for fork, upstream in ((self.fork_to_fix, self.upstream_to_fix), (self.fork_ignored, self.upstream_ignored)):
            for row, reason in fork.items():
                if same(row, symbol) and (row in upstream or explained(reason)):
                    return reason
        return None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the rows of upstream's list are found in upstream's build: rows with and without a writable variable."""

    built: tuple[Variable, ...]
    absent: tuple[Variable, ...]


def same(row: Variable, symbol: Symbol) -> bool:
    """Do the row and the symbol mean one variable? A function counts only where both know one."""
    if row.name != symbol.name or not _same_file(row.file, symbol.file):
        return False
    if row.function is None or symbol.function is None:
        return True
    return row.function.removesuffix("_impl") == symbol.function.removesuffix("_impl")


def _same_file(row: str, symbol: str) -> bool:
    # Without DWARF a local symbol has only a base name, a global one no file at all.
    return row == symbol or (("/" not in symbol) and (not symbol or row.rsplit("/", 1)[-1] == symbol))


def _allowed(row: Variable, symbol: Symbol) -> bool:
    return (
        fnmatchcase(symbol.file, row.file)
        and fnmatchcase(symbol.name, row.name)
        and row.function in (None, symbol.function)
    )


class Index:
    """Symbols by name, to find those of a row without a walk over all of them."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        self._by_name: dict[str, list[Symbol]] = {}
        for symbol in symbols:
            self._by_name.setdefault(symbol.name, []).append(symbol)

    def of(self, row: Variable) -> list[Symbol]:
        """The symbols of `row`; several where a header or a source file is compiled more than once."""
        return [symbol for symbol in self._by_name.get(row.name, []) if same(row, symbol)]


def shared(symbols: Iterable[Symbol]) -> list[Symbol]:
    """Those that all threads share."""
    return [symbol for symbol in symbols if not symbol.thread_local]


def coverage(rows: Iterable[Variable], symbols: Sequence[Symbol]) -> Coverage:
    """Split `rows` by whether the build has a writable variable for them."""
    index = Index(shared(symbols))
    built: list[Variable] = []
    absent: list[Variable] = []
    for row in sorted(rows, key=str):
        (built if index.of(row) else absent).append(row)
    return Coverage(tuple(built), tuple(absent))


def new_symbols(upstream: Sequence[Symbol], fork: Sequence[Symbol], lists: Lists) -> list[Symbol]:
    """Shared writable variables of the fork that upstream does not have (or fewer times) and that no list excuses."""
    before = {symbol.key for symbol in shared(upstream)}
    fresh = {symbol.key: symbol for symbol in shared(fork) if symbol.key not in before}
    return [symbol for _, symbol in sorted(fresh.items(), key=str) if lists.excuse(symbol) is None]


def broken_claims(fork: Sequence[Symbol], lists: Lists) -> list[tuple[Variable, Symbol]]:
    """Rows that the fork's list no longer has although the variable is still writable and shared, and not excused."""
    index = Index(shared(fork))
    found = []
    for row in sorted(lists.upstream_to_fix.keys() - lists.fork_to_fix.keys(), key=str):
        for symbol in index.of(row):
            if lists.excuse(symbol) is None:
                found.append((row, symbol))
                break
    return found


def unexplained_ignores(lists: Lists) -> list[Variable]:
    """Rows that the fork put on the analyzer's ignore list without a reason."""
    fresh = lists.fork_ignored.keys() - lists.upstream_ignored.keys()
    return sorted((row for row in fresh if not explained(lists.fork_ignored[row])), key=str)


def grown(upstream: Sequence[Symbol], fork: Sequence[Symbol]) -> list[dict[str, object]]:
    """Variables in both that became larger: state may hide in a struct that was there before."""
    before = {symbol.key: symbol.size for symbol in shared(upstream)}
    after = {symbol.key: symbol for symbol in shared(fork)}
    return [
        {"symbol": symbol.name, "file": symbol.file, "before": before[key], "after": symbol.size}
        for key, symbol in sorted(after.items(), key=str)
        if key in before and symbol.size > before[key]
    ]


def done_but_listed(mapped: Coverage, fork: Sequence[Symbol], lists: Lists) -> list[Variable]:
    """Rows still listed whose variable only upstream's build has: progress not yet claimed."""
    index = Index(shared(fork))
    return [row for row in mapped.built if row in lists.fork_to_fix and not index.of(row)]


def wrong_trailers(steps: Iterable[Step]) -> list[dict[str, object]]:
    """Patches whose `Globals:` trailer is not the change that they make to the list."""
    return [
        {"patch": step.patch, "trailer": step.trailer, "rows": step.net}
        for step in steps
        if step.trailer is not None and step.trailer != step.net
    ]


def totals(symbols: Sequence[Symbol]) -> dict[str, object]:
    """Count and bytes of shared writable variables, of thread-local ones, and bytes by section."""
    sections: Counter[str] = Counter()
    for symbol in shared(symbols):
        sections[symbol.section] += symbol.size
    local = [symbol for symbol in symbols if symbol.thread_local]
    return {
        "symbols": len(symbols) - len(local),
        "bytes": sum(sections.values()),
        "sections": dict(sorted(sections.items())),
        "thread_local": {"symbols": len(local), "bytes": sum(symbol.size for symbol in local)},
    }
