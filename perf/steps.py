"""The interpreters along the series: upstream, each number of patches, the whole; built one after the other.

All steps share one source tree and one object directory beside the usual ones, so that a step recompiles only what
its patch changes and build/src/fork, where a person may be working, is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import build, paths, series, source
from harness.build import Built
from harness.runner import Runner
from harness.series import Patch
from harness.source import Tree
from harness.variants import Profile, Variant

NAME = "steps"


@dataclass(frozen=True, slots=True)
class Steps:
    """Makes trees and fast builds of the first `count` patches of `patches` (the whole series) with `runner`.

    `folder` is where the series was read from; if that is not patches/, even the whole of it is built as a step.
    """

    patches: Sequence[Patch]
    runner: Runner
    jobs: int | None = None
    folder: Path = paths.PATCHES

    def tree(self, count: int) -> Tree:
        """The source with `count` patches; SeriesRejectedError if one of them does not apply."""
        if count == 0:
            return source.ensure_tree(Variant.UPSTREAM)
        return source.ensure_tree(
            Variant.FORK, until=self.patches[count - 1].path, patches=self.folder, path=self.directory
        )

    @property
    def directory(self) -> Path:
        """The tree of the steps."""
        return paths.build_dir() / "src" / NAME

    def built(self, count: int) -> Built:
        """The interpreter with `count` patches; BuildFailedError if it does not compile.

        It is only there until the next step is built, but for upstream and the whole series.
        """
        variant = Variant.FORK if count else Variant.UPSTREAM
        usual = count == 0 or (count == len(self.patches) and self.folder == paths.PATCHES)
        return build.build(
            variant,
            Profile.FAST,
            runner=self.runner,
            tree=self.tree(count),
            prefix=None if usual else paths.build_dir() / "extra" / NAME,
            jobs=self.jobs,
            passing=not usual,
        )

    def hash(self, count: int) -> str:
        """The hash of the first `count` patches."""
        return series.series_hash(self.patches[:count])

    def name(self, count: int) -> str:
        """What to call the step."""
        return self.patches[count - 1].path if count else "upstream"
