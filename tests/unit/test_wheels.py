"""The wheels session without a build: manifest, cells that pass, fail, crash and hang, the verdict, the driver."""

from __future__ import annotations

import ast
import importlib.machinery
import json
import platform
import sys
from pathlib import Path
from typing import Any

import pytest
from suite_fake import Direct

from harness import cli, wheels_driver, wheels_manifest, wheels_pool, wheels_show, wheels_table
from harness.errors import EnvironmentFailure, Exit, UsageError, WheelManifestError
from harness.wheels import Matrix, choose
from harness.wheels_manifest import Known, Manifest, Wheel
from harness.wheels_show import Cell

HASH = "0" * 64
REFUSED = "module x does not support loading in subinterpreters"


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUILD", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))
    monkeypatch.setattr(wheels_pool, "POLL", 0.01)


def manifest(*known: Known) -> Manifest:
    return Manifest((Wheel("one", "1.0", HASH, True), Wheel("dep", "2.0", HASH, False)), known)


# --- the manifest ----------------------------------------------------------------------------------------------


def test_manifest_of_the_project_is_sound() -> None:
    found = wheels_manifest.read()
    assert len(found.exercised) >= 40
    assert {wheel.exercise.stem for wheel in found.exercised} == {
        path.stem for path in wheels_manifest.EXERCISES.glob("*.py")
    }
    for wheel in found.exercised:
        source = wheel.exercise.read_text(encoding="utf-8")
        ast.parse(source)
        assert "assert" in source, wheel.name
        assert len(source.splitlines()) >= 3, wheel.name
    assert all(one.reason.endswith(".") for one in found.known)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "exercised"),
        ("exercised = 1", "TypeError"),
        ('exercised = [["a", "1", "beef"]]', "no sha256"),
        (f'exercised = [["a", "1", "{HASH}"], ["a", "2", "{HASH}"]]', "listed twice: a"),
        (f'exercised = [["a", "1", "{HASH}"]]\n[[known]]\nwheel = "b"\nmodes = []\nreason = "x"', "not listed: b"),
    ],
)
def test_bad_manifest(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "wheels.toml"
    path.write_text(text)
    with pytest.raises(WheelManifestError, match=told) as raised:
        wheels_manifest.read(path)
    assert raised.value.exit_code is Exit.BAD_INPUT


def test_requirements_pin_everything_by_hash() -> None:
    assert manifest().requirements() == f"one==1.0 --hash=sha256:{HASH}\ndep==2.0 --hash=sha256:{HASH}\n"


def test_a_part_of_the_manifest_is_fetched_by_itself() -> None:
    part = manifest(Known("one", ("one",), "x.")).only("dep")
    assert part.requirements() == f"dep==2.0 --hash=sha256:{HASH}\n"
    assert part.digest() != manifest().digest()
    assert wheels_manifest.read().only("numpy").exercised[0].name == "numpy"


def test_fetched_once_then_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def pip(arguments: Any) -> str:  # noqa: ANN401
        words = [str(word) for word in arguments]
        calls.append(words)
        if words[0] == "install":
            Path(words[words.index("--target") + 1]).mkdir(parents=True)
        return ""

    monkeypatch.setattr(wheels_manifest, "_pip", pip)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for _ in range(2):
        site = wheels_manifest.unpack(manifest(), wheels_manifest.fetch(manifest()))
    assert [words[0] for words in calls] == ["download", "install"]
    assert all("--require-hashes" in words and "--no-deps" in words for words in calls)
    assert "--no-index" in calls[1]
    assert site.is_dir()


def test_pip_that_fails_is_an_environment_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels_manifest, "_pip", lambda _arguments: "hashes do not match")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(EnvironmentFailure, match="hashes do not match"):
        wheels_manifest.fetch(manifest())
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(EnvironmentFailure, match="aarch64"):
        wheels_manifest.fetch(manifest())


# --- running ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "outcome", "told"),
    [
        ("import helper; assert helper.x == 1", "passed", ""),
        ("assert 0, 'no'", "failed", "AssertionError: no"),
        ("raise SystemExit(3)", "failed", "SystemExit"),
        ("import os; os.abort()", "crashed", "SIGABRT"),
        ("import os; os._exit(0)", "crashed", "exit status 0 and no result"),
        ("import time; time.sleep(60)", "hung", "timed out"),
    ],
)
def test_cell_of_main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, outcome: str, told: str) -> None:
    monkeypatch.setattr(wheels_manifest, "EXERCISES", tmp_path)
    (tmp_path / "one.py").write_text(source)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "helper.py").write_text("x = 1\n")
    matrix = Matrix(Direct(), Path(sys.executable), tmp_path / "site", tmp_path / "work", 2)
    matrix.seconds = 1.5 if outcome == "hung" else 30.0
    matrix.hanging = frozenset({("one", "main")})
    (cell,) = matrix.run([(manifest().wheels[0], "main")])
    assert (cell.outcome, cell.wheel, cell.mode) == (outcome, "one", "main")
    assert told in cell.text


def test_choice_of_wheels() -> None:
    assert [wheel.name for wheel in choose(manifest(), [])] == ["one"]
    with pytest.raises(UsageError, match="no wheel dep"):
        choose(manifest(), ["dep"])


def test_unknown_wheel_is_a_usage_error() -> None:
    assert cli.run({"wheels": "harness.wheels"}, "harness", ["wheels", "no-such-wheel"]) == Exit.USAGE


