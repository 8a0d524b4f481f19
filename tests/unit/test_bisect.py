from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import atomic
from harness.build import Built
from harness.errors import BisectEndpointError, BuildFailedError, Exit, UsageError
from harness.source import Tree
from perf import bisect_judge, cachegrind
from perf.bisect import Log, examine, main, parser, share, tell
from perf.bisect_judge import Opinion
from perf.bisect_search import Finding, Judgement, search
from perf.suites import Benchmark


def judge(first_bad: int, skips: frozenset[int] = frozenset()) -> Callable[[int], Judgement]:
    def step(position: int) -> Judgement:
        if position in skips:
            return Judgement.SKIP
        return Judgement.BAD if position >= first_bad else Judgement.GOOD

    return step


@pytest.mark.parametrize("length", range(1, 18))
def test_finds_every_culprit_in_logarithmic_time(length: int) -> None:
    for culprit in range(1, length + 1):
        found = search(0, length, judge(culprit))
        assert (found.first, found.last) == (culprit, culprit)
        assert found.certain
        assert len(found.judged) <= 2 + length.bit_length()


def test_ends_are_judged_first() -> None:
    assert search(0, 8, judge(3)).judged[:2] == ((0, Judgement.GOOD), (8, Judgement.BAD))


@pytest.mark.parametrize("length", range(2, 9))
def test_a_skipped_step_is_stepped_around(length: int) -> None:
    for culprit in range(1, length + 1):
        for skipped in range(1, length):
            found = search(0, length, judge(culprit, frozenset({skipped})))
            assert found.first <= culprit <= found.last
            assert found.certain or skipped in (culprit, culprit - 1)


def test_all_between_skipped_names_the_range() -> None:
    found = search(0, 5, judge(3, frozenset({1, 2, 3, 4})))
    assert (found.first, found.last, found.certain) == (1, 5, False)
    assert found == Finding(1, 5, found.judged)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda position: Judgement.BAD, "upstream should be good and is bad"),
        (lambda position: Judgement.GOOD, "the series up to patch 4 should be bad and is good"),
        (lambda position: Judgement.SKIP, "upstream should be good and is neither good nor bad"),
    ],
)
def test_wrong_ends_are_refused(step: Callable[[int], Judgement], words: str) -> None:
    with pytest.raises(BisectEndpointError, match=words) as caught:
        search(0, 4, step)
    assert caught.value.exit_code == Exit.USAGE


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(BisectEndpointError, match="no patch between"):
        search(2, 2, judge(1))


# --- the command's parts ---------------------------------------------------------------------------------------


class FakeSteps:
    """Steps whose build is a number; those in `broken` do not compile."""

    def __init__(self, broken: frozenset[int] = frozenset()) -> None:
        self.broken = broken
        self.built_ones: list[int] = []

    def built(self, count: int) -> Built:
        self.built_ones.append(count)
        if count in self.broken:
            raise BuildFailedError("make exited with 2\nObjects/x.c:3: error")
        return Built(Path(f"/prefix/{count}"), Path(f"/prefix/{count}/bin/python3"), {"input_hash": str(count)})

    def tree(self, count: int) -> Tree:
        return Tree(Path(f"/src/{count}"), "0" * 64, None, ())

    def hash(self, count: int) -> str:
        return f"hash {count}"

    def name(self, count: int) -> str:
        return f"state/{count}.patch" if count else "upstream"


class FakeJudge:
    """Bad from `first_bad` on."""

    target = "test test_x"

    def __init__(self, first_bad: int) -> None:
        self.first_bad = first_bad
        self.judged: list[int] = []

    def __call__(self, built: Built, tree: Path) -> Opinion:
        assert built.prefix.name == tree.name
        count = int(tree.name)
        self.judged.append(count)
        bad = count >= self.first_bad
        return Opinion(Judgement.BAD, "failed") if bad else Opinion(Judgement.GOOD, "passed")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    return Log(tmp_path / "result", FakeJudge.target, "environment")


def test_the_culprit_is_found_and_logged(log: Log) -> None:
    finding = search(0, 8, examine(FakeSteps(), FakeJudge(5), log))
    assert finding.first == finding.last == 5
    written = atomic.read_json(log.folder / "bisect.json")["log"]
    assert [entry["patch"] for entry in written[:2]] == ["upstream", "state/8.patch"]
    assert [entry["judgement"] for entry in written[:2]] == ["good", "bad"]
    assert all(entry["stored"] is False for entry in written)


def test_a_step_that_does_not_build_is_left_out(log: Log) -> None:
    finding = search(0, 8, examine(FakeSteps(frozenset({4})), FakeJudge(6), log))
    assert finding.first == finding.last == 6
    skipped = [entry for entry in log.entries if entry["judgement"] == "skip"]
    assert [(entry["position"], entry["reason"].splitlines()[0]) for entry in skipped] == [
        (4, "does not build: make exited with 2")
    ]


