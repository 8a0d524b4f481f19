"""The statistics against known answers, invariances (hypothesis) and simulation with fixed seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from perf import stats
from perf.stats import Estimate

logs = st.floats(-0.5, 0.5)
block_means = st.lists(logs, min_size=2, max_size=30)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def close(left: Sequence[float], right: Sequence[float]) -> bool:
    return bool(np.allclose(left, right, rtol=1e-9, atol=1e-12))


# --- intervals -----------------------------------------------------------------------------------------------------


def test_interval_is_the_textbook_t_interval() -> None:
    values = [0.01, 0.03, -0.01, 0.02, 0.00]
    low, high = stats.estimate(values).interval(0.025)
    expected = scipy_stats.t.interval(0.95, 4, loc=np.mean(values), scale=scipy_stats.sem(values))
    assert close((low, high), expected)


def test_interval_needs_two_finite_blocks() -> None:
    with pytest.raises(ValueError, match="at least two blocks, got 1"):
        stats.estimate([0.0])
    with pytest.raises(ValueError, match="not finite"):
        stats.estimate([0.0, math.nan])


@given(block_means)
def test_swapping_the_arms_mirrors_the_interval(values: list[float]) -> None:
    low, high = stats.estimate(values).interval(0.01)
    mirrored = stats.estimate([-value for value in values]).interval(0.01)
    assert close(mirrored, (-high, -low))


@given(block_means, logs)
def test_a_slower_candidate_shifts_the_interval_by_as_much(values: list[float], by: float) -> None:
    before = stats.estimate(values).interval(0.025)
    after = stats.estimate([value + by for value in values]).interval(0.025)
    assert np.allclose(after, np.add(before, by), atol=1e-9)


@given(block_means, st.floats(-0.2, 0.2))
def test_interval_and_p_value_agree(values: list[float], bound: float) -> None:
    found = stats.estimate(values)
    low, high = found.interval(0.025)
    p_above, p_below = found.p_above(bound), found.p_below(bound)
    if min(abs(low - bound), abs(high - bound)) > 1e-9:
        assert (low > bound) == (p_above < 0.025)
        assert (high < bound) == (p_below < 0.025)


def test_p_value_without_any_spread() -> None:
    exact = Estimate(0.02, 0.0, 9)
    assert exact.p_above(0.01) == 0.0
    assert exact.p_above(0.02) == 1.0
    assert exact.p_below(0.01) == 1.0


def test_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(2000):
        low, high = stats.estimate(list(rng.normal(0.01, 0.02, 10))).interval(0.025)
        inside += low <= 0.01 <= high
    assert 0.94 <= inside / 2000 <= 0.96


# --- build pairs ---------------------------------------------------------------------------------------------------


def test_one_pair_counts_blocks_several_count_pairs() -> None:
    assert stats.clustered([[0.0, 0.02, 0.01]]).df == 2
    found = stats.clustered([[0.0, 0.02], [0.04, 0.06], [0.02, 0.02]])
    assert found.df == 2
    assert found.mean == pytest.approx(np.mean([0.01, 0.05, 0.02]))


def test_builds_that_differ_are_covered_only_by_clustering() -> None:
    """Pairs of builds stray by 1%: over blocks the interval covers far too seldom, over pairs as it should."""
    rng = np.random.default_rng(5)
    by_block = by_pair = 0
    for _ in range(1000):
        groups = [list(rng.normal(rng.normal(0, 0.01), 0.003, 4)) for _ in range(3)]
        low, high = stats.clustered(groups).interval(0.025)
        by_pair += low <= 0 <= high
        low, high = stats.estimate([value for group in groups for value in group]).interval(0.025)
        by_block += low <= 0 <= high
    assert by_block < 700
    assert 930 <= by_pair <= 970


# --- contrasts -----------------------------------------------------------------------------------------------------


def test_contrasts_of_a_known_cell() -> None:
    effect, control = stats.contrast({"A": [1.0, 1.2], "B": [1.5, 1.7], "C": [1.3, 1.1]})
    assert effect == pytest.approx(1.6 - 1.15)
    assert control == pytest.approx(0.1)


@given(st.permutations("ABC"), logs, logs, st.floats(-0.1, 0.1))
def test_linear_drift_cancels_in_both_contrasts(
    outer: list[str], effect: float, control: float, drift: float
) -> None:
    order = [*outer, *reversed(outer)]
    times: dict[str, list[float]] = {arm: [] for arm in "ABC"}
    for position, arm in enumerate(order):
        own = {"A": 0.0, "B": effect, "C": control}[arm]
        times[arm].append(own + drift * position)
    assert np.allclose(stats.contrast(times), (effect - control / 2, control), atol=1e-9)


def test_the_control_is_independent_of_the_effect() -> None:
    rng = np.random.default_rng(3)
    pairs = [stats.contrast({arm: list(rng.normal(0, 1, 2)) for arm in "ABC"}) for _ in range(4000)]
    assert abs(np.corrcoef(np.array(pairs).T)[0, 1]) < 0.05


# --- error spending ------------------------------------------------------------------------------------------------


def test_one_look_spends_everything() -> None:
    assert stats.look_levels(0.025, (10,)) == pytest.approx((0.025,))


def test_levels_of_two_looks_err_as_stated() -> None:
    """Against the bivariate normal distribution, which needs no recursion."""
    first, second = (float(scipy_stats.norm.isf(level)) for level in stats.look_levels(0.025, (10, 20)))
    both = scipy_stats.multivariate_normal(mean=[0, 0], cov=[[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]])
    assert 1 - both.cdf([first, second]) == pytest.approx(0.025, abs=1e-4)


@pytest.mark.parametrize("looks", [(10, 15, 20), (12, 15, 21), (10, 20, 30, 40)])
def test_levels_are_within_the_rate_and_the_looks_together_err_with_it(looks: tuple[int, ...]) -> None:
    levels = stats.look_levels(0.05, looks)
    assert all(0 < level < 0.05 for level in levels)
    rng = np.random.default_rng(7)
    sums = np.cumsum(rng.normal(size=(40000, looks[-1])), axis=1)
    z = np.array([sums[:, look - 1] / math.sqrt(look) for look in looks])
    crossed = (z > scipy_stats.norm.isf(levels)[:, None]).any(axis=0)
    assert crossed.mean() == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("looks", [(), (10, 10), (20, 10), (1, 5)])
def test_looks_that_make_no_sense(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="looks must rise"):
        stats.look_levels(0.025, looks)


# --- Holm ----------------------------------------------------------------------------------------------------------


def test_holm_on_the_textbook_example() -> None:
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(p_values)
def test_holm_never_lowers_a_p_value_and_keeps_the_order(found: list[float]) -> None:
    adjusted = stats.holm(found)
    assert all(p <= q <= 1 for p, q in zip(found, adjusted, strict=True))
    order = sorted(range(len(found)), key=lambda i: (found[i], adjusted[i]))
    assert all(adjusted[a] <= adjusted[b] for a, b in itertools.pairwise(order))


@given(p_values)
def test_holm_rejects_whatever_bonferroni_rejects(found: list[float]) -> None:
    for p, q in zip(found, stats.holm(found), strict=True):
        assert len(found) * p > 0.05 or q <= 0.05


@given(p_values, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_holm_does_not_depend_on_the_order_given(found: list[float], rng: object) -> None:
    mixed = list(range(len(found)))
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    again = stats.holm([found[i] for i in mixed])
    assert close([again[mixed.index(i)] for i in range(len(found))], stats.holm(found))


def test_holm_holds_the_family_rate() -> None:
    rng = np.random.default_rng(2)
    wrong = sum(min(stats.holm(list(rng.uniform(size=24)))) <= 0.05 for _ in range(4000))
    assert wrong / 4000 == pytest.approx(0.05, abs=0.012)


# --- detectable effect ---------------------------------------------------------------------------------------------


def test_the_detectable_effect_is_detected_at_the_power_stated() -> None:
    rng = np.random.default_rng(9)
    bound, sigma, n = math.log1p(0.01), 0.004, 10
    effect = stats.detectable(Estimate(0.0, sigma / math.sqrt(n), n - 1), 0.025, bound)
    found = sum(stats.estimate(list(rng.normal(effect, sigma, n))).interval(0.025)[0] > bound for _ in range(3000))
    assert found / 3000 == pytest.approx(0.8, abs=0.03)


def test_without_spread_anything_beyond_the_bound_is_detectable() -> None:
    assert stats.detectable(Estimate(0.0, 0.0, 9), 0.025, 0.01) == 0.01
