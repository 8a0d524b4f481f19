"""The report as a browser shows it: headless Chromium at desktop and phone width, light, dark and printed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import report_samples as samples
from PIL import Image, ImageStat

from harness import paths
from harness.errors import Exit
from harness.report import browser, build_report, text

DESKTOP, PHONE = (1280, 900), (360, 780)
SCREENS = [(size, dark) for size in (DESKTOP, PHONE) for dark in (False, True)]
NAMES = [f"{size[0]}-{'dark' if dark else 'light'}" for size, dark in SCREENS]

# Elements that reach past the right edge and do not sit in a box that scrolls by itself.
OVERFLOWING = """
[...document.querySelectorAll("body *")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && box.right > %d + 0.5 && !one.closest(".scroll, svg, pre");
}).map(one => one.tagName + "." + one.className).slice(0, 5)
"""
# Marks of a drawing that are really on the screen: with a size, and inside the page.
DRAWN = """
(selector => [...document.querySelectorAll(selector)].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width > 2 && box.height > 2 && box.left >= -1 && box.right <= innerWidth + 1;
}).length)(%s)
"""
# Contrast ratio (WCAG 2) of the given custom properties on the page's and the cards' ground.
CONTRAST = """
(names => {
  const probe = document.body.appendChild(document.createElement("i"));
  const light = name => {
    probe.style.color = `var(${name})`;
    const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const found = {};
  for (const name of names) for (const ground of ["--paper", "--card"]) {
    const [a, b] = [light(name), light(ground)].sort((x, y) => y - x);
    found[name + " on " + ground] = (a + 0.05) / (b + 0.05);
  }
  probe.remove();
  return found;
})(%s)
"""
INKS = ["--ink", "--muted", "--good", "--bad", "--warn", "--void", "--mute", "--fork", "--upstream", "--peer"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("report")
    values = {"gate": samples.gate("FAIL"), "test": samples.diff(bad=True), "globals": samples.globals_(new=True)}
    return build_report(samples.store_all(where / "results", **values), where / "out")


@pytest.fixture
def tab() -> Iterator[browser.Tab]:
    if browser.find() is None:
        assert not os.environ.get("CI"), "CI must have a browser"
        pytest.skip("no Chromium on this machine; ./noxw -s tests installs it where it may")
    with browser.chromium() as found:
        yield found


@pytest.mark.parametrize(("size", "dark"), SCREENS, ids=NAMES)
def test_the_page_as_it_is_shown(tab: browser.Tab, page: Path, size: tuple[int, int], dark: bool) -> None:
    tab.open(page, *size, dark=dark)
    assert tab.evaluate("innerWidth") == size[0]
    assert tab.evaluate('matchMedia("(prefers-color-scheme: dark)").matches') is dark

    words = " ".join(tab.evaluate("document.body.innerText").split())
    gate = samples.gate("FAIL")
    assert tab.evaluate('document.querySelector("#verdict").innerText') == "FAIL"
    shown = [text.ratio(row["ratio"]) for row in gate["benchmarks"]]
    shown += [row["name"] for row in gate["benchmarks"]]
    shown += ["1.0192", "[1.0161, 1.0223]", "0.63%", "1.0004", "9,321", "1,163", "1,190", "1.96×", "leaked_counter"]
    shown += ["4 tests newly failed", "test_threading.ThreadTests.test_limbo_cleanup", "killed by signal 11"]
    for figure in shown:
        assert figure in words, figure

    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert tab.evaluate(OVERFLOWING % size[0]) == []
    assert tab.requests == [page.as_uri()], "the page asked for something"

    count = len(gate["benchmarks"])
    for selector, least in (
        ("#gate .forest .mark", count + 2),
        (".forest .witness", count),
        (".strip .block", 2 * samples.BLOCKS),
        ("#globals .spot", len(samples.PATCHES)),
        ("#multicore .plot .spot", 24),
        ("#lifecycle .bar", 0 if size == PHONE else 3),
    ):
        assert tab.evaluate(DRAWN % json.dumps(selector)) >= least, selector

    with Image.open(io.BytesIO(tab.screenshot())) as picture:
        assert picture.width >= size[0]
        seen = ImageStat.Stat(picture.convert("L"))
        assert seen.stddev[0] > 8, "the picture is blank"
        assert (seen.mean[0] < 100) is dark


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_ink_can_be_read(tab: browser.Tab, page: Path, dark: bool) -> None:
    tab.open(page, *DESKTOP, dark=dark)
    found = tab.evaluate(CONTRAST % json.dumps(INKS))
    assert len(found) == 2 * len(INKS)
    weak = {name: round(ratio, 2) for name, ratio in found.items() if ratio < 4.5}
    assert not weak


@pytest.mark.parametrize("word", ["PASS", "INCONCLUSIVE", "VOID", "MISSING"])
def test_the_other_verdicts_fit_a_phone(tab: browser.Tab, tmp_path: Path, word: str) -> None:
    shown = build_report(samples.store_all(tmp_path / "results", gate=samples.gate(word)), tmp_path / "out")
    tab.open(shown, *PHONE)
    assert tab.evaluate('document.querySelector("#verdict").innerText') == word
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert tab.evaluate(OVERFLOWING % PHONE[0]) == []


def test_an_empty_report_is_still_a_page(tab: browser.Tab, tmp_path: Path) -> None:
    tab.open(build_report({}, tmp_path), *PHONE, dark=True)
    assert tab.evaluate('document.querySelectorAll(".notrun").length') >= 8
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_long_foreign_words_do_not_widen_a_phone(tab: browser.Tab, tmp_path: Path) -> None:
    gate, diff = samples.gate(), samples.diff(bad=True)
    gate["benchmarks"][0]["name"] = "n" * 200
    gate["warnings"] = ["w" * 300]
    gate["reasons"] = ["r" * 300]
    gate["machine"] = {"cpu": "c" * 300}
    gate["provenance"]["candidate"]["configure"] = ["--with-" + "o" * 300]
    diff["new_failures"][0].update(test="t" * 300, command="x" * 500, message="m" * 500)
    folders = samples.store_all(tmp_path / "results", gate=gate, test=diff)
    tab.open(build_report(folders, tmp_path / "out"), *PHONE)
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert tab.evaluate(OVERFLOWING % PHONE[0]) == []


def test_printing_opens_what_is_folded_and_closes_it_again(tab: browser.Tab, page: Path) -> None:
    tab.open(page, *DESKTOP, print_=True)
    closed = 'document.querySelectorAll("details:not([open])").length'
    before = tab.evaluate(closed)
    assert before > 0
    assert tab.evaluate('dispatchEvent(new Event("beforeprint")), ' + closed) == 0
    assert tab.evaluate('dispatchEvent(new Event("afterprint")), ' + closed) == before
    assert (
        tab.evaluate('getComputedStyle(document.querySelector(".command button") ?? document.head).display') == "none"
    )


def test_the_browser_says_when_a_page_would_fetch(tab: browser.Tab, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    head = "<!doctype html><meta name=viewport content='width=device-width'>"
    page.write_text(f"{head}<img src='other.png'><p style='width: 999px'>wide</p>")
    tab.open(page, *PHONE)
    assert tab.requests == [page.as_uri(), (tmp_path / "other.png").as_uri()]
    assert tab.evaluate(OVERFLOWING % PHONE[0]) == ["P."]
    assert tab.evaluate("document.documentElement.scrollWidth") > PHONE[0]


def test_the_command_writes_report_and_picture(tab: browser.Tab, tmp_path: Path) -> None:
    folder = samples.store(tmp_path, "gate")
    command = [sys.executable, "-m", "harness", "report", "--result", str(folder)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out"), "--picture", str(tmp_path / "docs" / "report.png")],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "out" / "report.html")
    with Image.open(tmp_path / "docs" / "report.png") as picture:
        assert picture.size == browser.PICTURE
        assert ImageStat.Stat(picture.convert("L")).stddev[0] > 8


def test_the_command_refuses_a_cut_result_with_its_code(tmp_path: Path) -> None:
    folder = samples.store(tmp_path, "gate")
    file = folder / "verdict.json"
    file.write_bytes(file.read_bytes()[:2000])
    code_file = tmp_path / "code"
    done = subprocess.run(
        [sys.executable, "-m", "harness", "report", "--result", str(folder), "--out", str(tmp_path / "out")],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "REDWOODTJ_EXIT_FILE": str(code_file)},
    )
    assert done.returncode == Exit.MISSING
    assert code_file.read_text().strip() == "5"
    assert "verdict.json is cut short or damaged" in done.stderr
    assert "what to do:" in done.stderr
    assert not (tmp_path / "out").exists()
