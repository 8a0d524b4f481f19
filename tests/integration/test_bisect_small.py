"""bisect on a project that builds in a moment: C programs compiled here, one more `patch` in each."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.build import Built
from harness.errors import BuildFailedError
from harness.source import Tree
from perf.bisect import Log, examine
from perf.bisect_judge import Opinion
from perf.bisect_search import Judgement, search

PATCHES = ("", "int a;", "int b;", "this does not compile", "int c;", "#define ANSWER 41", "int d;", "int e;")
PROGRAM = "#ifndef ANSWER\n#define ANSWER 42\n#endif\nint main(void) { return ANSWER != 42; }\n"


@dataclass(frozen=True)
class SmallSteps:
    """The program after `count` patches; patch 3 is broken and patch 4 mends it."""

    root: Path

    def tree(self, count: int) -> Tree:
        path = self.root / f"src-{count}"
        path.mkdir(exist_ok=True)
        lines = [line for number, line in enumerate(PATCHES[: count + 1]) if number != 3 or count == 3]
        (path / "program.c").write_text("\n".join([*lines, PROGRAM]), encoding="utf-8")
        return Tree(path, "0" * 64, None, PATCHES[:count])

    def built(self, count: int) -> Built:
        program = self.root / "program"  # one place for all steps, as in the real series
        command = ["gcc", str(self.tree(count).path / "program.c"), "-o", str(program)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildFailedError(done.stderr)
        return Built(self.root, program, {"input_hash": str(count)})

    def hash(self, count: int) -> str:
        return str(count)

    def name(self, count: int) -> str:
        return f"patch {count}"


class RunsIt:
    target = "the program's exit status"

    def __call__(self, built: Built, tree: Path) -> Opinion:
        code = subprocess.run([built.python], check=False).returncode
        return Opinion(Judgement.BAD if code else Judgement.GOOD, f"exit status {code}")


def test_the_patch_that_broke_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    log = Log(tmp_path / "result", RunsIt.target, "here")
    finding = search(0, len(PATCHES) - 1, examine(SmallSteps(tmp_path), RunsIt(), log))
    assert (finding.first, finding.last) == (5, 5)
    skipped = [entry for entry in log.entries if entry["judgement"] == "skip"]
    assert [entry["position"] for entry in skipped] == [3]
    assert "error" in skipped[0]["reason"]
