"""The report: one HTML page and one markdown comment from the stored results of all sessions.

Flow: `load` reads and refuses, `view` computes what is shown, `charts*` draw, `page` and `comment` write. Nothing
here measures, and a kind of result that is not stored is shown as "not run" with the command that makes it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from harness import results
from harness.atomic import write_json, write_text
from harness.console import out as stdout
from harness.console import say
from harness.errors import ResultMissingError
from harness.report import comment, costs, figures, load, page, view

__all__ = ["build_report", "main"]

PAGE = "report.html"
COMMENT = "report.md"


def build_report(folders: Mapping[str, Path | None], out: Path) -> Path:
    """Write report.html and report.md into the directory `out` and return the page.

    `folders` maps a kind of result (gate, test, isolated, wheels, multicore, globals...) to its folder;
    a kind that is left out or None is shown as not run. ResultDamagedError, ResultMissingError or ResultUnequalError
    (exit 5) if a folder's result cannot be shown; then nothing is written.
    """
    context = view.context(load.sections(folders))
    html, markdown = page.html(context), comment.body(context)
    write_text(out / COMMENT, markdown)
    write_text(out / PAGE, html)
    return out / PAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="report", description="the HTML page and the markdown comment")
    parser.add_argument(
        "--result",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a result folder to show (once for each kind); without it, the newest stored result of every kind",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write; default: a new folder in results/")
    parser.add_argument("--figures", type=Path, metavar="JSON", help="also a summary for docs/results/")
    parser.add_argument("--costs", metavar="NAME", help="only write docs/guide.md's table from docs/results/NAME")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="also a picture of its head (needs chromium)")
    parser.add_argument("--dark", action="store_true", help="the picture in dark colours")
    return parser


def main(argv: list[str]) -> int:
    """Write the report; its verdict does not change the exit code, results that cannot be read do (5)."""
    options = _parser().parse_args(argv)
    if options.costs:
        costs.update(costs.GUIDE, options.costs)
        say(f"costs: {costs.GUIDE}")
        return 0
    folders = load.named(options.result) if options.result else load.newest()
    if not any(folders.values()):
        raise ResultMissingError(
            "no result is stored yet, so there is nothing to report", remedy="Run `./noxw -s run`."
        )
    for name, folder in folders.items():
        say(f"{name}: {folder.name if folder else 'not run'}")
    where = build_report(folders, options.out or results.new("report"))
    stdout.print(str(where), markup=False)
    if options.figures:
        write_json(options.figures, figures.of(load.sections(folders)))
        say(f"figures: {options.figures}")
    if options.picture:
        _picture(where, options.picture, dark=options.dark)
    return 0


def _picture(html: Path, picture: Path, *, dark: bool) -> None:
    from harness.report import browser

    browser.picture(html, picture, dark=dark)
    say(f"picture: {picture}")
