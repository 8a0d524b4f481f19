"""The series as text: order file, patch files, trailers, names; no git."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import series, series_plan, series_rules, series_text
from harness.errors import Exit, SeriesMalformedError, UsageError
from harness.series import Patch

HEAD = """\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: =?UTF-8?q?Zo=C3=AB=20Person?= <zoe@example.invalid>
Date: Sun, 22 Nov 2026 18:01:08 +0000
Subject: [PATCH] state: move the counters of one two three four five six
 seven and eight
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit

Because.

Topic: state
Why: A sentence that goes
 on in the next line.
Upstream: gh-1234, PEP 684 (3.12)
Globals: -1
Perf: -0.12%
Test: test_a
Test: tests/fork/test_b.py::test_c
---

"""
DIFF = """\
diff --git a/Tools/c-analyzer/cpython/globals-to-fix.tsv b/Tools/c-analyzer/cpython/globals-to-fix.tsv
index 0000000000000000000000000000000000000001..0000000000000000000000000000000000000002 100644
--- a/Tools/c-analyzer/cpython/globals-to-fix.tsv
+++ b/Tools/c-analyzer/cpython/globals-to-fix.tsv
@@ -1,5 +1,4 @@
 filename\tfuncname\tname\treason
-# a comment
+
 Objects/a.c\t-\tone\t-
-Objects/a.c\t-\ttwo\t-
 Objects/b.c\t-\tone\t-