# --- the verdict -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "outcome", "policy", "bad"),
    [
        ("one", "passed", "isolate", False),
        ("one", "refused", "refuse", False),
        ("one", "refused", "isolate", True),
        ("main", "refused", "main", True),
        ("one", "failed", "refuse", True),
        ("four", "crashed", "", True),
        ("fifty", "hung", "", True),
    ],
)
def test_what_is_a_failure(mode: str, outcome: str, policy: str, bad: bool) -> None:
    assert Cell("one", mode, outcome, 1.0, "x", policy).bad is bad


def conclude(tmp_path: Path, known: tuple[Known, ...], *cells: Cell) -> tuple[bool, dict[str, Any]]:
    good = wheels_show.conclude(tmp_path, manifest(*known), manifest().exercised, cells, {"variant": "fork"})
    found: dict[str, Any] = json.loads((tmp_path / "wheels.json").read_text())
    return good, found


def test_matrix_is_stored_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [Cell("one", "main", "passed", 1.0), Cell("one", "one", "refused", 1.0, REFUSED, "refuse")]
    good, found = conclude(tmp_path, (), *cells, Cell("one", "fifty", "failed", 1.0, "Traceback\nValueError: x"))
    assert not good
    assert (found["policy"], found["failures"], found["wheels"]) == ("refuse", ["one fifty"], {"one": "1.0"})
    assert found["totals"]["one"]["refused"] == 1
    shown = capsys.readouterr().out
    assert "ValueError: x" in shown
    assert "refused" in shown


def test_known_failure_fails_nothing_and_one_that_is_mended_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = (Known("one", ("one", "four"), "Because."),)
    good, found = conclude(
        tmp_path, known, Cell("one", "one", "crashed", 1.0, "x"), Cell("one", "four", "passed", 1.0)
    )
    assert good
    assert found["failures"] == []
    assert "no longer true: one four" in capsys.readouterr().out


def test_the_matrix_is_written_between_its_marks(tmp_path: Path) -> None:
    known = (Known("one", ("four",), "Because."),)
    cells = [Cell("one", mode, "passed", 1.0, kib=480) for mode in ("main", "one", "fifty")]
    conclude(tmp_path, known, *cells, Cell("one", "four", "hung", 1.0, "x"))
    page = tmp_path / "page.md"
    page.write_text(f"before\n{wheels_table.BEGIN}old\n{wheels_table.END}after\n")
    for _ in range(2):
        wheels_table.write(tmp_path, page)
        lines = page.read_text().splitlines()
        assert (lines[0], lines[-1]) == ("before", "after")
        assert "| one 1.0 | ok | ok | hung (1) | ok | 10 |" in lines
        assert "- four: 0 of 1 pass" in lines
        assert "- (1) Because." in lines
        assert "old" not in lines
    page.write_text("no marks")
    with pytest.raises(UsageError, match="marks"):
        wheels_table.write(tmp_path, page)


def test_the_page_of_the_project_has_the_marks() -> None:
    text = wheels_table.PAGE.read_text(encoding="utf-8")
    assert text.index(wheels_table.BEGIN) < text.index(wheels_table.END)


# --- the driver ------------------------------------------------------------------------------------------------


def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, source: str) -> dict[str, Any]:
    def run(script: str) -> None:
        exec(script, {"__name__": "__main__"})

    loader = importlib.machinery.ExtensionFileLoader
    monkeypatch.setattr(loader, "create_module", loader.create_module)  # the script replaces it for good
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(wheels_driver, "maker", lambda: ("refuse", run))
    (tmp_path / "exercise.py").write_text(source)
    return wheels_driver.measure(mode, str(tmp_path), str(tmp_path / "exercise.py"), str(tmp_path / "report"))


@pytest.mark.parametrize(("mode", "count"), [("one", 1), ("four", 4), ("fifty", 50)])
def test_each_mode_uses_as_many_interpreters_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, count: int
) -> None:
    found = measure(tmp_path, monkeypatch, mode, "x = 1")
    assert found["kib"] < 20_000
    assert {**found, "kib": 0} == {
        "outcome": "passed",
        "text": "",
        "policy": "refuse",
        "kib": 0,
        "interpreters": count,
    }
    assert len(list(tmp_path.glob("report.*"))) == count


def test_a_failure_ends_the_fifty_and_outweighs_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measure(tmp_path, monkeypatch, "fifty", "1 / 0")
    assert found["outcome"] == "failed"
    assert len(list(tmp_path.glob("report.*"))) == 1
    for number, text in enumerate(("refused: x\nTraceback", "refused: \nTraceback", "refused: x\n", "refused: \n")):
        (tmp_path / f"part.{number}").write_text(text)
    parts = [str(tmp_path / f"part.{number}") for number in range(4)]
    assert [wheels_driver.told(part)[0] for part in parts] == ["refused", "failed", "fallback", "passed"]
    assert wheels_driver._document(parts, "refuse", 0)["outcome"] == "failed"
    assert wheels_driver._document(parts[2:], "refuse", 0)["outcome"] == "fallback"


def test_refused_module_is_told_though_the_wheel_hides_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: object, _spec: object) -> None:
        raise ImportError(REFUSED)

    monkeypatch.setattr(importlib.machinery.ExtensionFileLoader, "create_module", refuse)
    (tmp_path / f"native{importlib.machinery.EXTENSION_SUFFIXES[0]}").touch()
    source = "try:\n    import native\nexcept ImportError:\n    native = None\n"
    found = measure(tmp_path, monkeypatch, "one", source)
    assert (found["outcome"], found["text"]) == ("fallback", "refused: native")
    assert measure(tmp_path, monkeypatch, "one", source + "assert native")["outcome"] == "refused"


def test_interpreter_that_left_nothing_failed(tmp_path: Path) -> None:
    assert wheels_driver.told(str(tmp_path / "none")) == ("failed", "the interpreter left no report")
