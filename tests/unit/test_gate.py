"""The `gate` command and its two sides, with builds made up and git real."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import cast

import pytest

from harness import paths
from harness.build import Built
from harness.errors import Exit, HarnessError, PlantedError, UnknownProfileError, UsageError
from harness.runner import Runner
from harness.source import Tree
from harness.variants import Profile, Variant
from perf import gate, gate_session, gate_sides, gate_store, gate_thresholds
from perf.gate_sides import Wanted

HERE = cast(Runner, object())


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, Path | None, bool]]:
    """Builds asked for: variant, prefix, from scratch."""
    asked: list[tuple[str, Path | None, bool]] = []
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))

    def build(
        variant: Variant, profile: Profile, *, prefix: Path | None = None, force: bool = False, **_rest: object
    ) -> Built:
        asked.append((str(variant), prefix, force))
        place = prefix or paths.prefix(variant, profile)
        (place / "bin").mkdir(parents=True, exist_ok=True)
        (place / "bin" / "python3").write_text(f"{variant} {prefix}", encoding="utf-8")
        return Built(
            place, place / "bin" / "python3", {"variant": str(variant), "binary_sha256": {"python": str(place)}}
        )

    def ensure_tree(_variant: Variant, *, patches: Path | None = None, path: Path | None = None) -> Tree:
        assert patches is None or (patches / "series").is_file()
        return Tree(path or tmp_path, "sha", "hash", ())

    monkeypatch.setattr("harness.build.build", build)
    monkeypatch.setattr("harness.source.ensure_tree", ensure_tree)
    return asked


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits: no patches/, then a series."""
    root = tmp_path / "clone"
    root.mkdir()
    git(root, "init", "-q")
    (root / "README").write_text("x", encoding="utf-8")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    git(root, "tag", "empty")
    (root / "patches").mkdir()
    (root / "patches" / "series").write_text("# none yet\n", encoding="utf-8")
    git(root, "add", ".")
    git(root, "commit", "-qm", "second")
    monkeypatch.setattr(paths, "ROOT", root)
    return root


# --- sides ---------------------------------------------------------------------------------------------------------


def test_the_fork_against_upstream(builds: list[tuple[str, Path | None, bool]]) -> None:
    sides = gate_sides.prepare(Wanted(Profile.FAST), HERE)
    assert (sides.baseline, sides.candidate) == ("upstream", "fork")
    assert builds == [("upstream", None, False), ("fork", None, False)]
    assert sides.python("A", 0) == sides.python("C", 0) != sides.python("B", 0)
    assert sides.provenance()["candidate"]["variant"] == "fork"


