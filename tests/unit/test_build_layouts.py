"""Layouts: one build linked in other orders, kept while the build is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import build, build_layouts, paths, proc
from harness.build import Built
from harness.build_objects import ObjectDirectory
from harness.errors import BuildFailedError
from harness.variants import Profile, Variant

COMMAND = ["gcc", "-o", build_layouts.PROBE, "Programs/python.o", "a.o", "b.o", "c.o", "-lm"]


class Linker:
    """Stands in for make and the linker; `links` are the commands that it was given."""

    kind = "native"

    def __init__(self) -> None:
        self.links: list[list[str]] = []
        self.dry = "\n".join(["gcc -c a.c", " ".join(COMMAND)])
        self.broken = False

    def argv(self, argv: list[str], **_where: object) -> list[str]:
        return [str(word) for word in argv]

    def check(self) -> None:
        pass

    def run(self, command: list[str], *, log: Path | None = None, **_how: object) -> proc.Done:
        if command[0] == "make":
            return proc.Done(tuple(command), 0, self.dry if log is None else "", 0.1)
        assert log is not None
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("ld: error: undefined symbol\n" if self.broken else "", encoding="utf-8")
        self.links.append(command)
        if not self.broken:
            Path(command[command.index("-o") + 1]).write_text(" ".join(command), encoding="utf-8")
        return proc.Done(tuple(command), int(self.broken), "", 0.1)


@pytest.fixture
def linker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Linker:
    monkeypatch.setenv("REDWOODTJ_BUILD", str(tmp_path / "build"))
    made = Linker()
    monkeypatch.setattr(proc, "run", made.run)
    return made


def built(input_hash: str = "one") -> Built:
    prefix = paths.prefix(Variant.UPSTREAM, Profile.FAST)
    (prefix / "lib").mkdir(parents=True, exist_ok=True)
    directory = ObjectDirectory(build.object_directory(Variant.UPSTREAM, Profile.FAST, prefix))
    directory.path.mkdir(parents=True, exist_ok=True)
    directory.remember(input=input_hash)
    told = {"variant": "upstream", "profile": "fast", "input_hash": input_hash}
    return Built(prefix, prefix / "bin" / "python3", told)


def test_an_order_follows_from_its_number_alone() -> None:
    first, again = (build_layouts.ordered(COMMAND, 1, "out") for _ in range(2))
    assert first == again
    orders = {tuple(build_layouts.ordered(COMMAND, number, "out")) for number in range(20)}
    assert len(orders) > 10
    for words in orders:
        assert sorted(words) == sorted("out" if word == build_layouts.PROBE else word for word in COMMAND)
        assert [words[0], words[1], words[2], words[-1]] == ["gcc", "-o", "out", "-lm"]


def test_layouts_are_linked_once_and_again_for_another_build(linker: Linker) -> None:
    first = built()
    assert not build_layouts.ready(first, range(3))
    build_layouts.make(first, range(3), linker, first)  # type: ignore[arg-type]
    assert len(linker.links) == 3
    assert build_layouts.ready(first, range(3))
    assert build_layouts.ready(first, [1])
    assert not build_layouts.ready(first, range(4))
    laid_out = build_layouts.layouts(first, range(3))
    assert len({one.python.read_text(encoding="utf-8") for one in laid_out}) == 3
    assert all((one.prefix / "lib").resolve() == first.prefix / "lib" for one in laid_out)
    assert not build_layouts.ready(built("two"), range(3))


def test_the_objects_of_another_build_are_not_linked(linker: Linker) -> None:
    first = built()
    built("two")
    with pytest.raises(BuildFailedError, match="are gone"):
        build_layouts.make(first, range(2), linker, first)  # type: ignore[arg-type]
    assert linker.links == []


def test_a_link_that_fails_leaves_nothing_that_counts(linker: Linker) -> None:
    first = built()
    linker.broken = True
    with pytest.raises(BuildFailedError, match="linking layout 0"):
        build_layouts.make(first, range(2), linker, first)  # type: ignore[arg-type]
    assert not build_layouts.ready(first, range(2))
    linker.broken = False
    linker.dry = "nothing to be done"
    with pytest.raises(BuildFailedError, match="dry-run"):
        build_layouts.make(first, range(2), linker, first)  # type: ignore[arg-type]
