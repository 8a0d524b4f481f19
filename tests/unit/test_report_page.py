"""The page and the comment hold the figures of the results, say what was not run, and show foreign text as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import report_samples as samples

from harness.report import build_report, comment, kinds, text, verdict

VOID_TAGS = {"meta", "link", "img", "br", "hr", "input"}


class Shape(HTMLParser):
    """Collects what a browser would fetch, the text, the ids, and whether tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.fetched += [value for key, value in attrs if key in ("src", "srcset", "data", "xlink:href") and value]
        if tag in ("a", "link", "use", "image") and found.get("href"):
            self.links.append(str(found["href"]))
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _report(tmp_path: Path, **values: samples.Json) -> tuple[str, str]:
    page = build_report(samples.store_all(tmp_path / "results", **values), tmp_path / "out")
    return page.read_text(), page.with_name("report.md").read_text()


@pytest.mark.parametrize("word", ["PASS", "FAIL", "INCONCLUSIVE", "VOID", "MISSING"])
def test_each_verdict_is_said_with_its_reason(tmp_path: Path, word: str) -> None:
    gate = samples.gate(word)
    html, markdown = _report(tmp_path, gate=gate)
    page = Shape(html)
    assert re.search(rf'<h1 id="verdict">{word}</h1>', html)
    assert markdown.splitlines()[0] == comment.MARKER
    assert re.search(rf"^## \S+ {word} ", markdown, re.M)
    sentence = verdict.sentence(gate)
    assert sentence in page.text
    assert comment.markdown(sentence) in markdown
    assert f"a sample reason for {word}" in page.text and f"a sample reason for {word}" in markdown


def test_the_sentences_name_what_decided() -> None:
    assert "0.40% faster than upstream 3.11.2; the interval ends at −0.09%" in verdict.sentence(samples.gate("PASS"))
    failed = samples.gate("FAIL")
    assert "from +1.61%, lies above the margin of 1%" in verdict.sentence(failed)
    failed["suite"]["low"] = 1.001
    slow = failed["benchmarks"][3]["name"]
    assert f"1 benchmark slowed down beyond the margin, also when run again: {slow}." in verdict.sentence(failed)
    assert "reaches across the margin of 1%" in verdict.sentence(samples.gate("INCONCLUSIVE"))
    assert "saw +1.31% [1.0102, 1.0160]" in verdict.sentence(samples.gate("VOID"))
    void = samples.gate("VOID")
    void["control"]["reason"] = "the control arm's interval reaches +8%"
    assert verdict.sentence(void).startswith("The control arm's interval reaches +8%; no figure")
    assert "attribute_chain (crashed), comprehension_list" not in verdict.sentence(samples.gate("MISSING"))
    assert "2 benchmarks gave no figure: attribute_chain (crashed), dict_lookup (timeout)" in verdict.sentence(
        samples.gate("MISSING")
    )


def test_all_figures_are_on_the_page_and_in_the_comment(tmp_path: Path) -> None:
    html, markdown = _report(tmp_path)
    words = Shape(html).text
    gate = samples.gate()
    for row in gate["benchmarks"]:
        for place in (words, markdown):
            assert row["name"] in place
            assert text.ratio(row["ratio"]) in place
            assert text.interval(row["low"], row["high"]) in place
    for figure in ("0.9960", "[0.9929, 0.9991]", "0.63%", "1.0004", "[0.9985, 1.0023]"):
        assert figure in words, figure
        assert figure in markdown, figure
    for figure in (
        "9,321",
        "8,931",
        "1,163",
        "1.96×",
        "1,210",
        "2,310,000",
        "killed by signal 11",
        "99% of processes",
    ):
        assert figure in words, figure
    for figure in ("9,321", "8,931", "1,163", "1.96×", "1,210", "2,310,000", "killed by signal 11"):
        assert figure in markdown, figure
    for name, _ in samples.PATCHES:
        assert name in words and name in markdown
    for figure in ("2411c74bda5b", samples.SERIES[:12], "gcc (Debian 12.2.0-14) 12.2.0", "redwoodtj/build:bookworm"):
        assert figure in words and figure in markdown, figure
    assert "executes 0.287% fewer instructions than the baseline" in words and "−0.287%" in markdown
    for row in samples.pyperformance()["benchmarks"]:
        assert row["name"] in words and row["name"] in markdown
        assert text.ratio(row["ratio"]) in words and text.ratio(row["ratio"]) in markdown
    assert "fork: exit 1" in words and "fork: exit 1" in markdown
    assert "turbo may have changed speed" in words and "turbo may have changed speed" in markdown
    assert "Example CPU @ 2.50GHz" in words


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    html, _ = _report(tmp_path)
    page = Shape(html)
    assert page.open == []
    assert page.fetched == []
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links), page.links
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"(?i)https?:|@import|url\(|//cdn", html)
    assert page.tags.count("svg") > 40


