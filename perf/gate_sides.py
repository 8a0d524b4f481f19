"""The two sides of a gate: which interpreters are compared, built where they are not there yet.

The candidate is the fork, the fork with a planted slowdown, or (A/A) a copy of the baseline at another place; the
baseline is upstream, the series at another revision of this repository, or, for a planted slowdown, the fork without
it. Several build pairs are independent builds of both; several layouts are one build linked in several orders.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import build_layouts, paths, proc
from harness.errors import UsageError
from harness.variants import Profile, Variant
from perf import gate_planted
from perf.gate_thresholds import Thresholds

if TYPE_CHECKING:
    from harness.build import Built
    from harness.runner import Runner
    from harness.source import Tree

LINKED_ONCE = (Profile.RELEASE,)  # to link it is to optimize it again; independent build pairs differ anyway
OTHER = 1000  # what is added to the layout numbers of an A/A gate's candidate


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: `baseline` a git revision or None, `planted` a name of strengths.toml or None."""

    profile: Profile
    baseline: str | None = None
    planted: str | None = None
    same: bool = False  # A/A
    pairs: int = 1
    layouts: int = 1


@dataclass(frozen=True, slots=True)
class Sides:
    """The interpreters: (baseline, candidate) for each layout of each build pair, and what either side is called.

    `executables` has all layouts of the first build pair, then those of the second, and so on.
    """

    baseline: str
    candidate: str
    executables: tuple[tuple[Built, Built], ...]
    layouts: int = 1

    @property
    def pairs(self) -> int:
        """How many independent build pairs there are."""
        return len(self.executables) // self.layouts

    def python(self, arm: str, executable: int) -> Path:
        """The interpreter of an arm: A and C are the baseline, B is the candidate."""
        return self.executables[executable][arm == "B"].python

    def provenance(self) -> dict[str, Any]:
        """Both provenances of the first pair, and the binaries of the others."""
        (first_baseline, first_candidate), *others = self.executables[:: self.layouts]
        return {
            "baseline": first_baseline.provenance,
            "candidate": first_candidate.provenance,
            "layouts": self.layouts,
            "further_pairs": [
                {
                    side: built.provenance["binary_sha256"]
                    for side, built in zip(("baseline", "candidate"), pair, strict=True)
                }
                for pair in others
            ],
        }


@dataclass(frozen=True, slots=True)
class _Side:
    """One side before it is built: the variant, its tree (None: the usual one) and the folder of extra builds."""

    name: str
    variant: Variant
    tree: Tree | None
    folder: Path | None


def layouts(profile: Profile, asked: int | None, blocks: int, limits: Thresholds) -> int:
    """How many layouts a gate of at most `blocks` blocks needs: one a block, up to the number in the thresholds."""
    if asked is not None:
        return asked
    return 1 if profile in LINKED_ONCE else min(blocks, limits.blocks_layouts)


def prepare(wanted: Wanted, runner: Runner) -> Sides:
    """Build what is not there; UsageError for a revision that has no series, PlantedError for an unknown slowdown."""
    baseline = _baseline(wanted)
    candidate = _candidate(wanted, baseline)
    numbers = range(wanted.layouts)
    others = range(OTHER, OTHER + wanted.layouts)
    built: list[tuple[Built, Built]] = []
    for pair in range(wanted.pairs):
        first = _build(baseline, wanted.profile, pair, runner)
        place = _Place(baseline, wanted.profile, pair, runner)
        if wanted.same:
            both = place.layouts(first, numbers), place.layouts(_copy(first, pair), others)
        else:
            laid_out = place.layouts(first, numbers)  # before the candidate's build: they may share objects' place
            second = _build(candidate, wanted.profile, pair, runner)
            both = laid_out, _Place(candidate, wanted.profile, pair, runner).layouts(second, numbers)
        built += zip(*both, strict=True)
    return Sides(baseline.name, candidate.name, tuple(built), wanted.layouts)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the objects of one build pair of a side come from."""

    side: _Side
    profile: Profile
    pair: int
    runner: Runner

    def layouts(self, built: Built, numbers: Sequence[int]) -> list[Built]:
        """`built`, or an equal build at another place, in its layouts; a single one is the build's own executable."""
        if len(numbers) == 1:
            return [built]
        if not build_layouts.ready(built, numbers):
            again = _build(self.side, self.profile, self.pair, self.runner, objects=True)
            build_layouts.make(built, numbers, self.runner, objects_of=again)
        return build_layouts.layouts(built, numbers)


