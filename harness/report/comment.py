"""The report as markdown for a merge-request comment: the same figures, folded, and short enough to be posted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.report import text
from harness.report.load import Section
from harness.report.provenance import flat

MARKER = "<!-- redwoodtj-report -->"  # by which the workflow finds its own comment again
LIMIT = 30_000  # characters: two of them fit into one comment of GitHub (65,536)
ROWS = (40, 10, 3)  # rows of one table, tried in turn until the comment is short enough
ICONS = {"PASS": "🟢", "FAIL": "🔴", "INCONCLUSIVE": "🟡", "VOID": "🟣", "MISSING": "⚪"}

Context = Mapping[str, Any]


def body(context: Context) -> str:
    """The whole comment; long tables are cut, and say so."""
    for rows in ROWS:
        words = "\n\n".join(_blocks(context, rows)) + "\n"
        if len(words) <= LIMIT:
            return words
    return words[:LIMIT].rsplit("\n", 1)[0] + "\n\n</details>\n\nCut short; the whole is in the report.\n"


def _blocks(context: Context, rows: int) -> Iterator[str]:
    banner = context["banner"]
    yield MARKER
    yield f"## {ICONS[banner.verdict]} {banner.verdict} · redwoodtj"
    yield markdown(banner.sentence)
    if banner.alarms:
        yield "\n".join(f"- ⚠️ **{markdown(alarm)}**" for alarm in banner.alarms)
    cards = [[markdown(card[key]) for key in ("title", "figure", "note")] for card in context["cards"]]
    yield table(("", "", ""), [(title, f"**{figure}**", note) for title, figure, note in cards], "lll")
    for name, make in _PARTS.items():
        part = context["parts"].get(name)
        if part:
            yield from make(part, context["sections"][name], rows)
    if context["warnings"]:
        items = "\n".join(f"- {markdown(warning)}" for warning in context["warnings"][:rows])
        yield from details(text.plural(len(context["warnings"]), "warning"), [items])
    yield from _origin(context)


# --- sections --------------------------------------------------------------------------------------------------


def _gate(part: Context, _section: Section, rows: int) -> Iterator[str]:
    suite, control = part["suite"], part["control"]
    arms = []
    if suite:
        arms.append(
            (
                f"**suite** ({text.plural(suite['blocks'], 'block')})",
                f"**{text.ratio(suite['ratio'])}**",
                between(suite),
            )
        )
    if control:
        arms.append(("control, upstream twice", text.ratio(control["ratio"]), between(control)))
    facts = [f"Margin {text.share(part['margin'])}", f"{markdown(part['profile'])} build"]
    if suite and suite.get("mde") is not None:
        facts.append(f"smallest effect visible {text.share(suite['mde'])}")
    counted = part.get("instructions")
    if counted and counted["geomean"] is not None:
        facts.append(f"instructions {text.change(counted['geomean'], 3)} (geometric mean of {counted['count']})")
    lines = [_benchmark(row) for row in part["rows"]]
    yield from details(
        f"Speed: {text.plural(len(lines), 'benchmark')} against {markdown(part['against'])}",
        [
            table(("", "ratio", "interval"), arms, "lrl") if arms else "",
            "; ".join(facts) + ".",
            "\n".join(f"- {markdown(reason)}" for reason in part["reasons"]),
            *cut(("benchmark", "ratio", "interval", "instructions", "Holm p", ""), lines, "lrlrrl", rows),
        ],
    )


def _benchmark(row: Context) -> tuple[str, ...]:
    counted = row.get("instructions")
    return (
        code(row["name"]),
        text.ratio(row["ratio"]),
        between(row),
        text.ratio(counted["ratio"]) if counted else "–",
        text.p_value(row.get("p_holm")),
        "" if row["status"] == "same" else f"**{row['status']}**",
    )


def _official(part: Context, section: Section, rows: int) -> Iterator[str]:
    whole = [part["suite"]] if part["suite"] else []
    lines = [
        (code(row["name"]), text.ratio(row["ratio"]), between(row), markdown(str(row.get("error") or "")[:120]))
        for row in [*whole, *part["rows"]]
    ]
    yield from details(section.kind.title, cut(("benchmark", "ratio", "interval", ""), lines, "lrll", rows))


def _test(part: Context, _section: Section, rows: int) -> Iterator[str]:
    keys = ("tests", "passed", "failed", "errors", "skipped")
    runs = [(name, *(text.count(part[name][key]) for key in keys)) for name in ("upstream", "fork")]
    blocks = [table(("", *keys), runs, "lrrrrr")]
    for one in part["lists"]:
        if one["rows"] and one["tone"] != "mute":
            lines = [(_tested(row), code(row.get("command") or "")) for row in one["rows"]]
            blocks += [f"**{one['title']}** ({one['means']})", *cut(("test", "run it again"), lines, "ll", rows)]
    counts = ", ".join(f"{len(one['rows'])} {one['title'].lower()}" for one in part["lists"])
    yield from details(f"Tests: {counts}", blocks, shown=part["bad"] > 0)


def _tested(row: Context) -> str:
    return code(row["test"]) + (f" ({row['tag'][0]})" if row.get("tag") else "")


def _bench(part: Context, section: Section, rows: int) -> Iterator[str]:
    lines = [
        (
            markdown(workload["name"]),
            markdown(f"{row['implementation']}, {row['mode']}"),
            str(row["workers"]),
            _rate(row),
            f"{row['speedup']:.2f}×" if row.get("speedup") is not None else "–",
        )
        for workload in part["workloads"]
        for row in workload["rows"]
    ]
    heads = ("workload", "implementation", "workers", "rate", "speed-up")
    yield from details(section.kind.title, cut(heads, lines, "llrrr", 2 * rows))


def _rate(row: Context) -> str:
    if row.get("error"):
        return f"**{markdown(str(row['error'])[:120])}**"
    if row.get("rate") is None:
        return "–"
    return f"{text.significant(row['rate'])} {markdown(row.get('unit') or '')}".strip()


def _globals(part: Context, _section: Section, rows: int) -> Iterator[str]:
    fresh = [code(row["symbol"]) for row in part["new"]]
    folders = [
        (markdown(row["folder"]), text.count(row["left"]), text.count(row["total"])) for row in part["folders"]
    ]
    patches = [(code(row["patch"]), text.count(row["removed"]), text.count(row["left"])) for row in part["by_patch"]]
    yield from details(
        f"Globals: {text.count(part['left'])} of {text.count(part['total'])} left",
        [
            f"New and unlisted: {', '.join(fresh[:rows])}" if fresh else "",
            *cut(("folder", "left", "of"), folders, "lrr", rows),
            *cut(("patch", "moved", "left"), patches, "lrr", rows),
        ],
        shown=bool(fresh),
    )


def _ledger(part: Context, _section: Section, rows: int) -> Iterator[str]:
    lines = [
        (
            code(row["patch"]),
            flat(row["applies"]),
            flat(row.get("builds")),
            row["tests_words"],
            row["delta_words"],
            text.count(row.get("globals_left")),
            row["abi_words"],
            row["lines_words"],
        )
        for row in part["rows"]
    ]
    heads = ("patch", "applies", "builds", "tests", "instructions", "globals left", "ABI", "lines")
    yield from details(
        f"Ledger: {part['whole']} of {text.plural(len(lines), 'patch')} whole", cut(heads, lines, "llllrrlr", rows)
    )


def _abi(part: Context, _section: Section, rows: int) -> Iterator[str]:
    if part["compatible"]:
        return
    lines = [
        (
            code(one["file"]),
            str(len(one["removed"])),
            str(len(one["changed"])),
            code(" ".join(map(flat, one["removed"][:10]))),
        )
        for one in part["differing"]
    ]
    layouts = [f"- {markdown(change)}" for change in part["layouts"][:rows]]
    yield from details(
        "C ABI: not compatible",
        [*cut(("object", "removed", "changed", "names"), lines, "lrrl", rows), "\n".join(layouts)],
        shown=True,
    )


def _wheels(part: Context, section: Section, rows: int) -> Iterator[str]:
    modes = part["modes"]
    lines = [
        (row["wheel"], *(row["cells"][mode].get("outcome", "") for mode in modes))
        for row in part["rows"]
        if not row["whole"]
    ]
    heads = ("wheel", *modes.values())
    summary = f"{section.kind.title}: {part['whole']} of {len(part['rows'])} pass in every way"
    yield from details(summary, cut(heads, lines, "l" * len(heads), rows))


def _own(part: Context, section: Section, rows: int) -> Iterator[str]:
    lines = [(one["side"], str(one["tests"]), markdown(one["reason"])) for one in part["reasons"]]
    blocks = cut(("side", "tests", "because"), lines, "lrl", rows)
    bad = [(one["side"], code(one["test"]), f"{one['upstream']} -> {one['outcome']}") for one in part["unexplained"]]
    blocks += cut(("side", "not explained", ""), bad, "lll", rows)
    yield from details(f"{section.kind.title}: {markdown(part['package'])}", blocks, shown=bool(bad))


def _isolated(part: Context, section: Section, rows: int) -> Iterator[str]:
    lines = [
        (markdown(one["cause"]), "rule" if one["rule"] else "gap", str(len(one["tests"])), markdown(one["reason"]))
        for one in part["causes"]
    ]
    summary = f"{section.kind.title}: {100 * part['share']:.1f}% of {part['files_passed_main']} files"
    yield from details(summary, cut(("cause", "", "tests", "because"), lines, "llrl", rows))


def _conformance(part: Context, section: Section, rows: int) -> Iterator[str]:
    lines = [(markdown(area), *(cell["words"] for cell in cells)) for area, cells in part["areas"].items()]
    heads = ("area", *(markdown(one["title"]) for one in part["implementations"]))
    yield from details(section.kind.title, cut(heads, lines, "l" * len(heads), rows))


def _sanitize(part: Context, section: Section, rows: int) -> Iterator[str]:
    lines = [
        (code(row["script"]), f"{row['seconds']:.0f} s", str(row["reports"]), row["ended"], markdown(row["told"]))
        for row in part["scripts"]
    ]
    blocks = cut(("script", "time", "reports", "ended", "did"), lines, "lrrll", rows)
    causes = [(markdown(one["cause"]), str(one["count"])) for one in part["reports"]]
    blocks += cut(("not explained", "reports"), causes, "lr", rows)
    yield from details(f"{section.kind.title}: {part['profile']}", blocks, shown=bool(causes))


_PARTS = {
    "gate": _gate,
    "pyperformance": _official,
    "test": _test,
    "multicore": _bench,
    "lifecycle": _bench,
    "messaging": _bench,
    "isolated": _isolated,
    "wheels": _wheels,
    "own": _own,
    "conformance": _conformance,
    "sanitize": _sanitize,
    "globals": _globals,
    "ledger": _ledger,
    "abi": _abi,
}


def _origin(context: Context) -> Iterator[str]:
    lines = [
        (row["label"], code(text.short_hash(row["left"])), code(text.short_hash(row["right"])))
        for row in context["origin"]
    ]
    lines += [
        (section.kind.title, "not run", code(section.kind.command))
        for section in context["sections"].values()
        if section.folder is None
    ]
    sides = context["sides"]
    yield from details("Provenance", [table(("", *(sides[:2] if sides else ("", ""))), lines, "lll")])


# --- markdown --------------------------------------------------------------------------------------------------


def details(summary: str, blocks: Sequence[str], *, shown: bool = False) -> Iterator[str]:
    """Folded blocks; empty ones are left out."""
    yield f"<details{' open' if shown else ''}><summary>{summary}</summary>"
    yield from filter(None, blocks)
    yield "</details>"


def table(heads: Sequence[str], lines: Sequence[Sequence[str]], align: str) -> str:
    """A table; `align` has an l or r for each column."""
    rule = [{"l": "---", "r": "---:"}[side] for side in align]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *lines))


def cut(heads: Sequence[str], lines: Sequence[Sequence[str]], align: str, rows: int) -> list[str]:
    """A table of at most `rows` lines, and how many are not shown."""
    if not lines:
        return []
    hidden = len(lines) - rows
    return [table(heads, lines[:rows], align), f"{text.count(hidden)} more are in the report." if hidden > 0 else ""]


def between(row: Context) -> str:
    """The interval of a row."""
    return text.interval(row.get("low"), row.get("high"))


def markdown(value: object) -> str:
    """Foreign text as one line of markdown that shows itself: no markup, table cell, mention or reference in it."""
    line = " ".join(str(value).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~])", r"\\\1", line)
    return re.sub(r"([@#])(?=\w)", "\\1\N{WORD JOINER}", line)


def code(value: object) -> str:
    """Foreign text as a code span that survives a table cell."""
    line = " ".join(str(value).split()).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"