@pytest.mark.parametrize("kind", samples.FILES)
def test_what_was_not_run_is_shown_with_its_command(tmp_path: Path, kind: str) -> None:
    folders = samples.store_all(tmp_path / "results")
    folders[kind] = None
    page = build_report(folders, tmp_path / "out")
    section = page.read_text().split(f'<section id="{kind}">')[1].split("</section>")[0]
    command = kinds.KINDS[kind].command
    assert f"Not run. This fills it: <code>{command}</code>" in section
    assert f"not run | `{command}`" in page.with_name("report.md").read_text()
    Shape(page.read_text())


def test_an_empty_report_is_missing_and_names_the_gate(tmp_path: Path) -> None:
    page = build_report({}, tmp_path)
    assert '<h1 id="verdict">MISSING</h1>' in page.read_text()
    assert "No gate result is stored" in Shape(page.read_text()).text
    assert page.read_text().count("Not run. This fills it") == len(kinds.KINDS)


def test_failures_outside_the_gate_are_said_in_the_banner(tmp_path: Path) -> None:
    values = {
        "test": samples.diff(bad=True),
        "globals": samples.globals_(new=True),
        "abi": samples.abi(compatible=False),
    }
    html, markdown = _report(tmp_path, **values)
    banner = Shape(
        html.split('<nav class="cards"')[0].split("<body>")[1].split("</header>")[1].replace("<main>", "")
    ).text
    for words in (
        "4 tests newly failed (1 crashed, 1 timed out)",
        "1 new unlisted global",
        "the C ABI is not compatible",
    ):
        assert words in banner
        assert words in markdown
    assert "leaked_counter" in html and "leaked_counter" in markdown
    assert "PyThing_Gone" in html and "PyThing_Gone" in markdown


def test_the_matrix_of_wheels_and_the_isolated_suite(tmp_path: Path) -> None:
    html, markdown = _report(tmp_path, wheels=samples.wheels(), isolated=samples.isolated())
    words = Shape(html).text
    for told in ("1 of 2 wheels pass in every way", "four at once", "A library of it calls into Python.", "99.8%"):
        assert told in words
    assert "| pyarrow | passed | refused | refused | refused |" in markdown
    assert "Failures:" not in words and "Not explained:" not in words
    html, markdown = _report(tmp_path, wheels=samples.wheels(bad=True), isolated=samples.isolated(bad=True))
    words = Shape(html).text
    assert "Failures: 3" in words and "Not explained: 1" in words and "SIGSEGV <b>" in words
    assert "3 failures" in markdown and "1 unexplained difference" in markdown


def test_the_own_tests_of_a_package(tmp_path: Path) -> None:
    html, markdown = _report(tmp_path, own=samples.own())
    words = Shape(html).text
    for told in ("The tests of numpy", "one, 2 tests: They count references.", "as on upstream"):
        assert told in words
    assert "| one | 2 | They count references. |" in markdown
    assert "Not explained" not in words
    html, markdown = _report(tmp_path, own=samples.own(bad=True))
    words = Shape(html).text
    assert "1 unexplained difference" in words and "SIGBUS <b>" in words
    assert "numpy.tests.test_x" in markdown


def test_sanitizers_and_the_api(tmp_path: Path) -> None:
    html, markdown = _report(tmp_path, sanitize=samples.sanitize(), conformance=samples.conformance())
    words = Shape(html).text
    for told in ("9 queues", "1 suppression in force, under which 2 reports fell", "Both write the same."):
        assert told in words
    assert "2 scripts; 1 explained suppression" in markdown
    assert "0 of 1 (1 absent)" in words and "1 of 2 (1 absent)" in words and "2 of 2" in words
    assert "Not passed by the fork" not in words and "Not explained:" not in words
    older = samples.sanitize()
    del older["suppressions"]
    html, markdown = _report(tmp_path, sanitize=older)
    assert "2 reports fell under a suppression" in Shape(html).text and "explained suppression" not in markdown
    bad = {"sanitize": samples.sanitize(bad=True), "conformance": samples.conformance(bad=True)}
    html, markdown = _report(tmp_path, **bad)
    words = Shape(html).text
    for told in (
        "Not explained: 1",
        "data race in f (x.c:1)",
        "3 times",
        "WARNING <b>",
        "hung",
        "queues.put",
        "1 of 2",
    ):
        assert told in words
    assert "3 reports" in markdown and "1 script failed" in markdown


def test_a_list_of_globals_that_the_binaries_refute_is_an_alarm(tmp_path: Path) -> None:
    burn = samples.globals_()
    burn.update(ok=False, claimed_but_present=[{"row": "Objects/x.c:kept", "object": "x.o", "size": 8}])
    html, markdown = _report(tmp_path, globals=burn)
    assert "1 refuted global claim" in Shape(html).text and "1 refuted global claim" in markdown
    assert "Objects/x.c:kept" in html


