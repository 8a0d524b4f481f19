"""The drawings put marks where the figures are, and figures are written one way."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
import report_samples as samples

from harness.report import charts, charts_cores, svg, text
from harness.report.svg import Scale


def test_a_scale_keeps_values_inside_its_box() -> None:
    scale = Scale(0.98, 1.02)
    assert scale(1.0) == pytest.approx(50)
    assert scale(1.01) == pytest.approx(75)
    assert scale(5) == 100
    assert scale(0) == 0
    assert not scale.holds(5)


@pytest.mark.parametrize(("low", "high"), [(0.0, 4.2), (-0.04, 0.04), (1130.0, 1190.0), (0.0, 1e-4), (0, 1190)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = svg.ticks(low, high, 5)
    assert 2 <= len(found) <= 11
    assert all(low - 1e-12 <= at <= high + 1e-12 for at in found)
    steps = {round((b - a) / (high - low), 9) for a, b in pairwise(found)}
    assert len(steps) == 1


def test_the_ratio_scale_is_even_around_one_and_holds_all() -> None:
    rows = samples.gate()["benchmarks"]
    scale = charts.ratio_scale([None, *rows], 0.01)
    assert scale(1.0) == pytest.approx(50)
    assert all(scale.holds(row[key]) for row in rows for key in ("low", "high"))
    assert charts.ratio_scale([{"ratio": 9.0}], 0.01).high == 1 + charts.WIDEST
    assert charts.ratio_scale([], 0.01).high > 1.01


def test_an_interval_is_drawn_at_its_figures() -> None:
    scale = Scale(0.9, 1.1)
    drawn = charts.interval(scale, {"name": "x", "ratio": 1.05, "low": 1.0, "high": 1.08}, 0.02, "slower")
    assert 'cx="75%"' in drawn
    assert 'x1="50%" y1="50%" x2="90%" y2="50%" class="whisker slower"' in drawn
    assert 'x="40%" y="0" width="20%"' in drawn
    assert "x: 1.0500 [1.0000, 1.0800]" in drawn
    assert "▸" not in drawn
    wide = charts.interval(scale, {"name": "x", "ratio": 1.05, "low": 0.2, "high": 3.0}, 0.02, "slower")
    assert "▸" in wide and "◂" in wide


def test_a_lost_benchmark_says_so_instead_of_a_mark() -> None:
    drawn = charts.interval(Scale(0.9, 1.1), {"name": "x", "ratio": None, "status": "crashed"}, 0.02, "lost")
    assert "crashed" in drawn
    assert "<circle" not in drawn


def test_the_strip_has_one_mark_a_block_none_on_another() -> None:
    ratios = [1.0] * 5 + [1.001, 1.002]
    drawn = charts.strip(Scale(0.98, 1.02), ratios, {"ratio": 1.0, "low": 0.99, "high": 1.01}, 0.01, "suite")
    places = re.findall(r'<circle cx="([\d.]+)%" cy="([\d.]+)%"', drawn)
    assert len(places) == len(set(places)) == 7


def test_the_ceiling_is_what_processes_reach() -> None:
    curves = charts_cores.curves(samples.multicore()["rows"])
    by_name = {(one.implementation, one.mode): dict(one.points) for one in curves}
    assert charts_cores.ceiling(curves) == by_name["fork", "processes"]
    pools = [one for one in curves if one.mode != "processes"]
    assert charts_cores.ceiling(pools) == by_name["fork", "forkserver"]
    theirs = [one for one in pools if one.implementation != "fork"]
    assert charts_cores.ceiling(theirs) == by_name["upstream", "forkserver"]
    assert charts_cores.ceiling([one for one in curves if one.mode == "threads"]) == {}


def test_processes_are_drawn_as_the_ceiling_only() -> None:
    shown = charts_cores.drawn(charts_cores.curves(samples.multicore()["rows"]))
    names = {(one.implementation, one.mode) for one in shown}
    assert names == {(who, "interpreters") for who in ("fork", "upstream", "peer")} | {("fork", "threads")}
    assert (shown[-1].implementation, shown[-1].mode) == ("fork", "interpreters"), "what matters lies on top"


def test_a_curve_goes_through_its_points() -> None:
    one = charts_cores.Series("fork", "interpreters", ((1, 1.0), (2, 1.9)))
    drawn = charts_cores.scaling("work", [one])
    assert "fork, interpreters, 2 workers: 1.90×" in drawn
    assert "of-fork by-interpreters" in drawn
    assert charts_cores.Series("3.13", "spawn", ()).class_ == "of-peer by-processes"


def test_the_burn_down_falls_by_each_patch() -> None:
    rows = samples.globals_()["by_patch"]
    drawn = charts_cores.burn_down(1190, rows)
    assert drawn.count("<title>") == len(rows)
    points = next(found for found in re.findall(r'points="([^"]+)" class="steps"', drawn)).split()
    heights = [float(point.split(",")[1]) for point in points]
    assert heights == sorted(heights)
    assert len(points) == 2 * len(rows) + 1


def test_an_axis_that_does_not_start_at_zero_has_no_area() -> None:
    assert charts_cores.axis_floor(1190, [600]) == 0
    assert charts_cores.axis_floor(1190, []) == 0
    assert charts_cores.axis_floor(1190, [1190]) == 0
    assert charts_cores.axis_floor(1190, [1189]) == 1190 - charts_cores.LEAST_SPAN
    assert 1190 - 40 < charts_cores.axis_floor(1190, [1163]) < 1163
    assert 'class="fill"' in charts_cores.burn_down(1190, [{"patch": "p", "removed": 590, "left": 600}])
    assert 'class="fill"' not in charts_cores.burn_down(1190, samples.globals_()["by_patch"])
    assert "after 0 patches" in charts_cores.burn_down(1190, [])


def test_text_in_a_drawing_is_escaped() -> None:
    assert svg.label(0, 0, "<b>&", "tick").count("&lt;b&gt;&amp;") == 1
    assert "<b>" not in svg.dot(0, 0, 'x" onload="y', "<b>")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (text.change(1.0042), "+0.42%"),
        (text.change(0.9958), "−0.42%"),
        (text.change(0.999999), "0.00%"),
        (text.change(None), "–"),
        (text.share(0.01), "1%"),
        (text.share(0.0063), "0.63%"),
        (text.speed_words(1.0), "as fast"),
        (text.speed_words(0.98), "2.00% faster"),
        (text.count_words(0.99713), "0.287% fewer"),
        (text.count_words(1.02), "2.000% more"),
        (text.count_words(1.0), "as many"),
        (text.count(1190), "1,190"),
        (text.seconds(0.000826), "826 µs"),
        (text.seconds(3.2e-8), "32.0 ns"),
        (text.seconds(0.006), "6.00 ms"),
        (text.seconds(241), "4 min 1 s"),
        (text.seconds(4000), "1 h 6 min"),
        (text.significant(2310000), "2,310,000"),
        (text.significant(0), "0"),
        (text.p_value(1e-9), "<0.0001"),
        (text.p_value(0.0321), "0.032"),
        (text.short_hash("sha256:" + "ab" * 32), "abababababab"),
        (text.short_hash("v3.11.2"), "v3.11.2"),
        (text.short_hash(None), ""),
        (text.plural(1, "patch"), "1 patch"),
        (text.plural(1190, "patch"), "1,190 patches"),
        (text.plural(0, "block"), "0 blocks"),
    ],
)
def test_figures_are_written_one_way(words: str, expected: str) -> None:
    assert words == expected
