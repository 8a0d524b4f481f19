"""Every command line of the documents is one that its session takes."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from typing import NoReturn

import pytest

import harness.__main__
import noxfile
import perf.__main__
from harness import paths

MODULES = harness.__main__.COMMANDS | perf.__main__.COMMANDS
OTHERS = {"lint", "tests"}  # sessions that call a tool of others
DOCUMENTS = ("README.md", "docs/*.md", "patches/README.md")
# Up to what ends a command in a line of text or of a shell
COMMAND = re.compile(r"\./noxw -s (?P<session>\w+)(?: -- (?P<rest>[^`#|;&\n]*))?")


def documented() -> Iterator[tuple[str, str, str]]:
    """(where, session, arguments) of each command line in the documents."""
    for pattern in DOCUMENTS:
        for path in sorted(paths.ROOT.glob(pattern)):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                for found in COMMAND.finditer(line):
                    yield f"{path.name}:{number}", found["session"], found["rest"] or ""


CASES = list(documented())


class _Taken(Exception):
    """The arguments have been parsed: nothing is to be done."""


def _only_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser, args: list[str]) -> NoReturn:
        parse(parser, args)
        raise _Taken

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)


def test_there_are_commands() -> None:
    """Were the expression wrong, nothing would be tested."""
    assert len(CASES) > 30
    assert {"build", "gate", "test", "bisect"} <= {session for _, session, rest in CASES if rest}


@pytest.mark.parametrize(
    ("where", "session", "rest"), CASES, ids=[f"{where}-{session}" for where, session, _ in CASES]
)
def test_the_session_takes_it(where: str, session: str, rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session exists, and its parser accepts the arguments."""
    assert hasattr(noxfile, session) or hasattr(noxfile, f"{session}_"), where
    if session in OTHERS or not rest:  # without arguments it may be but the name of the session
        return
    main = importlib.import_module(MODULES[session]).main
    _only_parse(monkeypatch)
    with pytest.raises(_Taken):
        main(shlex.split(rest))


def test_a_wrong_one_is_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that the session does not have ends in an error."""
    _only_parse(monkeypatch)
    with pytest.raises(SystemExit):
        importlib.import_module(MODULES["build"]).main(["fork", "--no-such-option"])
    assert "--no-such-option" in capsys.readouterr().err
