"""Plans of blocks, measured cells, and cells that are cut short or unequal."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Exit, ResultDamagedError
from perf.blocks import Cell, Unit, draw_block, from_json, measure, to_json
from perf.worker import Status

NAMES = [f"bm{n}" for n in range(12)]
CELL = Cell(3, 0, "bm1", "BACCAB", (11, 12))


def good(arm: str, _pair: int, _benchmark: str, seed: int) -> Unit:
    return Unit(arm, seed, 7, Status.OK, -1.5, raw={"benchmarks": []})


@given(st.integers(0, 2**63), st.integers(0, 50))
def test_a_block_is_one_palindrome_a_benchmark(seed: int, block: int) -> None:
    cells = draw_block(seed, block, 0, NAMES)
    assert sorted(cell.benchmark for cell in cells) == sorted(NAMES)
    for cell in cells:
        assert cell.order == cell.order[::-1]
        assert sorted(cell.order) == list("AABBCC")
        without_control = cell.order.replace("C", "")
        assert without_control in ("ABBA", "BAAB")
        assert cell.seeds[0] != cell.seeds[1]
        assert all(1 <= seed < 2**32 for seed in cell.seeds)


def test_the_same_seed_draws_the_same_block_and_blocks_differ() -> None:
    assert draw_block(5, 1, 0, NAMES) == draw_block(5, 1, 0, list(reversed(NAMES)))
    assert draw_block(5, 1, 0, NAMES) != draw_block(5, 2, 0, NAMES)
    assert draw_block(5, 1, 0, NAMES) != draw_block(6, 1, 0, NAMES)


def test_hash_seeds_are_equal_within_a_half_and_differ_between_blocks() -> None:
    runs = CELL.runs()
    assert {seed for _, seed in runs[:3]} == {11}
    assert {seed for _, seed in runs[3:]} == {12}
    drawn = [seed for block in range(20) for cell in draw_block(1, block, 0, NAMES) for seed in cell.seeds]
    assert len(set(drawn)) == len(drawn)


def test_every_role_stands_outside_about_equally_often() -> None:
    outer = [cell.order[0] for block in range(100) for cell in draw_block(2, block, 0, NAMES)]
    assert all(330 <= outer.count(arm) <= 470 for arm in "ABC")


def test_a_cell_ends_with_the_first_failure() -> None:
    def crashing(arm: str, pair: int, benchmark: str, seed: int) -> Unit:
        return Unit(arm, seed, 7, Status.CRASHED, None, "SIGSEGV") if arm == "C" else good(arm, pair, benchmark, seed)

    measured = measure(CELL, crashing)
    assert [unit.arm for unit in measured.units] == ["B", "A", "C"]
    assert measured.failure is not None
    assert measured.failure.detail == "SIGSEGV"


def test_a_cell_survives_storage() -> None:
    measured = measure(CELL, good)
    assert from_json(to_json(measured), "here") == measured
    assert measured.log_times() == {"A": [-1.5, -1.5], "B": [-1.5, -1.5], "C": [-1.5, -1.5]}


def stored() -> dict[str, Any]:
    return copy.deepcopy(to_json(measure(CELL, good)))


def broken(change: str) -> dict[str, Any]:
    value = stored()
    units = value["units"]
    if change == "short":
        units.pop()
    elif change == "loops":
        units[2]["loops"] = 8
    elif change == "arm":
        units[1]["arm"] = "C"
    elif change == "seed":
        units[4]["seed"] = 11
    elif change == "order":
        value["order"] = "ABCABC"
    elif change == "key":
        del value["seeds"]
    elif change == "status":
        units[0]["status"] = "fine"
    elif change == "time":
        units[0]["mean_log"] = None
    return value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("short", "unequal arms: 5 of 6 processes"),
        ("loops", r"unequal arms: loop counts \[7, 8\]"),
        ("arm", "process C with hash seed 11 stands where A with 11 was planned"),
        ("seed", "process A with hash seed 11 stands where A with 12 was planned"),
        ("order", "no palindrome"),
        ("key", "is not a measured cell: KeyError: 'seeds'"),
        ("status", "is not a measured cell: ValueError"),
        ("time", "is not a measured cell: TypeError"),
    ],
)
def test_a_damaged_or_unequal_cell_is_named(change: str, message: str) -> None:
    with pytest.raises(ResultDamagedError, match=message) as caught:
        from_json(broken(change), "blocks/03/bm1.json")
    assert "blocks/03/bm1.json" in str(caught.value)
    assert caught.value.exit_code == Exit.MISSING
