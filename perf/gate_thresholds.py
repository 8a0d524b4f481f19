"""Reads perf/thresholds.toml, the one file of numbers that the gate decides by, and refuses a faulty one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import source_cache
from harness.errors import ThresholdsError, UsageError

FILE = Path(__file__).resolve().parent / "thresholds.toml"
NAMED = "margins"  # [benchmark.margins.<name>]: a margin of one benchmark's own


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The numbers of perf/thresholds.toml by `section_key`; shares as fractions, times in seconds."""

    suite_margin: float
    suite_alpha: float
    suite_power: float
    blocks_least: int
    blocks_first: int
    blocks_step: int
    blocks_most: int
    blocks_seconds: int
    blocks_layouts: int
    pairs_release: int
    benchmark_margin: float
    benchmark_alpha: float
    rerun_alpha: float
    rerun_blocks: int
    rerun_most: int
    control_alpha: float
    control_spread: float
    machine_busy: float
    margins: Mapping[str, float]

    def looks(self, first: int | None = None, most: int | None = None, multiple: int = 1) -> list[int]:
        """Numbers of blocks at which the gate looks: `first`, then steps, up to `most`; multiples of `multiple`."""
        start = self.blocks_first if first is None else first
        cap = max(self.blocks_most, start) if most is None else most
        if start < 2 or cap < start:
            raise UsageError(f"blocks must be two or more and the cap no less than that: {start}, cap {cap}")
        numbers = [*range(start, cap, self.blocks_step), cap]
        return sorted({-(-number // multiple) * multiple for number in numbers})


_INTEGERS = frozenset(name for name, kind in Thresholds.__annotations__.items() if kind == "int")


def load(file: Path = FILE) -> Thresholds:
    """The thresholds of `file`; ThresholdsError for an entry that is missing, unknown, unreasoned or out of range."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ThresholdsError(f"{file} cannot be read: {error}") from None
    margins = table.get("benchmark", {}).pop(NAMED, {})
    found: dict[str, float] = {}
    for section, entries in table.items():
        for key, entry in entries.items():
            found[f"{section}_{key}"] = _value(entry, f"{file.name}: [{section}.{key}]")
    wanted = set(Thresholds.__annotations__) - {NAMED}
    if set(found) != wanted:
        amiss = ", ".join(name.replace("_", ".", 1) for name in sorted(set(found) ^ wanted))
        raise ThresholdsError(f"{file.name}: missing or unknown entries: {amiss}")
    named = {name: _value(entry, f"{file.name}: [benchmark.{NAMED}.{name}]") for name, entry in margins.items()}
    numbers: dict[str, Any] = {name: int(v) if name in _INTEGERS else v for name, v in found.items()}
    return Thresholds(**numbers, margins=named)


def digest(file: Path = FILE) -> str:
    """sha256 (hex) of the file: results under other thresholds are other results."""
    return source_cache.sha256_of(file)


def _value(entry: object, where: str) -> float:
    if not isinstance(entry, dict) or set(entry) != {"value", "reason"}:
        raise ThresholdsError(f"{where} must have a value and a reason, and nothing else")
    value = entry["value"]
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ThresholdsError(f"{where}: {value!r} is not a number of zero or more")
    if not str(entry["reason"]).strip():
        raise ThresholdsError(f"{where} gives no reason")
    return float(value)
