"""The interpreters that are compared: upstream, fork and, if given, a peer; each with the runner it runs in."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import cli, source_cache
from harness.errors import InterpreterUnusableError
from harness.variants import Profile, Variant, parse_profile
from perf import pyperf_site

if TYPE_CHECKING:
    from harness.runner import Runner


@dataclass(frozen=True, slots=True)
class Side:
    """One implementation: "upstream", "fork" or "peer"; its interpreter, where that runs, and what it is."""

    name: str
    python: Path
    runner: Runner
    provenance: Mapping[str, Any]

    def identity(self) -> str:
        """Hash of the interpreter's binary: a resumed run must meet the same one."""
        return source_cache.sha256_of(self.python.resolve())


def add_options(parser: argparse.ArgumentParser, *, peer: bool) -> None:
    """The options that choose the interpreters."""
    parser.add_argument("--profile", default="fast", help="build profile of upstream and fork (default: fast)")
    cli.add_place(parser)
    for variant in Variant:
        parser.add_argument(
            f"--{variant}", type=Path, metavar="PYTHON", help=f"a ready interpreter of this machine as {variant}"
        )
    if peer:
        parser.add_argument("--peer", type=Path, metavar="PYTHON", help="another interpreter (3.12 or later) beside")


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[list[Side]]:
    """The sides, built where they are not there yet; their runners are closed at the end.

    InterpreterUnusableError for a path that is no working interpreter; what harness.build raises for a build.
    """
    profile = parse_profile(options.profile)
    with ExitStack() as stack:
        sides = []
        for variant in Variant:
            given = getattr(options, variant)
            made = _given(variant, given, stack) if given else _built(variant, profile, options.docker, stack)
            sides.append(made)
        peer = getattr(options, "peer", None)
        if peer is not None:
            sides.append(_given("peer", peer, stack))
        yield sides


def _given(name: str, python: Path, stack: ExitStack) -> Side:
    from harness.runner import open_runner

    if not python.is_file():
        raise InterpreterUnusableError(f"there is no interpreter {python}")
    python = python.absolute()
    runner = stack.enter_context(open_runner(docker=False))
    version = pyperf_site.probe(runner, python).version
    return Side(name, python, runner, {"version": version, "environment": runner.description})


def _built(variant: Variant, profile: Profile, docker: bool | None, stack: ExitStack) -> Side:
    from harness import build, runner

    with runner.open_runner(docker=docker) as place:
        built = build.build(variant, profile, runner=place)
    return Side(str(variant), built.python, stack.enter_context(runner.for_build(built.prefix)), built.provenance)