def test_what_fails_upstream_too_is_no_alarm(tmp_path: Path) -> None:
    html, markdown = _report(tmp_path)
    assert samples.diff()["timed_out"], "the sample has a test that times out on both sides"
    assert 'class="alarm"' not in html
    assert "test_socket.Timeout.test_forever" in html
    assert "upstream too" in Shape(html).text and "(upstream too)" in markdown
    assert re.search(r"\| Test failures \| \*\*no new\*\*", markdown)


def test_every_difference_has_its_command(tmp_path: Path) -> None:
    diff = samples.diff(bad=True)
    html, markdown = _report(tmp_path, test=diff)
    words = Shape(html).text
    for key in ("new_failures", "crashed", "timed_out", "flaky", "fixed"):
        for case in diff[key]:
            assert case["test"] in words
            assert case["command"] in words
            assert comment.code(case["command"]) in markdown


def test_foreign_text_is_shown_and_not_interpreted(tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script> | `x` @someone [a](b) #1\n- item"
    gate, diff = samples.gate(), samples.diff(bad=True)
    gate["warnings"] = [nasty]
    gate["benchmarks"][0]["name"] = nasty
    diff["new_failures"][0].update(message=nasty, test=nasty, command=nasty)
    html, markdown = _report(tmp_path, gate=gate, test=diff)
    assert html.count("<script>") == 1
    assert "<script>alert(1)" in Shape(html).text
    outside_code = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", markdown)
    assert "<script" not in outside_code
    assert "@someone" not in outside_code
    assert "](b)" not in outside_code.replace("\\](", "")
    for line in markdown.splitlines():
        if line.startswith("| ") and "alert" in line:
            cells = len(re.findall(r"(?<!\\)\|", line)) - 1
            assert cells in (2, 6)


def test_results_of_another_series_are_warned_about(tmp_path: Path) -> None:
    diff = samples.diff()
    diff["provenance"]["fork"]["series_hash"] = "5b" * 32
    html, markdown = _report(tmp_path, test=diff)
    words = "Test suites is of another series (5b5b5b5b5b5b) than Speed gate (9f1c9f1c9f1c)"
    assert words in Shape(html).text
    assert "5b5b5b5b5b5b" in markdown


def test_the_machine_is_shown_with_what_changed_over_the_run(tmp_path: Path) -> None:
    cores = samples.multicore()
    before = {"cpu": "Example CPU", "loadavg": [0.5], "governor": None}
    cores["machine"] = {"before": before, "after": {**before, "loadavg": [2.25]}}
    gate = samples.gate()
    gate["machine"] = {}
    html, _ = _report(tmp_path, gate=gate, multicore=cores)
    assert "loadavg 0.5 → 2.25" in Shape(html.replace("</dt><dd>", "</dt> <dd>")).text


def test_interpreters_against_processes_are_shown_with_their_interval(tmp_path: Path) -> None:
    cores = samples.multicore()
    html, _ = _report(tmp_path, multicore=cores)
    text = Shape(html).text
    assert "Interpreters against as many processes" in text
    assert "0.9862 to 0.9962" in text and "processes: crashed by SIGSEGV" in text
    del cores["ceiling"]  # a result of before
    html, _ = _report(tmp_path, multicore=cores)
    assert "Interpreters against as many processes" not in Shape(html).text


def test_equal_binaries_are_not_called_fast(tmp_path: Path) -> None:
    gate = samples.gate()
    gate.update(equal_binaries=True, suite=None, control=None, benchmarks=[], instructions=None)
    html, _ = _report(tmp_path, gate=gate)
    assert "identical byte for byte, so nothing was timed" in Shape(html).text


def test_a_huge_result_still_makes_a_comment(tmp_path: Path) -> None:
    diff = samples.diff()
    case = {"file": "test_x", "status": "failed", "message": "m" * 2000, "command": "python -m test " + "x" * 200}
    diff["new_failures"] = [{**case, "test": f"test_x.T.test_{index}"} for index in range(500)]
    html, markdown = _report(tmp_path, test=diff)
    assert len(markdown) <= comment.LIMIT + 100
    assert markdown.count("<details") == markdown.count("</details>")
    assert re.search(r"^(460|490|497) more are in the report\.$", markdown, re.M)
    assert "test_x.T.test_499" in html


def test_tables_of_the_comment_are_whole(tmp_path: Path) -> None:
    _, markdown = _report(tmp_path, test=samples.diff(bad=True))
    lines = markdown.splitlines()
    for before, line, after in zip(lines, lines[1:], [*lines[2:], ""], strict=False):
        if re.fullmatch(r"\|( -+:? \|)+", line):
            columns = line.count("|")
            assert len(re.findall(r"(?<!\\)\|", before)) == columns
            assert len(re.findall(r"(?<!\\)\|", after)) == columns
            assert lines[lines.index(before) - 1] == "", "a table needs an empty line before it"
