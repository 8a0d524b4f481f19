from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import burndown_check as check
from harness import burndown_lists as lists
from harness.burndown_lists import Step, Variable
from harness.burndown_symbols import Symbol, demangle
from harness.errors import Exit, GlobalsListError

LIST = """filename	funcname	name	reason
#???	-	somevar	???

# a comment
Objects/a.c	-	one	-
Objects/a.c	get_two	two	-
  # indented comment
#Objects/a.c	-	commented_out	-
Modules/m.c	-	three	set once before the first thread
"""
ONE = Variable("Objects/a.c", None, "one")
TWO = Variable("Objects/a.c", "get_two", "two")
THREE = Variable("Modules/m.c", None, "three")


def symbol(variable: Variable, **other: Any) -> Symbol:  # noqa: ANN401
    fields: dict[str, Any] = {"object": "python3.11", "section": ".bss", "size": 8, "thread_local": False}
    return Symbol(file=variable.file, function=variable.function, name=variable.name, **(fields | other))


def make(**given: dict[Variable, str]) -> check.Lists:
    empty: dict[str, dict[Variable, str]] = {
        name: {} for name in ("upstream_to_fix", "fork_to_fix", "upstream_ignored", "fork_ignored", "allowed")
    }
    return check.Lists(**(empty | given))


# --- lists -----------------------------------------------------------------------------------------------------


def test_rows_are_neither_blank_nor_comments_nor_the_header() -> None:
    assert lists.parse(LIST, "x") == {ONE: "-", TWO: "-", THREE: "set once before the first thread"}


@pytest.mark.parametrize("line", ["Objects/a.c\t-\tname", "Objects/a.c -  name  -", "\t-\tx\t-", "a\tb\tc\td\te"])
def test_a_malformed_line_is_named(line: str) -> None:
    with pytest.raises(GlobalsListError, match=r"some\.tsv, line 2: .*") as caught:
        lists.parse(f"# head\n{line}\n", "some.tsv")
    assert caught.value.exit_code == Exit.BAD_INPUT


def test_our_list_is_well_formed_and_gives_reasons() -> None:
    rows = lists.read_allowed()
    assert rows
    assert all(len(reason.split()) >= 4 for reason in rows.values())


@pytest.mark.parametrize("reason", ["", "-", "???"])
def test_an_exception_without_a_reason_is_refused(tmp_path: Path, reason: str) -> None:
    path = tmp_path / "allowed.tsv"
    path.write_text(f"Objects/a.c\t-\tx\t{reason}\n", encoding="utf-8")
    with pytest.raises(GlobalsListError, match="x has no reason"):
        lists.read_allowed(path)


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GlobalsListError, match="there is no"):
        lists.read_tree(tmp_path, lists.TO_FIX)


def test_folders_are_counted_largest_first() -> None:
    assert lists.by_folder([ONE, TWO, THREE], [TWO]) == [
        {"folder": "Objects", "total": 2, "left": 1},
        {"folder": "Modules", "total": 1, "left": 0},
    ]


