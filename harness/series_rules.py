"""What each patch must have beyond applying: trailers that say why it is there and can be believed.

Each check looks at the patch's own text; only `Test:` needs the tree as it is after the patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness import paths, series_text, source_git
from harness.series import TOPICS, Patch, Problem

REQUIRED = ("Topic", "Why", "Upstream", "Globals", "Perf", "Test")
GLOBALS_LIST = "Tools/c-analyzer/cpython/globals-to-fix.tsv"
FORMS = {
    "Upstream": (re.compile(r"none|((gh|bpo)-\d+|PEP[ -]?\d+)( \([^()]*\))?"), "none, gh-NNN, bpo-NNN or PEP NNN"),
    "Perf": (re.compile(r"none|[+-]?\d+(?:\.\d+)?%.*"), "none or a percentage of instructions such as -0.12%"),
    "Globals": (re.compile(r"[+-]?\d+"), "an integer such as -3 or 0"),
}


def static_problems(patch: Patch) -> list[Problem]:
    """Everything wrong with a patch that its own text shows."""
    found = [*message_problems(patch), *_globals(patch), *_line_ends(patch)]
    if b"\nGIT binary patch\n" in patch.text:
        found.append("holds a binary file: its export depends on the zlib of the machine; generate the file instead")
    if b'\ndiff --git "' in patch.text:
        found.append("touches a file whose name git must quote: use ASCII without quotes and backslashes")
    return [Problem(patch.path, what) for what in found]


def message_problems(patch: Patch) -> list[str]:
    """What is wrong with the trailers of a patch (missing, repeated, malformed)."""
    return list(_trailers(patch))


def _trailers(patch: Patch) -> Iterator[str]:
    if not patch.trailers:
        yield (
            f"has no trailers ({', '.join(REQUIRED)}): the last paragraph of the message must hold nothing but lines "
            "`Name: value`, continued by indented ones"
        )
        return
    repeated = [name for name, _value in series_text.message(patch.text).trailers]
    for name in REQUIRED:
        if not patch.trailers.get(name):
            yield f"the trailer {name}: is missing"
        elif name != "Test" and repeated.count(name) > 1:
            yield f"the trailer {name}: is there {repeated.count(name)} times"
    topic = patch.trailers.get("Topic")
    if topic and topic != patch.topic:
        known = "" if topic in TOPICS else " (which is no topic)"
        yield f"Topic: {topic}{known} is not its folder {patch.topic}"
    for name, (form, wanted) in FORMS.items():
        value = patch.trailers.get(name)
        parts = re.split(r",\s*(?![^(]*\))", value) if value and name == "Upstream" else [value]
        if value and not all(part and form.fullmatch(part) for part in parts):
            yield f"{name}: {value} is not {wanted}"


def listed_globals(patch: Patch) -> int:
    """By how many rows the patch changes the analyzer's list of globals to fix (negative: so many fewer)."""
    count = 0
    for line in series_text.lines(patch.text):
        row = line.content.strip()
        if line.path == GLOBALS_LIST and line.sign in "+-" and row and not row.startswith((b"#", b"filename\t")):
            count += 1 if line.sign == "+" else -1
    return count


def _globals(patch: Patch) -> Iterator[str]:
    claimed = patch.trailers.get("Globals", "")
    if FORMS["Globals"][0].fullmatch(claimed) and int(claimed) != listed_globals(patch):
        yield f"Globals: {claimed}, but the patch changes {GLOBALS_LIST} by {listed_globals(patch):+d} rows"


def _line_ends(patch: Patch) -> Iterator[str]:
    kinds: dict[str, set[bool]] = {}
    for line in series_text.lines(patch.text):
        if line.sign != "-":
            kinds.setdefault(line.path, set()).add(line.content.endswith(b"\r"))
    for path, kind in kinds.items():
        if len(kind) > 1:
            yield f"mixes LF and CRLF in {path}"


def tests_named(patch: Patch) -> list[str]:
    """The values of its Test: trailers, one a list item, each a path or the dotted name of a CPython test."""
    return [value for value in re.split(r"[,\s]+", patch.trailers.get("Test", "")) if value]


def cpython_tests(patch: Patch) -> list[str]:
    """Those of `tests_named` that are of CPython's suite; the others are run by the project's own tests."""
    return [name for name in tests_named(patch) if not name.startswith("tests/")]


def test_problems(patch: Patch, repo: Path, commit: str, root: Path = paths.ROOT) -> list[Problem]:
    """Tests that the patch names and that do not exist: neither in its tree (`commit` of `repo`) nor in `root`."""
    missing = [name for name in tests_named(patch) if not _test_exists(name, repo, commit, root)]
    return [Problem(patch.path, f"Test: {name} names no test file that exists after the patch") for name in missing]


def _test_exists(name: str, repo: Path, commit: str, root: Path) -> bool:
    return any(
        (root / path).is_file() or source_git.attempt(repo, "cat-file", "-e", f"{commit}:{path}").returncode == 0
        for path in candidates(name)
    )


def candidates(name: str) -> list[str]:
    """The files that a Test: value may mean.

    A path ("Lib/test/test_x.py", "tests/fork/test_y.py"), with "::Class::method" or without; or a dotted name as
    CPython's unittest and regrtest take it ("test_x", "test.test_x.Class.method").
    """
    path = name.split("::", 1)[0]
    if "/" in path:
        return [path]
    parts = path.removeprefix("test.").split(".")
    bases = ["Lib/test/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return [
        f"{base}{end}"
        for base in bases
        if base.rsplit("/", 1)[1].startswith("test_")
        for end in (".py", "/__init__.py")
    ]
