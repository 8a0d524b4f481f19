"""The patch series: patches/series names the patches in order, each one git format-patch file in its topic's folder.

`load` reads it and refuses what is malformed with every problem at once; `apply` gives it to git am. What makes a
patch good beyond being readable (trailers, byte-identical export) is the business of `series_check`.
"""

from __future__ import annotations

import difflib
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness import paths, series_reject, series_text, source_git
from harness.errors import SeriesMalformedError, UsageError

TOPICS = (
    "api",
    "immortal",
    "state",
    "types",
    "strings",
    "alloc",
    "gil",
    "extensions",
    "stdlib",
    "interpreters",
    "perf",
)
SERIES = "series"

# --no-3way and git's lack of fuzz: every context line must be there. --keep-cr: some of CPython's files have CRLF.
AM = (
    "am",
    "--quiet",
    "--keep-cr",
    "--keep-non-patch",
    "--no-3way",
    "--no-scissors",
    "--no-signoff",
    "--no-gpg-sign",
    "--patch-format=mbox",
    "--committer-date-is-author-date",
)


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch: `path` is its name in the series ("topic/slug.patch"), `text` the file, `sha256` that of `text`."""

    path: str
    topic: str
    subject: str
    trailers: Mapping[str, str]
    text: bytes
    sha256: str

    @property
    def slug(self) -> str:
        """The name without topic and .patch."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong: `where` is "series:LINE" or the name of a patch."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def entries(text: str) -> tuple[list[str], list[Problem]]:
    """The names in a series file, in order, and what is wrong with its lines."""
    names: list[str] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        where = f"series:{number}"
        if line.endswith("\r"):
            problems.append(Problem(where, "the line ends in CRLF; use LF"))
        entry = line.rstrip("\r")
        if not entry.strip() or entry.startswith("#"):
            continue
        wrong = _malformed(entry)
        if wrong is None and entry in names:
            wrong = f"{entry} is listed twice"
        if wrong is None:
            names.append(entry)
        else:
            problems.append(Problem(where, wrong))
    return names, problems


def _malformed(entry: str) -> str | None:
    parts = entry.split("/")
    if entry != entry.strip() or " " in entry or "\t" in entry:
        return f"malformed line {entry!r}: one name a line, no spaces, a comment on a line of its own"
    if entry.startswith("/") or ".." in parts:
        return f"{entry} leads out of patches/"
    if len(parts) != 2 or not parts[1].endswith(".patch") or parts[1] == ".patch":
        return f"malformed line {entry!r}: expected topic/name.patch"
    if parts[0] not in TOPICS:
        return f"unknown topic folder {parts[0]!r} (topics: {', '.join(TOPICS)})"
    return None


def read_series(patches: Path) -> str:
    """The text of patches/series; SeriesMalformedError if it is missing or not UTF-8."""
    try:
        return (patches / SERIES).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SeriesMalformedError(f"there is no {patches / SERIES}") from None
    except UnicodeDecodeError as problem:
        raise SeriesMalformedError(f"{patches / SERIES} is not UTF-8: {problem}") from None


def read(patches: Path = paths.PATCHES) -> tuple[list[Patch], list[Problem]]:
    """The patches that can be read, in order, and every problem of the series file and of reading the rest."""
    names, problems = entries(read_series(patches))
    found: list[Patch] = []
    for name in names:
        try:
            found.append(parse(name, (patches / name).read_bytes()))
        except FileNotFoundError:
            problems.append(Problem(name, "is listed in series, but there is no such file"))
        except ValueError as problem:
            problems.append(Problem(name, str(problem)))
    listed = set(names)
    for path in sorted(patches.rglob("*.patch")):
        name = path.relative_to(patches).as_posix()
        if name not in listed:
            problems.append(Problem(name, "is not listed in series"))
    return found, problems


def load(patches: Path = paths.PATCHES) -> list[Patch]:
    """All patches in order; SeriesMalformedError lists every problem if there is one."""
    found, problems = read(patches)
    if problems:
        raise SeriesMalformedError(listing("the series cannot be read", problems))
    return found


def listing(title: str, problems: Sequence[Problem]) -> str:
    """One message for all `problems`."""
    return "\n".join([f"{title} ({len(problems)} problem{'s' * (len(problems) != 1)}):", *map(str, problems)])


def parse(name: str, text: bytes) -> Patch:
    """Read one patch file; ValueError says why it is none."""
    head, diff = series_text.split(text)
    if b"\r" in head:
        raise ValueError("has CRLF line ends (in its header); patches have LF")
    if not diff:
        raise ValueError("holds no diff")
    message = series_text.message(text)
    for _line in series_text.lines(text):  # to the end: a hunk that is cut short is found here
        pass
    topic = PurePosixPath(name).parts[0]
    trailers = series_text.by_name(message.trailers)
    return Patch(name, topic, message.subject, trailers, text, hashlib.sha256(text).hexdigest())


def series_hash(patches: Sequence[Patch]) -> str:
    """The sha256 (hex) over names and contents of `patches` in order."""
    digest = hashlib.sha256()
    for patch in patches:
        digest.update(f"{patch.path}\0{patch.sha256}\n".encode())
    return digest.hexdigest()


def position(patches: Sequence[Patch], value: str) -> int:
    """How many patches `--until value` keeps: a name, a unique slug, or a number (0 is upstream without a patch)."""
    names = [patch.path for patch in patches]
    value = value.removeprefix("patches/")
    if value.isascii() and value.isdigit():
        if int(value) <= len(names):
            return int(value)
        raise UsageError(f"--until {value}: the series has {len(names)} patches")
    for form in (value, f"{value}.patch"):
        if form in names:
            return names.index(form) + 1
    same = [index for index, patch in enumerate(patches, 1) if patch.slug == value.removesuffix(".patch")]
    if len(same) == 1:
        return same[0]
    if same:
        raise UsageError(f"--until {value} is ambiguous: {', '.join(names[index - 1] for index in same)}")
    known = {form: patch.path for patch in patches for form in (patch.slug, patch.path)}
    near = difflib.get_close_matches(value, known, n=1, cutoff=0.0)
    closest = f"; the closest is {known[near[0]]}" if near else ": the series is empty"
    raise UsageError(f"--until {value}: no such patch{closest}", remedy="patches/series lists the names.")


def until(patches: Sequence[Patch], value: str | None) -> list[Patch]:
    """The patches up to and with the one that `value` names (all of them for None)."""
    return list(patches) if value is None else list(patches[: position(patches, value)])


def apply(repo: Path, patches: Sequence[Patch]) -> None:
    """Give `patches` to git am in the clean work tree `repo`, one commit each, on top of HEAD.

    All context lines must be there (git has no fuzz), though lines may have moved: so a series can be worked on.
    `series` refuses what has moved too, for it does not export byte-identical.
    A patch that does not apply raises SeriesRejectedError (patch, file, hunk, reject). `repo` is then left with
    git am in progress at that patch: the good ones before it are committed, what fits of it is in the files, the
    rest is in .rej files.
    """
    if not patches:
        return
    with tempfile.TemporaryDirectory(prefix="redwoodtj-am-") as home:
        files = [Path(home) / f"{number:04}.patch" for number in range(1, len(patches) + 1)]
        for file, patch in zip(files, patches, strict=True):
            file.write_bytes(patch.text)
        done = source_git.attempt(repo, *AM, *files)
    if done.returncode != 0:
        raise series_reject.explain(repo, patches, done.stdout)
