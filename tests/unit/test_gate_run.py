"""The gate from blocks to verdict, on made machines: every verdict, looks, reruns, limits, failures."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from gate_fake import LIMITS, LOOKS, NAMES, counted, held, timing

from harness.errors import Exit, UnequalResultsError
from perf import gate_decide, gate_run, simulate
from perf.blocks import Measured, Unit, draw_block, measure
from perf.gate_decide import Verdict
from perf.gate_thresholds import Thresholds
from perf.worker import Status

BLOCK = len(NAMES) * 6  # processes of a block
SLOW = math.log1p(0.03)


def test_equal_arms_pass_at_the_first_look() -> None:
    timer, calls = counted(timing())
    done = held(timer)
    assert done.outcome.verdict is Verdict.PASS
    assert "lies below 1.01" in done.outcome.reasons[0]
    assert calls() == 10 * BLOCK


def test_a_slower_candidate_fails_with_the_size_of_its_effect() -> None:
    done = held(timing(SLOW))
    assert done.outcome.verdict is Verdict.FAIL
    assert done.outcome.verdict.exit_code == Exit.FAILED
    assert done.reading is not None
    assert done.reading.suite.estimate.mean == pytest.approx(SLOW, abs=0.001)


def test_a_faster_candidate_passes_and_is_said_to_be_faster() -> None:
    done = held(timing(-0.05))
    assert done.outcome.verdict is Verdict.PASS
    assert done.reading is not None
    assert {one.direction for one in done.reading.benchmarks} == {"faster"}


def test_a_candidate_at_the_margin_is_inconclusive_at_the_cap() -> None:
    timer, calls = counted(timing(math.log1p(0.01), noise=0.01, seed=4))
    done = held(timer)
    assert done.outcome.verdict is Verdict.INCONCLUSIVE
    assert done.outcome.verdict.exit_code == Exit.INCONCLUSIVE
    assert "after 20 blocks" in done.outcome.reasons[0]
    assert calls() == 20 * BLOCK


def test_one_slower_benchmark_is_run_again_and_fails_the_gate() -> None:
    timer, calls = counted(timing({"bm2": 0.05}))
    done = held(timer)
    assert done.outcome.verdict is Verdict.FAIL
    assert done.reading is not None
    assert done.reading.verdict is Verdict.PASS  # over the suite it is 0.8%
    assert done.outcome.reasons == ("bm2 is slower than its margin, confirmed by a rerun",)
    assert calls() == 10 * BLOCK + LIMITS.rerun_blocks * 6
    assert done.reruns["bm2"].confirmed


def test_a_regression_that_goes_away_in_the_rerun_is_not_reported() -> None:
    calls = itertools.count()
    slow, equal = timing({"bm2": 0.05}), timing()

    def once(arm: str, pair: int, benchmark: str, seed: int) -> Unit:
        return (slow if next(calls) < 10 * BLOCK else equal)(arm, pair, benchmark, seed)

    done = held(once)
    assert done.outcome.verdict is Verdict.PASS
    assert "bm2 looked slower and did not in the rerun" in done.outcome.reasons
    assert not done.reruns["bm2"].confirmed


def test_a_benchmark_below_its_learned_noise_is_not_slower() -> None:
    margins = {name: 0.08 if name == "bm2" else 0.02 for name in NAMES}
    done = held(timing({"bm2": 0.05}), margins=margins)
    assert done.outcome.verdict is Verdict.PASS
    assert not done.reruns


def test_reruns_end_when_enough_is_known() -> None:
    done = held(timing(SLOW * 2), limits=_limits(rerun_most=2))
    assert done.outcome.verdict is Verdict.FAIL
    assert len(done.reruns) == 2


# --- the control ---------------------------------------------------------------------------------------------------


def test_a_control_that_differs_voids_the_gate() -> None:
    done = held(timing(control=0.01))
    assert done.outcome.verdict is Verdict.VOID
    assert done.outcome.verdict.exit_code == Exit.VOID
    assert "the baseline against itself, found a difference of +1.0" in done.outcome.reasons[0]


def test_a_control_that_differs_voids_even_a_regression_and_nothing_is_run_again() -> None:
    done = held(timing(SLOW, control=0.01))
    assert done.outcome.verdict is Verdict.VOID
    assert not done.reruns


def test_a_control_that_differs_in_one_benchmark_voids_the_gate() -> None:
    plain = timing(noise=0.003)

    def uneven(arm: str, pair: int, benchmark: str, seed: int) -> Unit:
        unit = plain(arm, pair, benchmark, seed)
        shift = {"bm1": 0.06, "bm2": -0.06}.get(benchmark, 0.0) if arm == "C" else 0.0
        return Unit(arm, seed, 1, Status.OK, (unit.mean_log or 0.0) + shift)

    done = held(uneven)
    assert done.outcome.verdict is Verdict.VOID
    assert "found a difference in bm" in done.outcome.reasons[0]


def test_a_machine_that_is_too_loud_voids_the_gate() -> None:
    done = held(timing(noise=0.3))
    assert done.outcome.verdict is Verdict.VOID
    assert "this machine is too loud" in done.outcome.reasons[0]
    assert done.reading is not None
    assert len(done.reading.suite.blocks) == LOOKS[-1]  # more blocks could have made it narrower


def test_more_blocks_save_a_gate_whose_control_is_too_wide_at_the_first_look() -> None:
    assert held(timing(-SLOW, noise=0.09), looks=LOOKS[:1]).outcome.verdict is Verdict.VOID
    done = held(timing(-SLOW, noise=0.09))
    assert done.outcome.verdict is Verdict.PASS
    assert done.reading is not None
    assert not done.reading.control.reason
    assert len(done.reading.suite.blocks) in LOOKS[1:]


# --- what is missing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.CRASHED, Status.TIMEOUT, Status.MISSING])
@pytest.mark.parametrize("arm", ["A", "B", "C"])
def test_a_benchmark_that_fails_fails_the_gate_and_the_others_are_read(arm: str, status: Status) -> None:
    timer, calls = counted(timing(broken={("bm3", arm): status}))
    done = held(timer)
    assert done.outcome.verdict is Verdict.MISSING
    assert done.outcome.verdict.exit_code == Exit.MISSING
    side = "candidate" if arm == "B" else "baseline"
    assert done.outcome.reasons[0].startswith(f"bm3 {status} on the {side}")
    assert "by SIGSEGV" in done.outcome.reasons[0]
    assert done.reading is not None
    assert len(done.reading.benchmarks) == len(NAMES) - 1
    assert calls() <= 10 * (BLOCK - 6) + 6  # not timed again once it failed


def test_a_benchmark_that_fails_in_the_middle_leaves_the_others_whole() -> None:
    plain, fatal = timing(), draw_block(1, 4, 0, NAMES)

    def late(arm: str, pair: int, benchmark: str, seed: int) -> Unit:
        if benchmark == "bm3" and any(cell.benchmark == "bm3" and seed in cell.seeds for cell in fatal):
            return Unit(arm, seed, 1, Status.TIMEOUT, None, "no result within 60 s")
        return plain(arm, pair, benchmark, seed)

    done = held(late)
    assert done.outcome.verdict is Verdict.MISSING
    assert done.reading is not None
    assert len(done.reading.suite.blocks) == 10


def test_a_missing_benchmark_hides_no_regression_of_the_others() -> None:
    done = held(timing(SLOW, broken={("bm3", "B"): Status.CRASHED}))
    assert done.outcome.verdict is Verdict.MISSING
    assert any("lies above 1.01" in reason for reason in done.outcome.reasons)


def test_nothing_measurable_is_missing() -> None:
    done = held(timing(broken={(name, "B"): Status.CRASHED for name in NAMES}))
    assert done.outcome.verdict is Verdict.MISSING
    assert done.reading is None
    assert len(done.failures) == len(NAMES)


def test_a_benchmark_that_could_not_be_calibrated_is_missing() -> None:
    done = held(timing(), failed={"bm0": "exited with 1"})
    assert done.outcome.verdict is Verdict.MISSING
    assert "bm0 missing on the baseline: not calibrated: exited with 1" in done.outcome.reasons


def test_a_benchmark_that_crashes_in_its_rerun_is_missing() -> None:
    calls = itertools.count()
    slow = timing({"bm2": 0.05})

    def later(arm: str, pair: int, benchmark: str, seed: int) -> Unit:
        if next(calls) >= 10 * BLOCK:
            return Unit(arm, seed, 1, Status.CRASHED, None, "by SIGBUS")
        return slow(arm, pair, benchmark, seed)

    done = held(later)
    assert done.outcome.verdict is Verdict.MISSING


# --- sizes and limits ----------------------------------------------------------------------------------------------


def test_fewer_blocks_than_a_verdict_needs_decide_nothing() -> None:
    for effect in (0.0, SLOW):
        done = held(timing(effect), looks=(4,))
        assert done.outcome.verdict is Verdict.INCONCLUSIVE
        assert "a verdict needs 10" in done.outcome.reasons[0]
        assert not done.reruns
        assert done.reading is not None
        assert {one.direction for one in done.reading.benchmarks} == {"undecided"}


def test_the_time_limit_stops_before_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    _clock(monkeypatch)
    done = held(timing(), seconds=7.5 * 2)
    assert done.outcome.verdict is Verdict.INCONCLUSIVE
    assert "the time limit of 15 s ended the gate after" in done.stopped


def test_the_time_limit_starts_no_look_that_would_end_later(monkeypatch: pytest.MonkeyPatch) -> None:
    _clock(monkeypatch)
    done = held(timing(math.log1p(0.01), noise=0.01, seed=4), seconds=45)
    assert done.outcome.verdict is Verdict.INCONCLUSIVE
    assert done.reading is not None
    assert len(done.reading.suite.blocks) in (10, 15)
    assert done.stopped


def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading of the clock is a second later."""
    ticks = itertools.count()
    monkeypatch.setattr("perf.gate_run.time.monotonic", lambda: float(next(ticks)))


