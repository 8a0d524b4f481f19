"""The ledger's real workshop: builds the series up to a patch and measures it with the project's own tools."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from harness import abi, provenance, source
from harness.build import Built
from harness.burndown_lists import TO_FIX, read_tree
from harness.console import say
from harness.series import Patch
from harness.series_rules import cpython_tests
from perf import cachegrind
from perf.fork_tests import run_named
from perf.steps import Steps
from perf.suites import Benchmark, load_suite, select

# One of each kind of work, few because each runs some thirty times slower under cachegrind.
COUNTED = (
    "call_positional",
    "call_method",
    "attr_instance",
    "dict_ops",
    "list_ops",
    "str_ops",
    "exceptions",
    "json_loads",
)


@dataclass(slots=True)
class RealWorkshop:
    """See ledger_rows.Workshop."""

    steps: Steps
    benchmarks: list[Benchmark] = field(default_factory=lambda: select(load_suite("wide"), list(COUNTED)))
    _built: Built | None = None

    def key(self, patches: Sequence[Patch]) -> str:
        """Source, series, toolchain and the benchmarks that are counted.

        Not the kernel: rows are kept from one machine to the next, and it compiles nothing.
        """
        digest = hashlib.sha256()
        for benchmark in self.benchmarks:
            digest.update(f"{benchmark.name}\0".encode() + benchmark.script.read_bytes())
        toolchain = provenance.toolchain_hash(self.steps.runner.description)
        return " ".join((source.SHA256, self.steps.hash(len(patches)), toolchain, digest.hexdigest()))

    def globals_left(self, patches: Sequence[Patch]) -> int:
        """Apply the patches; rows of the analyzer's list then."""
        return len(read_tree(self.steps.tree(len(patches)).path, TO_FIX))

    def build(self, patches: Sequence[Patch]) -> None:
        """Build them."""
        say(f"step {len(patches)} of {len(self.steps.patches)}: {self.steps.name(len(patches))}")
        self._built = self.steps.built(len(patches))

    @property
    def built(self) -> Built:
        """The interpreter of the current step."""
        assert self._built is not None, "measured before it was built"
        return self._built

    def tests(self, patches: Sequence[Patch]) -> dict[str, Any]:
        """Run the tests that the patches up to this one name."""
        names = list(dict.fromkeys(name for patch in patches for name in cpython_tests(patch)))
        found = run_named(names, self.built, self.steps.tree(len(patches)).path, self.steps.runner)
        return found | {"failed": found["failed"] + found["missing"]}

    def counts(self) -> dict[str, float]:
        """Instructions of one loop of each counted benchmark."""
        with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
            counts = pool.map(self._count, self.benchmarks)
            return dict(zip((benchmark.name for benchmark in self.benchmarks), counts, strict=True))

    def _count(self, benchmark: Benchmark) -> float:
        return cachegrind.per_loop(self.steps.runner, self.built.python, benchmark)

    def abi(self) -> dict[str, Any]:
        """Compare with upstream: {compatible, added, removed, changed} in numbers."""
        found = abi.compare(self.steps.built(0).prefix, self.built.prefix)
        numbers = {key: sum(len(entry[key]) for entry in found["objects"]) for key in ("added", "removed", "changed")}
        numbers["changed"] += len(found["layouts"]["changed"])
        return {"compatible": found["compatible"], **numbers}
