"""Planted slowdowns: the kept patch that slows parts of the interpreter, put on top of the series at known strength.

perf/planted/slowdown.patch adds needless work at a few places, none of it by itself; strengths.toml says how much
each named slowdown puts where, and what that cost when it was measured.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import atomic, paths
from harness.errors import PlantedError

DIRECTORY = Path(__file__).resolve().parent / "planted"
PATCH = DIRECTORY / "slowdown.patch"
STRENGTHS = DIRECTORY / "strengths.toml"
NAME = "perf/planted-slowdown.patch"  # in the series that the planted fork is built from
PLACES = ("EVAL", "DICT", "ALLOC", "TYPE")


@dataclass(frozen=True, slots=True)
class Planted:
    """A named slowdown: steps of needless work at each place, and what it does, in words."""

    name: str
    places: Mapping[str, int]
    what: str


def strengths(file: Path = STRENGTHS) -> dict[str, Planted]:
    """The slowdowns by name; PlantedError if the file is malformed."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        found = {}
        for name, entry in table.items():
            places = {place.upper(): int(count) for place, count in entry["places"].items()}
            if not set(places) <= set(PLACES) or min(places.values()) < 0:
                raise ValueError(f"{name}: places must be among {', '.join(PLACES)}")
            found[name] = Planted(name, places, str(entry["what"]))
    except (OSError, tomllib.TOMLDecodeError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise PlantedError(f"{file} cannot be used: {error}") from None
    return found


def find(name: str) -> Planted:
    """The slowdown called `name`; PlantedError lists what there is."""
    known = strengths()
    if name not in known:
        raise PlantedError(f"there is no planted slowdown {name!r}; there are: {', '.join(known)}")
    return known[name]


def slug(name: str) -> str:
    """`name` as part of a path; PlantedError if there is no such slowdown."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", find(name).name).strip("-")


def patch(name: str, text: str | None = None) -> str:
    """The kept patch with the strengths of `name` written into it."""
    source = PATCH.read_text(encoding="utf-8") if text is None else text
    places = find(name).places
    for place in PLACES:
        pattern = re.compile(rf"^\+#define PLANTED_{place} 0$", re.MULTILINE)
        if len(pattern.findall(source)) != 1:
            raise PlantedError(f"{PATCH} does not define PLANTED_{place} as 0 just once")
        source = pattern.sub(f"+#define PLANTED_{place} {places.get(place, 0)}", source)
    return source


def write_series(name: str, target: Path, patches: Path | None = None) -> None:
    """Write the series (default: patches/) with the slowdown `name` on top to the folder `target`, anew."""
    source = patches or paths.PATCHES
    text = patch(name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in sorted(source.rglob("*.patch")):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    series = (source / "series").read_text(encoding="utf-8")
    (target / NAME).parent.mkdir(exist_ok=True)
    atomic.write_text(target / NAME, text)
    atomic.write_text(target / "series", series.rstrip("\n") + f"\n{NAME}\n")
