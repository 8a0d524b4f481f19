"""`abi`: does everything built for stock 3.11 still load and work? Upstream's binary interface against the fork's.

Three witnesses: the exported symbols of the interpreter and of each extension module, the layout of public structs,
and libabigail's abidiff over the types that exported functions use. Exit 1 on anything removed or changed; what was
added is listed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from rich.markup import escape

from harness import abi_layout, abi_symbols, atomic, build, cli, proc, results, runner
from harness.burndown_symbols import binaries
from harness.console import out, say
from harness.errors import AbiToolError, BinaryUnreadableError, Exit
from harness.lock import clone_lock
from harness.variants import Profile, Variant

KIND, MAIN = "abi", "abi.json"
SUPPRESSIONS = Path(__file__).with_name("abi_suppressions.ini")
TOOL_FAILED = 0b11  # bits of abidiff's exit status: 1 error, 2 usage, 4 change, 8 incompatible change
ENTRY = re.compile(r"^\s*\[([DAC])\]\s*(.*)$")
COUNTS = re.compile(r"changes? summary: (\d+) Removed(?:, (\d+) Changed)?[^,]*, (\d+) Added")
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Report:
    """What abidiff said: removed, changed and added interfaces, as it words them; its whole text."""

    removed: tuple[str, ...]
    changed: tuple[str, ...]
    added: tuple[str, ...]
    text: str


def abidiff(before: Path, after: Path, headers: tuple[Path, Path] | None) -> Report:
    """Run abidiff on two files with DWARF; only types of the given header directories count.

    An offset that changed is exit status 4 ("change") for abidiff, not 8, so that the entries decide, not the bits.
    """
    for path in (before, after):
        _require_dwarf(path)
    argv: list[str | Path] = ["abidiff", "--suppressions", SUPPRESSIONS, "--no-show-locs"]
    if headers is not None:
        argv += ["--headers-dir1", headers[0], "--headers-dir2", headers[1]]
    done = proc.run([*argv, before, after], check=False)
    if done.returncode < 0 or done.returncode & TOOL_FAILED:
        raise AbiToolError(f"abidiff exited with {done.returncode}: {done.stdout.strip()[-2000:]}")
    return parse(done.stdout)


def _require_dwarf(path: Path) -> None:
    # abidiff compares symbols only, and is content, when there is no DWARF.
    with path.open("rb") as stream:
        try:
            has = ELFFile(stream).get_section_by_name(".debug_info") is not None
        except ELFError as problem:
            raise BinaryUnreadableError(f"{path}: {problem}") from None
    if not has:
        raise BinaryUnreadableError(f"{path} has no debug information: its ABI cannot be compared")


def parse(text: str) -> Report:
    """Read abidiff's text; AbiToolError if its entries are fewer than its summary counts (unknown format)."""
    entries: dict[str, list[str]] = {"D": [], "C": [], "A": []}
    counted = [0, 0, 0]
    for line in text.splitlines():
        if match := ENTRY.match(line):
            entries[match[1]].append(match[2].strip())
        elif match := COUNTS.search(line):
            counted = [total + int(match[index + 1] or 0) for index, total in enumerate(counted)]
    if [len(entries[key]) for key in "DCA"] != counted:
        found = [len(entries[key]) for key in "DCA"]
        raise AbiToolError(
            f"abidiff counts {counted} removed, changed, added; its entries are {found}:\n{text[-2000:]}"
        )
    return Report(tuple(entries["D"]), tuple(entries["C"]), tuple(entries["A"]), text)


def public_headers(prefix: Path, into: Path) -> Path:
    """Copy the public headers installed in `prefix` (no internal/) to `into`."""
    installed = sorted((prefix / "include").glob("python3.*/Python.h"))
    if not installed:
        raise BinaryUnreadableError(f"{prefix} has no installed headers")
    shutil.copytree(installed[0].parent, into, ignore=shutil.ignore_patterns("internal"))
    return into