def test_an_interrupted_search_goes_on(log: Log) -> None:
    class Interrupted(FakeJudge):
        def __call__(self, built: Built, tree: Path) -> Opinion:
            if len(self.judged) == 3:
                raise KeyboardInterrupt
            return super().__call__(built, tree)

    first = Interrupted(5)
    with pytest.raises(KeyboardInterrupt):
        search(0, 8, examine(FakeSteps(), first, log))
    steps, second = FakeSteps(), FakeJudge(5)
    assert search(0, 8, examine(steps, second, log)).first == 5
    assert not set(first.judged) & set(second.judged)
    assert not set(first.judged) & set(steps.built_ones)


def test_another_target_or_environment_is_judged_anew(log: Log, tmp_path: Path) -> None:
    search(0, 2, examine(FakeSteps(), FakeJudge(1), log))
    for target, environment in (("test test_y", "environment"), (FakeJudge.target, "other")):
        fresh = FakeJudge(1)
        search(0, 2, examine(FakeSteps(), fresh, Log(tmp_path / "other", target, environment)))
        assert fresh.judged == [0, 2, 1]


def test_a_skip_is_judged_again(log: Log) -> None:
    search(0, 3, examine(FakeSteps(frozenset({1, 2})), FakeJudge(2), log))
    assert search(0, 3, examine(FakeSteps(), FakeJudge(2), log)).first == 2


def test_the_answer_names_one_patch_or_the_range() -> None:
    names = ["a", "b", "c"]
    assert tell(Finding(2, 2, ()), names) == "b is the first bad patch"
    assert tell(Finding(1, 3, ()), names).endswith("one of: a, b, c")


# --- judges ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "judgement"),
    [
        ({"passed": 1}, Judgement.GOOD),
        ({"failed": 1, "failures": ["test_x: 1 != 2"]}, Judgement.BAD),
        ({"missing": 1}, Judgement.SKIP),
        ({"skipped": 1}, Judgement.SKIP),
    ],
)
def test_a_test_judges(found: dict[str, object], judgement: Judgement, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"passed": 0, "failed": 0, "skipped": 0, "missing": 0, "failures": []}
    monkeypatch.setattr(bisect_judge, "run_named", lambda *_args: empty | found)
    by_test = bisect_judge.ByTest("test_x", None)  # type: ignore[arg-type]
    assert by_test(FakeSteps().built(1), Path("/src/1")).judgement is judgement


@pytest.mark.parametrize(("count", "judgement"), [(1019, Judgement.GOOD), (1021, Judgement.BAD)])
def test_instructions_judge(count: int, judgement: Judgement, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {Path("/prefix/0/bin/python3"): 1000, Path("/prefix/1/bin/python3"): count}
    monkeypatch.setattr(cachegrind, "instructions", lambda _runner, python, _benchmark: counts[python])
    benchmark = Benchmark("b", Path("b.py"), (), "quick", 0.1)
    by_count = bisect_judge.ByCount(benchmark, 0.02, Path("/prefix/0/bin/python3"), None)  # type: ignore[arg-type]
    assert by_count(FakeSteps().built(1), Path("/src/1")).judgement is judgement


@pytest.mark.parametrize(
    ("slowdown", "judgement"), [(0.0, Judgement.GOOD), (0.05, Judgement.BAD), (0.0198, Judgement.SKIP)]
)
def test_times_are_decided_or_left_undecided(slowdown: float, judgement: Judgement) -> None:
    draw = random.Random(1)
    opinion = bisect_judge.decide(lambda: math.log1p(slowdown) + draw.gauss(0, 0.01), math.log1p(0.02))
    assert opinion.judgement is judgement
    assert "blocks" in opinion.reason


def test_a_benchmark_that_fails_is_bad() -> None:
    def crash() -> float:
        raise bisect_judge.BlockFailed("crashed by SIGSEGV")

    opinion = bisect_judge.decide(crash, 0.02)
    assert opinion == Opinion(Judgement.BAD, "the benchmark fails: crashed by SIGSEGV")


# --- options ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "value"), [("2%", 0.02), ("0.5%", 0.005), ("0.1", 0.1)])
def test_thresholds(text: str, value: float) -> None:
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--test", "test_x", "--benchmark", "calls"],
        ["--benchmark", "calls", "--threshold", "0"],
        ["--benchmark", "calls", "--threshold", "-1%"],
        ["--benchmark", "calls", "--threshold", "two"],
    ],
)
def test_bad_usage_is_refused(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(argv)
    assert caught.value.code == 2


def test_an_unknown_benchmark_is_named() -> None:
    with pytest.raises(UsageError, match="unknown benchmark nonsense"):
        main(["--benchmark", "nonsense"])