def test_looks_are_multiples_of_the_build_pairs() -> None:
    assert gate_run.look_sizes(LIMITS, None, None, 1) == (10, 15, 20)
    assert gate_run.look_sizes(LIMITS, None, None, 3) == (12, 15, 21)
    assert gate_run.look_sizes(LIMITS, 4, 4, 1) == (4,)
    assert gate_run.look_sizes(LIMITS, 10, 10, 8) == (16,)


def test_build_pairs_are_the_units_of_a_gate_with_several() -> None:
    done = held(timing(), pairs=3, looks=(12,))
    assert done.reading is not None
    assert done.reading.suite.estimate.df == 2
    assert done.reading.control.suite.estimate.df == 11


# --- whole blocks --------------------------------------------------------------------------------------------------


def _cells(blocks: int) -> list[Measured]:
    return [measure(cell, timing()) for block in range(blocks) for cell in draw_block(1, block, 0, NAMES)]


def test_a_block_that_lacks_a_benchmark_is_refused() -> None:
    cells = [one for one in _cells(3) if (one.cell.block, one.cell.benchmark) != (1, "bm4")]
    with pytest.raises(UnequalResultsError, match="1 of 18 measurements are missing, first bm4 in block 1") as caught:
        gate_decide.arrange(cells, NAMES, 3)
    assert caught.value.exit_code == Exit.MISSING


