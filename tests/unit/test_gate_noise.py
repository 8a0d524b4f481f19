"""Learned noise: from A/A verdicts to margins, kept by machine."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gate_fake import LIMITS

from harness.errors import ResultDamagedError
from perf import gate_noise


def verdicts(count: int, noise: float, seed: int = 1) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {"benchmarks": [{"name": "loud", "ratio": math.exp(rng.normal(0, noise))}, {"name": "still", "ratio": 1.0}]}
        for _ in range(count)
    ]


def test_noise_covers_further_gates_of_the_same() -> None:
    outside = total = 0
    for seed in range(200):
        found = gate_noise.learn(verdicts(20, 0.01, seed))
        fresh = [one["benchmarks"][0]["ratio"] for one in verdicts(20, 0.01, seed + 10_000)]
        outside += sum(ratio > 1 + found["loud"] for ratio in fresh)
        total += len(fresh)
        assert found["still"] == 0.0
    assert outside / total <= 0.01


def test_a_benchmark_that_was_lost_once_has_no_noise() -> None:
    found = verdicts(6, 0.01)
    found[2]["benchmarks"][0]["ratio"] = None
    assert set(gate_noise.learn(found)) == {"still"}


def test_few_gates_teach_nothing() -> None:
    with pytest.raises(ValueError, match="5 A/A gates or more, not from 4"):
        gate_noise.learn(verdicts(4, 0.01))


def test_the_larger_of_margin_and_noise_counts() -> None:
    assert gate_noise.margins(LIMITS, ["loud", "still"], {"loud": 0.05, "still": 0.001}) == {
        "loud": 0.05,
        "still": LIMITS.benchmark_margin,
    }


def test_noise_is_kept_by_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_CACHE", str(tmp_path))
    assert gate_noise.load("here") == {}
    path = gate_noise.save("here", {"loud": 0.03}, 20)
    assert gate_noise.load("here") == {"loud": 0.03}
    assert gate_noise.load("there") == {}
    path.write_text('{"noise": 3}', encoding="utf-8")
    with pytest.raises(ResultDamagedError, match="holds no noise"):
        gate_noise.load("here")