"""
TEXT = (HEAD + DIFF).encode()


def patch(text: bytes = TEXT, name: str = "state/move-the-counters.patch") -> Patch:
    return series.parse(name, text)


def named(*names: str) -> list[Patch]:
    return [Patch(name, name.split("/")[0], name, {}, name.encode(), name) for name in names]


def what(text: str) -> list[str]:
    return [str(problem) for problem in series.entries(text)[1]]


# --- the order file ----------------------------------------------------------------------------------------------


def test_comments_and_empty_lines_are_skipped() -> None:
    names, problems = series.entries("# why\n\ngil/a.patch\n  \n# more\nstate/b.patch\n")
    assert (names, problems) == (["gil/a.patch", "state/b.patch"], [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gil/a.patch # comment", "malformed line"),
        (" gil/a.patch", "malformed line"),
        ("gil/a.patch -p1", "malformed line"),
        ("a.patch", "expected topic/name.patch"),
        ("gil/a.diff", "expected topic/name.patch"),
        ("gil/deep/a.patch", "expected topic/name.patch"),
        ("gil/.patch", "expected topic/name.patch"),
        ("<<<<<<< HEAD", "malformed line"),
        ("misc/a.patch", "unknown topic folder 'misc'"),
        ("/etc/a.patch", "leads out of patches/"),
        ("gil/../../a.patch", "leads out of patches/"),
        ("gil/a.patch\r", "CRLF"),
        ("gil/first.patch", "listed twice"),
    ],
)
def test_a_malformed_line_is_named_with_its_number(line: str, said: str) -> None:
    found = what(f"gil/first.patch\n{line}\n")
    assert len(found) == 1
    assert found[0].startswith("series:2: ")
    assert said in found[0]


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "good.patch").write_bytes(TEXT)
    (tmp_path / "state" / "stray.patch").write_bytes(TEXT)
    (tmp_path / "state" / "text.patch").write_bytes(b"hello\n")
    (tmp_path / "series").write_text("state/good.patch\nstate/text.patch\nstate/none.patch\nx\n", encoding="utf-8")
    with pytest.raises(SeriesMalformedError) as caught:
        series.load(tmp_path)
    said = str(caught.value)
    for part in ("series:4: malformed", "text.patch: holds no diff", "none.patch: is listed", "stray.patch: is not"):
        assert part in said
    assert "(4 problems)" in said
    assert caught.value.exit_code is Exit.BAD_INPUT


def test_no_series_file_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(SeriesMalformedError, match="there is no"):
        series.load(tmp_path)
    (tmp_path / "series").write_bytes(b"\xff\xfe")
    with pytest.raises(SeriesMalformedError, match="not UTF-8"):
        series.load(tmp_path)


# --- one patch ---------------------------------------------------------------------------------------------------


def test_a_patch_is_read() -> None:
    found = patch()
    assert found.subject == "state: move the counters of one two three four five six seven and eight"
    assert (found.topic, found.slug) == ("state", "move-the-counters")
    assert found.trailers["Why"] == "A sentence that goes on in the next line."
    assert found.trailers["Test"] == "test_a, tests/fork/test_b.py::test_c"
    assert series_text.message(TEXT).author == "Zo\u00eb Person <zoe@example.invalid>"
    assert series_text.paths(TEXT) == (series_rules.GLOBALS_LIST,)
    assert series_rules.static_problems(found) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT.replace(b"\n", b"\r\n"), "CRLF"),
        (HEAD.encode(), "holds no diff"),
        (DIFF.encode(), "holds no diff"),
        (b"Index: x\n" + b"\n" + DIFF.encode(), "not a git format-patch file"),
        (TEXT.replace(b"Date:", b"Dote:"), "has no Date:"),
        (TEXT[:-30], "cut short"),
        (TEXT.replace(b"\n Objects/b.c", b"\nObjects/b.c"), "cut short"),
    ],
)
def test_what_is_no_patch_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        patch(text)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Topic: state", "Topic: gil", "Topic: gil is not its folder state"),
        ("Topic: state", "Topic: misc", "Topic: misc (which is no topic) is not its folder"),
        ("Upstream: gh-1234, PEP 684 (3.12)\n", "", "the trailer Upstream: is missing"),
        ("Upstream: gh-1234", "Upstream: 1234", "Upstream: 1234, PEP 684 (3.12) is not none, gh-NNN"),
        ("Perf: -0.12%", "Perf: @PERF1@", "Perf: @PERF1@ is not none or"),
        ("Globals: -1", "Globals: one", "Globals: one is not an integer"),
        ("Globals: -1", "Globals: -2", "Globals: -2, but the patch changes"),
        ("Globals: -1", "Globals: -1\nGlobals: -1", "Globals: is there 2 times"),
        ("Test: test_a\nTest: tests/fork/test_b.py::test_c\n", "", "the trailer Test: is missing"),
        ("Why: A sentence that goes\n on", "Why: A sentence that goes\non", "has no trailers"),
        ("Topic: state", "Topic state", "has no trailers"),
    ],
)
def test_trailers_that_are_wrong_are_named(old: str, new: str, said: str) -> None:
    text = TEXT.replace(old.encode(), new.encode())
    assert text != TEXT
    found = [str(problem) for problem in series_rules.static_problems(patch(text))]
    assert any(said in problem for problem in found), found


def test_globals_counts_rows_only() -> None:
    assert series_rules.listed_globals(patch()) == -1


def test_a_binary_file_is_refused() -> None:
    text = TEXT + b"diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n\n"
    assert "binary file" in str(series_rules.static_problems(patch(text))[0])


def test_a_file_name_that_git_quotes_is_refused() -> None:
    text = TEXT + b'diff --git "a/caf\\303\\251" "b/caf\\303\\251"\nnew file mode 100644\nindex 0..1\n'
    assert "git must quote" in str(series_rules.static_problems(patch(text))[0])


@pytest.mark.parametrize(("added", "mixed"), [(b"+<two/>\r\n", False), (b"+<two/>\n", True)])
def test_line_ends_are_those_of_the_file(added: bytes, mixed: bool) -> None:
    diff = b"diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,1 +1,2 @@\n <one/>\r\n" + added
    found = [str(problem) for problem in series_rules.static_problems(patch(TEXT + diff))]
    assert ("state/move-the-counters.patch: mixes LF and CRLF in x" in found) == mixed


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("Lib/test/test_a.py", ["Lib/test/test_a.py"]),
        ("tests/fork/test_b.py::T::test_c", ["tests/fork/test_b.py"]),
        ("test_a", ["Lib/test/test_a.py", "Lib/test/test_a/__init__.py"]),
        ("test.test_a.T", ["Lib/test/test_a.py", "Lib/test/test_a/__init__.py"]),
        ("thing", []),
    ],
)
def test_the_files_that_a_test_trailer_may_mean(name: str, files: list[str]) -> None:
    assert series_rules.candidates(name) == files


@pytest.mark.parametrize(
    ("subject", "slug"),
    [
        ("state: Move the _PyArg_Parser list", "move-the-pyarg-parser-list"),
        ("gil: state first", "gil-state-first"),
        ("It's 2^59", "it-s-2-59"),
        ("\u00e9", ""),
    ],
)
def test_slugs(subject: str, slug: str) -> None:
    assert series_text.slug(subject, "state") == slug


def test_a_long_slug_ends_at_a_word() -> None:
    slug = series_text.slug("word " * 30, "gil")
    assert len(slug) <= 60
    assert set(slug.split("-")) == {"word"}
    assert len(series_text.slug("x" * 100, "gil")) == 60


# --- which patches -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "count"),
    [("0", 0), ("2", 2), ("gil/a.patch", 1), ("patches/gil/a.patch", 1), ("state/b", 2), ("b", 2), ("b.patch", 2)],
)
def test_until_takes_a_name_a_slug_or_a_number(value: str, count: int) -> None:
    patches = named("gil/a.patch", "state/b.patch", "state/c.patch")
    assert series.until(patches, value) == patches[:count]
    assert series.until(patches, None) == patches


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("state/counter.patch", "the closest is state/counters.patch"),
        ("kounters", "the closest is state/counters.patch"),
        ("4", "the series has 3 patches"),
        ("a", "ambiguous: gil/a.patch, state/a.patch"),
    ],
)
def test_an_unknown_until_names_the_closest(value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        series.until(named("gil/a.patch", "state/counters.patch", "state/a.patch"), value)
    assert caught.value.exit_code is Exit.USAGE


def test_until_of_an_empty_series() -> None:
    with pytest.raises(UsageError, match="the series is empty"):
        series.until([], "x")


def test_the_series_hash_depends_on_names_contents_and_order() -> None:
    one, two = named("gil/a.patch", "state/b.patch")
    hashes = [series.series_hash(patches) for patches in ([], [one], [one, two], [two, one])]
    assert len(set(hashes)) == 4
    assert hashes[2] == series.series_hash([one, two])


# --- the order after refresh -------------------------------------------------------------------------------------


def test_comments_stay_with_what_they_stand_before() -> None:
    text = "# top\n\n# about a\ngil/a.patch\n\n# about b\ngil/b.patch\ngil/c.patch\n# end\n"
    names = series.entries(text)[0]
    assert series_plan.reorder(text, names, names) == text
    swapped = series_plan.reorder(text, names, ["gil/c.patch", "gil/b.patch", "gil/a.patch", "gil/new.patch"])
    assert swapped == (
        "# top\n\ngil/c.patch\n\n# about b\ngil/b.patch\n# about a\ngil/a.patch\ngil/new.patch\n# end\n"
    )
    dropped = series_plan.reorder(text, names, ["gil/a.patch", "gil/c.patch"])
    assert dropped == "# top\n\n# about a\ngil/a.patch\n\n# about b\ngil/c.patch\n# end\n"


NAMES = st.lists(st.sampled_from([f"gil/{letter}.patch" for letter in "abcdefgh"]), unique=True)


@given(old=st.lists(st.sampled_from(["", "# one", "# two", "NAME"])), names=NAMES, new=NAMES)
def test_reordering_loses_no_comment_and_gives_the_names_asked_for(
    old: list[str], names: list[str], new: list[str]
) -> None:
    waiting = iter(names)
    lines = [line if line != "NAME" else next(waiting, "") for line in old]
    text = "".join(f"{line}\n" for line in lines)
    result = series_plan.reorder(text, series.entries(text)[0], new)
    assert series.entries(result) == (new, [])
    assert sorted(line for line in result.splitlines() if line.startswith("#")) == sorted(
        line for line in lines if line.startswith("#")
    )