def test_a_revision_is_built_from_its_own_series(
    builds: list[tuple[str, Path | None, bool]], repository: Path
) -> None:
    sides = gate_sides.prepare(Wanted(Profile.FAST, baseline="HEAD"), HERE)
    commit = git(repository, "rev-parse", "HEAD")[:12]
    assert (sides.baseline, sides.candidate) == ("HEAD", "fork")
    folder = gate_sides.extra(commit)
    assert builds[0] == ("fork", folder / "fast", False)
    assert (folder / "patches" / "series").read_text(encoding="utf-8") == "# none yet\n"
    gate_sides.prepare(Wanted(Profile.FAST, baseline="HEAD"), HERE)  # again: already exported


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("nowhere", "no such revision"),
        ("empty", "there is no patches/ at that revision"),
        ("--help", "no such revision"),
    ],
)
def test_a_revision_without_a_series_is_refused(
    builds: list[tuple[str, Path | None, bool]], repository: Path, revision: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        gate_sides.prepare(Wanted(Profile.FAST, baseline=revision), HERE)
    assert caught.value.exit_code == Exit.USAGE
    assert not builds


def test_a_planted_slowdown_is_gated_against_the_fork_without_it(builds: list[tuple[str, Path | None, bool]]) -> None:
    sides = gate_sides.prepare(Wanted(Profile.FAST, planted="3%"), HERE)
    assert (sides.baseline, sides.candidate) == ("fork", "fork + 3%")
    folder = gate_sides.extra("planted-3")
    assert builds == [("fork", None, False), ("fork", folder / "fast", False)]
    assert "planted-slowdown" in (folder / "patches" / "series").read_text(encoding="utf-8")


def test_a_planted_slowdown_may_be_gated_against_upstream(builds: list[tuple[str, Path | None, bool]]) -> None:
    sides = gate_sides.prepare(Wanted(Profile.FAST, baseline="upstream", planted="3%"), HERE)
    assert (sides.baseline, builds[0][0]) == ("upstream", "upstream")


def test_an_unknown_slowdown_builds_nothing(builds: list[tuple[str, Path | None, bool]]) -> None:
    with pytest.raises(PlantedError):
        gate_sides.prepare(Wanted(Profile.FAST, planted="4%"), HERE)
    assert not builds


def test_the_same_is_a_copy_at_another_place(builds: list[tuple[str, Path | None, bool]]) -> None:
    sides = gate_sides.prepare(Wanted(Profile.FAST, same=True), HERE)
    assert len(builds) == 1
    baseline, candidate = sides.executables[0]
    assert candidate.python != baseline.python
    assert candidate.python.read_bytes() == baseline.python.read_bytes()


def test_further_pairs_are_built_from_scratch_on_either_side(
    builds: list[tuple[str, Path | None, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.provenance.input_hash", lambda *_arguments: "inputs")
    runner = cast(Runner, type("Here", (), {"description": {}}))
    sides = gate_sides.prepare(Wanted(Profile.RELEASE, pairs=3), runner)
    assert sides.pairs == 3
    assert [force for _, _, force in builds] == [False, False, True, True, True, True]
    assert len({prefix for _, prefix, force in builds if force}) == 4
    assert len(sides.provenance()["further_pairs"]) == 2


# --- command -------------------------------------------------------------------------------------------------------


def test_default_sizes() -> None:
    asked = gate.setting(gate.parser().parse_args([]), gate_thresholds.load())
    assert asked.looks == (10, 15, 20)
    assert asked.seconds == gate_thresholds.load().blocks_seconds
    assert asked.whole_suite
    assert asked.count
    assert len(asked.benchmarks) >= 20


def test_no_time_limit() -> None:
    assert gate.setting(gate.parser().parse_args(["--time-limit", "0"]), gate_thresholds.load()).seconds is None


def test_chosen_sizes() -> None:
    words = ["--benchmarks", "startup,regex", "--blocks", "12", "--max-blocks", "12", "--time-limit", "60"]
    asked = gate.setting(gate.parser().parse_args([*words, "--no-instructions"]), gate_thresholds.load())
    assert (asked.looks, asked.seconds, asked.count, asked.whole_suite) == ((12,), 60.0, False, False)
    assert [one.name for one in asked.benchmarks] == ["regex", "startup"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--profile", "quick"], UnknownProfileError, "unknown profile 'quick'"),
        (["--suite", "none"], UsageError, "unknown suite 'none'"),
        (["--benchmarks", "nope"], UsageError, "unknown benchmark nope"),
        (["--pairs", "0"], UsageError, "one pair or more"),
        (["--blocks", "1"], UsageError, "blocks must be two or more"),
        (["--blocks", "10", "--max-blocks", "5"], UsageError, "the cap no less"),
        (["--analyse", "/nowhere"], HarnessError, "there is no result"),
        (["--analyse", "/nowhere", "--build-only"], UsageError, "needs no builds"),
    ],
)
def test_arguments_that_make_no_sense(arguments: list[str], error: type[HarnessError], message: str) -> None:
    with pytest.raises(error, match=message):
        gate.main(arguments)


def test_builds_alone(builds: list[tuple[str, Path | None, bool]], monkeypatch: pytest.MonkeyPatch) -> None:
    def hold(_session: object) -> None:
        raise AssertionError("timed")

    monkeypatch.setattr("harness.provenance.input_hash", lambda *_arguments: "inputs")
    monkeypatch.setattr("perf.gate_session.hold", hold)
    assert gate.main(["--profile", "release", "--pairs", "2", "--build-only", "--native"]) == 0
    assert [variant for variant, _, _ in builds] == ["upstream", "fork", "upstream", "fork"]
    with pytest.raises(AssertionError, match="timed"):
        gate.main(["--profile", "release", "--pairs", "2", "--native"])


def test_a_release_gate_takes_the_build_pairs_of_a_merge_verdict(
    builds: list[tuple[str, Path | None, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.provenance.input_hash", lambda *_arguments: "inputs")
    assert gate.main(["--profile", "release", "--build-only", "--native"]) == 0
    assert len(builds) == 2 * gate_thresholds.load().pairs_release
    assert gate_thresholds.load().pairs_release >= gate_session.FEWEST_PAIRS


def test_only_the_fork_against_a_baseline_is_stored_as_a_gate() -> None:
    assert gate.kind(Wanted(Profile.FAST)) == "gate"
    assert gate.kind(Wanted(Profile.FAST, baseline="HEAD")) == "gate"
    assert gate.kind(Wanted(Profile.FAST, planted="3%")) == gate_store.PLANTED
    assert gate.kind(Wanted(Profile.FAST, same=True)) == gate_store.SAME