def compare_symbols(upstream: Path, fork: Path) -> list[dict[str, Any]]:
    """Exported symbols of every binary of both prefixes: {file, status, removed, added, changed} each."""
    mine = {path.name: path for path in binaries(fork)}
    theirs = {path.name: path for path in binaries(upstream)}
    entries: list[dict[str, Any]] = []
    for name, path in theirs.items():
        if name not in mine:
            entries.append({"file": name, "status": "missing", "removed": [name], "added": [], "changed": []})
            continue
        change = abi_symbols.compare(abi_symbols.exported(path), abi_symbols.exported(mine[name]))
        status = (
            "same" if change == abi_symbols.Change((), (), ()) else "compatible" if change.compatible else "broken"
        )
        entries.append(
            {"file": name, "status": status, **{key: list(value) for key, value in asdict(change).items()}}
        )
    entries += [
        {"file": name, "status": "compatible", "removed": [], "added": [name], "changed": []}
        for name in sorted(mine.keys() - theirs.keys())
    ]
    return entries


def compare(upstream: Path, fork: Path) -> dict[str, Any]:
    """The content of abi.json without provenance, for two installed prefixes."""
    objects = compare_symbols(upstream, fork)
    before, after = binaries(upstream)[0], binaries(fork)[0]
    rules = abi_layout.read_rules()
    structs = abi_layout.read(before, rules)
    layouts = abi_layout.compare(structs, abi_layout.read(after, rules), rules)
    with tempfile.TemporaryDirectory() as scratch:
        headers = (public_headers(upstream, Path(scratch, "1")), public_headers(fork, Path(scratch, "2")))
        report = abidiff(before, after, headers)
    return verdict(objects, layouts, len(structs), report)


def verdict(objects: Iterable[Mapping[str, Any]], layouts: list[str], structs: int, report: Report) -> dict[str, Any]:
    """Put the three witnesses together."""
    listed = [dict(entry) for entry in objects]
    if report.changed:  # removed and added symbols are in `listed` already; abidiff tells of types besides
        listed.append(
            {
                "file": "types of exported symbols",
                "status": "broken",
                "removed": [],
                "added": [],
                "changed": list(report.changed),
            }
        )
    broken = any(entry["status"] in ("broken", "missing") for entry in listed) or bool(report.removed or layouts)
    return {
        "schema": 1,
        "kind": KIND,
        "compatible": not broken,
        "objects": listed,
        "layouts": {"structs": structs, "changed": layouts},
        "abidiff": {key: list(getattr(report, key)) for key in ("removed", "changed", "added")}
        | {"text": report.text},
        "added": sum(len(entry["added"]) for entry in listed),
    }


def run(*, docker: bool | None = None, jobs: int | None = None) -> Path:
    """Make or reuse both fast builds, compare them, and return the result folder."""
    with clone_lock("abi"):
        with runner.open_runner(docker=docker) as where:
            built = {variant: build.build(variant, Profile.FAST, runner=where, jobs=jobs) for variant in Variant}
        found = compare(built[Variant.UPSTREAM].prefix, built[Variant.FORK].prefix)
    found["provenance"] = {str(variant): built[variant].provenance for variant in Variant}
    folder = results.new(KIND)
    atomic.write_json(folder / MAIN, found)
    return folder


def show(found: Mapping[str, Any]) -> None:
    """Print the content of abi.json."""
    for entry in found["objects"]:
        for key, colour in (("removed", "red"), ("changed", "red"), ("added", "green")):
            for line in entry[key][:SHOWN]:
                out.print(f"[{colour}]{key}[/] {escape(entry['file'])}: {escape(line)}")
    for line in found["layouts"]["changed"][:SHOWN]:
        out.print(f"[red]layout[/] {escape(line)}")
    for line in found["abidiff"]["removed"][:SHOWN]:
        out.print(f"[red]removed[/] (abidiff) {escape(line)}")
    word = "[bold green]compatible[/]" if found["compatible"] else "[bold red]incompatible[/]"
    out.print(
        f"abi: {word}: {len(found['objects'])} files, {found['layouts']['structs']} structs compared, "
        f"{found['added']} symbols added"
    )


def main(argv: list[str]) -> int:
    """Command `abi`."""
    parser = argparse.ArgumentParser(prog="abi", description=__doc__)
    cli.add_place(parser)
    parser.add_argument("--jobs", type=int, help="parallel jobs of the builds")
    options = parser.parse_args(argv)
    folder = run(docker=options.docker, jobs=options.jobs)
    found = atomic.read_json(folder / MAIN)
    show(found)
    say(f"result: {folder / MAIN}")
    return Exit.OK if found["compatible"] else Exit.FAILED