def _git(repository: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", "-C", repository, *identity, *words], check=True, capture_output=True)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A repository whose commits hold 3, 2, 2 and 1 rows."""
    repository = tmp_path / "tree"
    path = repository / lists.TO_FIX
    path.parent.mkdir(parents=True)
    _git(tmp_path, "init", "-q", "tree")
    versions = [LIST, LIST.replace("Objects/a.c\t-\tone\t-\n", "")]
    versions += [versions[1], versions[1].replace("Objects/a.c\tget_two\ttwo\t-\n", "")]
    for number, version in enumerate(versions):
        path.write_text(version, encoding="utf-8")
        _git(repository, "add", "-A")
        _git(repository, "commit", "-q", "--allow-empty", "-m", str(number))
    return repository


def test_each_patch_is_read_from_its_commit(series: Path) -> None:
    steps = lists.history(series, ["a/1.patch", "a/2.patch", "b/3.patch"], {"a/1.patch": "-1", "b/3.patch": "-2"})
    assert steps == [
        Step("a/1.patch", frozenset({ONE}), frozenset(), 2, -1),
        Step("a/2.patch", frozenset(), frozenset(), 2, None),
        Step("b/3.patch", frozenset({TWO}), frozenset(), 1, -2),
    ]
    assert check.wrong_trailers(steps) == [{"patch": "b/3.patch", "trailer": -2, "rows": -1}]


def test_too_few_commits_are_an_error(series: Path) -> None:
    with pytest.raises(GlobalsListError, match="3 commits above its first one, the series has 5 patches"):
        lists.history(series, list("12345"), {})


def test_no_patch_no_step(series: Path) -> None:
    assert lists.history(series, [], {}) == []


@pytest.mark.parametrize(("text", "number"), [("-3", -3), ("-0", 0), ("none", 0), ("-2 (see list)", -2), ("+1", 1)])
def test_trailers_are_numbers(series: Path, text: str, number: int) -> None:
    assert lists.history(series, ["p"], {"p": text})[0].trailer == number


def test_a_trailer_that_is_no_number_is_refused(series: Path) -> None:
    with pytest.raises(GlobalsListError, match="Globals: minus one"):
        lists.history(series, ["p"], {"p": "minus one"})


# --- rules -----------------------------------------------------------------------------------------------------


def test_a_new_variable_is_found() -> None:
    new = check.new_symbols([symbol(ONE)], [symbol(ONE), symbol(TWO)], make())
    assert new == [symbol(TWO)]


def test_a_second_copy_in_another_module_is_not_new() -> None:
    assert check.new_symbols([symbol(ONE)], [symbol(ONE), symbol(ONE, object="_x.so")], make()) == []


def test_thread_local_is_fine() -> None:
    assert check.new_symbols([], [symbol(ONE, thread_local=True, section=".tbss")], make()) == []


@pytest.mark.parametrize(
    ("given", "excused"),
    [
        ({"allowed": {ONE: "guarded by the runtime's mutex"}}, True),
        ({"allowed": {Variable("Objects/*", None, "on*"): "generated, all constant"}}, True),
        ({"allowed": {Variable("Modules/*", None, "on*"): "generated, all constant"}}, False),
        ({"fork_to_fix": {ONE: "-"}}, False),
        ({"fork_to_fix": {ONE: "moves with the next patch"}}, True),
        ({"fork_to_fix": {ONE: "-"}, "upstream_to_fix": {ONE: "-"}}, True),
        ({"fork_ignored": {ONE: "-"}}, False),
        ({"fork_ignored": {ONE: "written once before main"}}, True),
        ({"fork_ignored": {ONE: "-"}, "upstream_ignored": {ONE: "-"}}, True),
    ],
)
def test_only_a_reason_excuses_a_new_variable(given: dict[str, dict[Variable, str]], excused: bool) -> None:
    assert (check.new_symbols([], [symbol(ONE)], make(**given)) == []) is excused


def test_a_claim_holds_when_the_variable_is_gone_or_thread_local() -> None:
    both = make(upstream_to_fix={ONE: "-", TWO: "-"}, fork_to_fix={})
    assert check.broken_claims([symbol(TWO, thread_local=True)], both) == []


def test_a_claim_fails_when_the_variable_is_still_writable() -> None:
    both = make(upstream_to_fix={ONE: "-", TWO: "-"}, fork_to_fix={})
    assert check.broken_claims([symbol(TWO, section=".data")], both) == [(TWO, symbol(TWO, section=".data"))]


def test_a_claim_may_be_justified() -> None:
    both = make(upstream_to_fix={ONE: "-"}, fork_to_fix={}, allowed={ONE: "an atomic counter for all interpreters"})
    assert check.broken_claims([symbol(ONE)], both) == []


def test_rows_still_listed_are_no_claims() -> None:
    assert check.broken_claims([symbol(ONE)], make(upstream_to_fix={ONE: "-"}, fork_to_fix={ONE: "-"})) == []


def test_ignoring_needs_a_reason() -> None:
    both = make(upstream_ignored={ONE: "-"}, fork_ignored={ONE: "-", TWO: "-", THREE: "constant after start"})
    assert check.unexplained_ignores(both) == [TWO]


def test_functions_count_only_where_both_know_one() -> None:
    row = Variable("Modules/clinic/x.c.h", "f_impl", "_parser")
    assert check.same(row, symbol(Variable("Modules/clinic/x.c.h", "f", "_parser")))
    assert check.same(row, symbol(Variable("Modules/clinic/x.c.h", None, "_parser")))
    assert not check.same(row, symbol(Variable("Modules/clinic/x.c.h", "g", "_parser")))


def test_without_dwarf_a_base_name_must_do() -> None:
    assert check.same(ONE, symbol(Variable("a.c", None, "one")))
    assert check.same(ONE, symbol(Variable("", None, "one")))
    assert not check.same(ONE, symbol(Variable("b.c", None, "one")))
    assert not check.same(ONE, symbol(Variable("Modules/a.c", None, "one")))


def test_coverage_and_unclaimed_progress() -> None:
    both = make(upstream_to_fix={ONE: "-", TWO: "-", THREE: "-"}, fork_to_fix={ONE: "-", TWO: "-", THREE: "-"})
    mapped = check.coverage(both.upstream_to_fix, [symbol(ONE), symbol(TWO)])
    assert mapped == check.Coverage(built=(TWO, ONE), absent=(THREE,))
    assert check.done_but_listed(mapped, [symbol(ONE)], both) == [TWO]


def test_growth_is_told() -> None:
    found = check.grown([symbol(ONE), symbol(TWO)], [symbol(ONE, size=16), symbol(TWO, size=4)])
    assert found == [{"symbol": "one", "file": "Objects/a.c", "before": 8, "after": 16}]


def test_totals_leave_thread_local_ones_apart() -> None:
    found = check.totals([symbol(ONE), symbol(TWO, section=".data", size=4), symbol(THREE, thread_local=True)])
    assert found == {
        "symbols": 2,
        "bytes": 12,
        "sections": {".bss": 8, ".data": 4},
        "thread_local": {"symbols": 1, "bytes": 8},
    }


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("kwlist.123", "kwlist"),
        ("x.lto_priv.0", "x"),
        ("_parser.4.lto_priv.1", "_parser"),
        ("a", "a"),
        ("a.b", "a.b"),
    ],
)
def test_compiler_suffixes_are_taken_off(name: str, plain: str) -> None:
    assert demangle(name) == plain
