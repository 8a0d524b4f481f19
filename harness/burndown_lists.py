"""The analyzer's lists of process-wide variables, read at each step of the series, and our own list of exceptions.

CPython keeps them as tab-separated files (file, function or `-`, variable, reason) with comments between:
`globals-to-fix.tsv` is the burn-down, `ignored.tsv` what may stay. `globals_allowed.tsv` beside this module is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import proc
from harness.errors import GlobalsListError

LISTS = "Tools/c-analyzer/cpython"
TO_FIX = f"{LISTS}/globals-to-fix.tsv"
IGNORED = f"{LISTS}/ignored.tsv"
ALLOWED = Path(__file__).with_name("globals_allowed.tsv")
HEADER = ("filename", "funcname", "name", "reason")
NO_REASON = frozenset({"", "-", "???"})


@dataclass(frozen=True, slots=True, order=True)
class Variable:
    """A C variable: file relative to the source root, function (None at file level), name."""

    file: str
    function: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.function}.{self.name}" if self.function else f"{self.file}:{self.name}"


@dataclass(frozen=True, slots=True)
class Step:
    """The burn-down list after one patch: rows it removed and added, rows left, what its trailer says (or None)."""

    patch: str
    removed: frozenset[Variable]
    added: frozenset[Variable]
    left: int
    trailer: int | None

    @property
    def net(self) -> int:
        """Change of the number of rows: negative when the list became shorter."""
        return len(self.added) - len(self.removed)


def parse(text: str, source: str) -> dict[Variable, str]:
    """Return the rows of a list, each with its reason; GlobalsListError names `source` and the malformed line.

    A row is a line that is neither blank, nor a comment, nor the header.
    """
    rows: dict[Variable, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = tuple(field.strip() for field in line.split("\t"))
        if fields == HEADER:
            continue
        if len(fields) != len(HEADER) or not all(fields[:3]):
            raise GlobalsListError(f"{source}, line {number}: not file, function, name and reason: {line!r}")
        rows[Variable(fields[0], None if fields[1] == "-" else fields[1], fields[2])] = fields[3]
    return rows


def explained(reason: str) -> bool:
    """Does the last column say something?"""
    return reason not in NO_REASON


def read_allowed(path: Path = ALLOWED) -> dict[Variable, str]:
    """Our exceptions with their reasons; a line without a reason is a GlobalsListError."""
    rows = parse(_read(path), str(path))
    for variable, reason in rows.items():
        if not explained(reason):
            raise GlobalsListError(f"{path}: {variable} has no reason")
    return rows


def read_tree(tree: Path, name: str) -> dict[Variable, str]:
    """The rows of the list `name` (TO_FIX or IGNORED) in a source tree."""
    return parse(_read(tree / name), str(tree / name))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GlobalsListError(f"there is no {path}") from None


def history(repository: Path, patches: Sequence[str], trailers: Mapping[str, str]) -> list[Step]:
    """The burn-down list after each of `patches`, read from the last commits of `repository` (one a patch).

    `trailers` gives the text of each patch's `Globals:` trailer by patch name.
    """
    if not patches:
        return []
    log = _git(repository, "rev-list", "--first-parent", f"--max-count={len(patches) + 1}", "HEAD").split()
    if len(log) != len(patches) + 1:
        raise GlobalsListError(
            f"{repository} has {len(log) - 1} commits above its first one, the series has {len(patches)} patches",
            remedy="Run `./noxw -s source` (or delete build/src/fork) so that the tree is made again.",
        )
    commits = log[::-1]
    lists = [parse(_git(repository, "show", f"{commit}:{TO_FIX}"), f"{TO_FIX} at {commit}") for commit in commits]
    steps = []
    for name, before, after in zip(patches, lists, lists[1:], strict=False):
        steps.append(
            Step(
                patch=name,
                removed=frozenset(before.keys() - after.keys()),
                added=frozenset(after.keys() - before.keys()),
                left=len(after),
                trailer=_number(name, trailers.get(name)),
            )
        )
    return steps


def _number(patch: str, text: str | None) -> int | None:
    if text is None:
        return None
    word = text.split()[0].rstrip(",;:") if text.split() else ""
    if word.lower() == "none":
        return 0
    try:
        return int(word)
    except ValueError:
        raise GlobalsListError(f"{patch}: the trailer `Globals: {text}` does not start with a number") from None


def _git(repository: Path, *words: str) -> str:
    return proc.run(["git", "-C", repository, *words], echo=False).stdout


def by_folder(total: Iterable[Variable], left: Iterable[Variable]) -> list[dict[str, object]]:
    """Rows of both lists counted by top folder, the largest first: [{folder, total, left}]."""
    counts: dict[str, list[int]] = {}
    for index, rows in enumerate((total, left)):
        for variable in rows:
            counts.setdefault(variable.file.split("/", 1)[0], [0, 0])[index] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
    return [{"folder": folder, "total": both[0], "left": both[1]} for folder, both in ordered]