def _baseline(wanted: Wanted) -> _Side:
    if wanted.baseline is not None and wanted.baseline != "upstream":
        return _revision(wanted.baseline)
    if wanted.planted is not None and wanted.baseline is None:
        return _Side("fork", Variant.FORK, None, None)
    return _Side("upstream", Variant.UPSTREAM, None, None)


def _candidate(wanted: Wanted, baseline: _Side) -> _Side:
    if wanted.same:
        return _Side(f"{baseline.name} again", baseline.variant, None, None)
    if wanted.planted is None:
        return _Side("fork", Variant.FORK, None, None)
    folder = extra(f"planted-{gate_planted.slug(wanted.planted)}")
    gate_planted.write_series(wanted.planted, folder / "patches")
    return _Side(f"fork + {wanted.planted}", Variant.FORK, _tree(folder), folder)


def extra(name: str) -> Path:
    """The folder of an extra build: build/extra/<name>."""
    return paths.build_dir() / "extra" / name


def _tree(folder: Path) -> Tree:
    from harness.source import ensure_tree

    return ensure_tree(Variant.FORK, patches=folder / "patches", path=folder / "src")


def _revision(revision: str) -> _Side:
    """The series at a git revision, exported into a folder named by its commit."""
    found = proc.run(
        ["git", "-C", paths.ROOT, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],
        check=False,
        echo=False,
    )
    commit = found.stdout.strip()
    if found.returncode != 0 or not commit:
        raise UsageError(f"--baseline {revision}: this repository has no such revision")
    folder = extra(commit[:12])
    if not (folder / "patches" / "series").is_file():
        _export(revision, commit, folder)
    return _Side(revision, Variant.FORK, _tree(folder), folder)


def _export(revision: str, commit: str, folder: Path) -> None:
    """Write patches/ of `commit` to folder/patches, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        packed = Path(name) / "patches.tar"
        command: list[str | Path] = ["git", "-C", paths.ROOT, "archive", f"--output={packed}", commit, "patches"]
        if proc.run(command, check=False, echo=False).returncode != 0:
            raise UsageError(f"--baseline {revision}: there is no patches/ at that revision")
        with tarfile.open(fileobj=io.BytesIO(packed.read_bytes())) as archive:
            archive.extractall(name, filter="data")
        if not (Path(name) / "patches" / "series").is_file():
            raise UsageError(f"--baseline {revision}: there is no patches/series at that revision")
        shutil.rmtree(folder / "patches", ignore_errors=True)
        (Path(name) / "patches").rename(folder / "patches")


def _build(side: _Side, profile: Profile, pair: int, runner: Runner, *, objects: bool = False) -> Built:
    from harness.build import build

    if pair == 0:
        prefix = None if side.folder is None else side.folder / profile
        return build(side.variant, profile, runner=runner, tree=side.tree, prefix=prefix, objects=objects)
    return _independent(side, profile, pair, runner)


def _independent(side: _Side, profile: Profile, pair: int, runner: Runner) -> Built:
    """One more build from scratch: profile-guided builds of one source differ, and that is what pairs measure."""
    from harness import build_profiles, provenance, source
    from harness.build import build

    tree = side.tree or source.ensure_tree(side.variant)
    prefix = (side.folder or extra(str(side.variant))) / f"{profile}-pair{pair + 1}"
    present = provenance.read(prefix)
    wanted = provenance.input_hash(tree, build_profiles.recipe(profile), runner.description)
    fresh = present is None or present["input_hash"] != wanted
    return build(side.variant, profile, runner=runner, tree=tree, prefix=prefix, force=fresh)


def _copy(built: Built, pair: int) -> Built:
    """The same interpreter at another place, as a candidate is: A/A is to measure paths and their lengths too."""
    from harness.build import Built

    prefix = extra("aa") / f"pair{pair + 1}"
    if not _same_files(built, prefix):
        shutil.rmtree(prefix, ignore_errors=True)
        prefix.parent.mkdir(parents=True, exist_ok=True)
        proc.run(["cp", "-a", built.prefix, prefix], echo=False)
    return Built(prefix, prefix / "bin" / "python3", dict(built.provenance))


def _same_files(built: Built, prefix: Path) -> bool:
    from harness import provenance

    present = provenance.read(prefix)
    return present is not None and present == built.provenance