def test_a_benchmark_twice_in_a_block_is_refused() -> None:
    cells = _cells(2)
    with pytest.raises(UnequalResultsError, match=r"block 0 holds .* twice"):
        gate_decide.arrange([*cells, cells[0]], NAMES, 2)


def test_swapping_the_roles_of_the_arms_inverts_the_ratio() -> None:
    there = held(timing(0.02, noise=0.0))
    back = held(timing(-0.02, noise=0.0))
    assert there.reading is not None
    assert back.reading is not None
    assert there.reading.suite.estimate.mean == pytest.approx(-back.reading.suite.estimate.mean)


def _limits(**changes: float) -> Thresholds:
    return dataclasses.replace(LIMITS, **changes)  # type: ignore[arg-type]


# --- simulated rates (docs/gate.md holds the figures of more runs) -------------------------------------------------


def test_simulated_gates_err_no_more_than_stated() -> None:
    same = simulate.tally(simulate.Machine(), LIMITS, LOOKS, runs=60)
    assert same.verdicts.get("FAIL", 0) == 0
    assert same.verdicts["PASS"] >= 56
    assert same.covered >= 54
    slow = simulate.tally(simulate.Machine(effect=SLOW), LIMITS, LOOKS, runs=25, seed=500)
    assert slow.verdicts["FAIL"] >= 24


def test_the_confidence_limit_of_a_rate() -> None:
    assert simulate.upper_limit(0, 20) == pytest.approx(1 - 0.05 ** (1 / 20))
    assert simulate.upper_limit(20, 20) == 1.0


# --- layouts -------------------------------------------------------------------------------------------------------


def executables(pairs: int, layouts: int, blocks: int, *, again: bool = False) -> list[int]:
    quiet = simulate.timer(simulate.Machine(), 1, layouts)
    asked = gate_run.Experiment(("one",), 1, (10,), LIMITS, {"one": 0.02}, quiet, pairs=pairs, layouts=layouts)
    return [asked.executable(block, again=again) for block in range(blocks)]


def test_each_block_has_a_layout_of_its_own_and_a_rerun_begins_with_others() -> None:
    assert executables(1, 20, 10) == list(range(10))
    assert executables(1, 20, 10, again=True) == list(range(19, 9, -1))
    assert executables(1, 4, 6) == [0, 1, 2, 3, 0, 1]
    assert executables(3, 1, 4) == [0, 1, 2, 0]
    assert executables(2, 3, 6) == [0, 3, 1, 4, 2, 5]


def test_layouts_of_one_build_are_no_build_pairs() -> None:
    """Each block's layout is new, and blocks stay the unit of the interval; pairs still cluster."""
    done = simulate.gate(simulate.Machine(), LIMITS, (10,), 1, layouts=20)
    assert done.reading is not None
    assert done.reading.suite.estimate.df == 9
    done = simulate.gate(simulate.Machine(), LIMITS, (12,), 1, pairs=3, layouts=4)
    assert done.reading is not None
    assert done.reading.suite.estimate.df == 2


def test_one_layout_accuses_the_innocent_and_many_do_not() -> None:
    stray = simulate.Machine(layout=0.03)
    alone = simulate.tally(stray, LIMITS, (10, 15, 20), 20)
    many = simulate.tally(stray, LIMITS, (10, 15, 20), 20, layouts=20)
    assert alone.reported >= 10
    assert many.reported <= 1
