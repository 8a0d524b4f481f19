"""The project's sessions. Each runs one command of `harness` or `perf`; arguments after `--` go to it.

Nothing here holds logic. nox exits 1 for every failure; `./noxw` restores the session's own exit code.
"""

from __future__ import annotations

import sys

import nox

nox.options.sessions = ["run"]
nox.options.error_on_external_run = False

GRACE = 60.0  # seconds that a session has to write its partial results after Ctrl-C


def _call(session: nox.Session, *command: str) -> None:
    session.run(
        sys.executable,
        *command,
        *session.posargs,
        external=True,
        interrupt_timeout=GRACE,
        terminate_timeout=GRACE,
        silent=False,
    )


@nox.session(python=False)
def run(session: nox.Session) -> None:
    """Everything: source, series, both builds, multi-core demo, quick test diff, quick gate, HTML report."""
    _call(session, "-m", "perf", "run")


@nox.session(python=False)
def source(session: nox.Session) -> None:
    """Fetch and verify pristine CPython 3.11.2 (submodule, Debian's source package, or --tarball FILE)."""
    _call(session, "-m", "harness", "source")


@nox.session(python=False)
def series(session: nox.Session) -> None:
    """Check the patch series: applies without fuzz, exports byte-identical, header fields complete."""
    _call(session, "-m", "harness", "series")


@nox.session(python=False)
def checkout(session: nox.Session) -> None:
    """Turn the series into git commits in build/src/fork, to edit with ordinary git."""
    _call(session, "-m", "harness", "checkout")


@nox.session(python=False)
def refresh(session: nox.Session) -> None:
    """Turn the commits of build/src/fork back into patches/; --dry-run names the stale ones."""
    _call(session, "-m", "harness", "refresh")


@nox.session(python=False)
def engine(session: nox.Session) -> None:
    """Say which Docker engine is used; `start` starts one on this machine, `stop` stops what was started."""
    _call(session, "-m", "harness", "engine")


@nox.session(python=False)
def build(session: nox.Session) -> None:
    """Build a variant (upstream, fork) in a profile (fast, release, debug, tsan, asan), in Docker or natively."""
    _call(session, "-m", "harness", "build")


@nox.session(python=False)
def image(session: nox.Session) -> None:
    """Make the runtime images redwoodtj:upstream and redwoodtj:fork."""
    _call(session, "-m", "harness", "image")


@nox.session(python=False)
def test(session: nox.Session) -> None:
    """Run CPython's own suite on both variants (--set quick|full) and diff it per test method."""
    _call(session, "-m", "harness", "test")


@nox.session(python=False)
def conformance(session: nox.Session) -> None:
    """Run the suite of the Python API (tests/api) in the fork, and in other Pythons given by --peer."""
    _call(session, "-m", "harness", "conformance")


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Benchmark fork against upstream: quick, pyperformance, multicore, lifecycle, messaging."""
    _call(session, "-m", "perf", "bench")


@nox.session(python=False)
def gate(session: nox.Session) -> None:
    """The verdict on speed: PASS 0, FAIL 1, INCONCLUSIVE 3, VOID 4, missing data 5, environment 2."""
    _call(session, "-m", "perf", "gate")


@nox.session(python=False)
def selfproof(session: nox.Session) -> None:
    """Measure the gate's own error rates: simulated and real A/A runs, planted slowdowns."""
    _call(session, "-m", "perf", "selfproof")


@nox.session(python=False)
def ledger(session: nox.Session) -> None:
    """One row a patch: applies, builds, tests, instruction delta, globals left, ABI delta, lines; resumable."""
    _call(session, "-m", "perf", "ledger")


@nox.session(python=False)
def bisect(session: nox.Session) -> None:
    """Find the patch that broke a test or slowed a benchmark."""
    _call(session, "-m", "perf", "bisect")


@nox.session(python=False, name="globals")
def globals_(session: nox.Session) -> None:
    """Count what is left of the 1,190 process-wide variables; fail on a new unlisted one."""
    _call(session, "-m", "harness", "globals")


@nox.session(python=False)
def abi(session: nox.Session) -> None:
    """Compare the ABI of fork and upstream with libabigail; fail on an incompatible change."""
    _call(session, "-m", "harness", "abi")


@nox.session(python=False)
def sanitize(session: nox.Session) -> None:
    """Run the isolation stress under a tsan or asan build; fail on a report."""
    _call(session, "-m", "harness", "sanitize")


@nox.session(python=False)
def wheels(session: nox.Session) -> None:
    """Import and exercise unmodified cp311 wheels in main and in own-GIL interpreters of the fork."""
    _call(session, "-m", "harness", "wheels")


@nox.session(python=False)
def report(session: nox.Session) -> None:
    """Write the HTML page and the markdown comment from the newest stored results."""
    _call(session, "-m", "harness", "report")


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """ruff (format and rules) and mypy --strict on the whole project."""
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        session.run(sys.executable, "-m", *command, external=True)


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """The project's own tests: unit, integration (real source, real builds, real engine), fork behaviour."""
    _call(session, "-m", "pytest")
