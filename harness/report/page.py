"""The report as one self-contained HTML page, written with Jinja and the words of `harness.report.text`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.report import charts, charts_cores, text
from harness.report.provenance import flat

TEMPLATES = Path(__file__).resolve().parent / "templates"
ASSETS = {"style": "style.css", "script": "script.js"}
FILTERS: dict[str, Callable[..., str]] = {
    "change": text.change,
    "count": text.count,
    "count_words": text.count_words,
    "flat": flat,
    "p_value": text.p_value,
    "ratio": text.ratio,
    "seconds": text.seconds,
    "share": text.share,
    "short_hash": text.short_hash,
    "significant": text.significant,
}


def html(context: Mapping[str, Any]) -> str:
    """The page for a context of `harness.report.view`."""
    assets = {name: Markup((TEMPLATES / file).read_text(encoding="utf-8")) for name, file in ASSETS.items()}
    return _environment().get_template("report.html.j2").render(**context, **assets).lstrip()


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    for name, words in FILTERS.items():
        made.filters[name] = _lenient(words)
    made.filters.update(interval=lambda row: text.interval(row.get("low"), row.get("high")), plural=text.plural)
    made.globals.update(charts=charts, cores_charts=charts_cores)
    return made


def _lenient(words: Callable[..., str]) -> Callable[..., str]:
    """A field that a result does not have is written like one that is null: as a dash."""
    return lambda value, *rest: words(None if isinstance(value, jinja2.Undefined) else value, *rest)
