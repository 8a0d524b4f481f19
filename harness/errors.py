"""Every failure that a user can meet, each with its exit code and its remedy.

A module raises one of these; `harness.cli` prints it (what failed, why, what to do) and exits with its code.
The codes 0 to 5 are the gate's contract (docs/gate.md); the rest are ours. `Exit` is the only list of them.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of all sessions."""

    OK = 0
    FAILED = 1  # a check said no: regression, new test failure, stale series, new global
    ENVIRONMENT = 2  # this machine cannot do it: no compiler, no engine, no permission, disk full
    INCONCLUSIVE = 3
    VOID = 4
    MISSING = 5  # a result that the verdict needs is missing, crashed, cut short or unequal
    USAGE = 6  # unknown option, variant, profile, suite
    BAD_INPUT = 7  # wrong hash, malformed series, a patch that does not apply
    BUILD = 8  # configure or make failed
    BUSY = 9  # another run is active in this clone
    INTERRUPTED = 130


class HarnessError(Exception):
    """Base of all failures: `str(error)` says what failed and why, `remedy` what to do, `exit_code` how to exit.

    `log` is the path of the log that holds the detail, if there is one.
    """

    exit_code: Exit = Exit.FAILED
    remedy: str = ""

    def __init__(self, message: str, *, remedy: str | None = None, log: object = None) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy
        self.log = log


# --- usage -----------------------------------------------------------------------------------------------------


class UnknownVariantError(HarnessError):
    """A variant that is neither upstream nor fork."""

    exit_code = Exit.USAGE
    remedy = "Choose one of: upstream, fork."


class UnknownProfileError(HarnessError):
    """A build profile that does not exist."""

    exit_code = Exit.USAGE
    remedy = "Choose one of: fast, release, debug, tsan, asan."


class UsageError(HarnessError):
    """Arguments that make no sense together, or name what does not exist."""

    exit_code = Exit.USAGE
    remedy = "See `./noxw -l` for the sessions and `./noxw -s SESSION -- --help` for the options of one."


# --- environment -----------------------------------------------------------------------------------------------


class EnvironmentFailure(HarnessError):
    """This machine lacks something; the message names it."""

    exit_code = Exit.ENVIRONMENT


class RunnerLostError(EnvironmentFailure):
    """The container in which commands ran is gone, stopped or paused: what failed in it says nothing of them."""

    remedy = "Start the engine if need be and run the command again; what was complete is kept."


class DiskFullError(EnvironmentFailure):
    """The file system is full; what was complete before is kept."""

    remedy = "Free some space (a build needs about 1 GiB) and run the same command again: it resumes."


class PermissionFailure(EnvironmentFailure):
    """The system refused access to a file or directory."""

    remedy = "Check who owns the path in the message; do not mix runs as root and as a user in one clone."


class ToolMissingError(EnvironmentFailure):
    """A program that a session needs is not on PATH."""

    remedy = "`./noxw` installs the Debian packages it needs when run as root or with sudo; or install it by hand."


# --- state of this clone ---------------------------------------------------------------------------------------


class AnotherRunActiveError(HarnessError):
    """Two runs at once in one clone would write the same build directory."""

    exit_code = Exit.BUSY
    remedy = "Wait for it to end, stop it, or use a second clone."


class ResultDamagedError(HarnessError):
    """A result file is cut short or is not what its name says."""

    exit_code = Exit.MISSING
    remedy = "Delete the file (or its results folder) and run the session that writes it again."


class ResultMissingError(HarnessError):
    """A session needs the stored result of another one, and there is none."""

    exit_code = Exit.MISSING


class CommandFailedError(HarnessError):
    """A command that the harness ran exited non-zero and no more special error applies."""

    exit_code = Exit.FAILED
    remedy = "Read the end of the log; the command can be repeated as it is printed."


# --- burn-down of globals, ABI, ledger, bisect -----------------------------------------------------------------


class GlobalsListError(HarnessError):
    """A list of process-wide variables is missing or malformed."""

    exit_code = Exit.BAD_INPUT
    remedy = "Correct the named line: file, function (or -), name and reason, separated by tabs."


class BinaryUnreadableError(HarnessError):
    """A built program cannot be analysed: not ELF, stripped, or without debug information."""

    exit_code = Exit.MISSING
    remedy = "Build the variant again (`./noxw -s build -- VARIANT fast --force`); do not strip it."


# --- source and series -----------------------------------------------------------------------------------------


class WrongHashError(HarnessError):
    """A tarball is not the release: another file, or cut short. Nothing of it is kept."""

    exit_code = Exit.BAD_INPUT
    remedy = "Give python.org's tarball of CPython 3.11.2 (Python-3.11.2.tgz): `./noxw -s source -- --tarball FILE`."


class SourceUnavailableError(EnvironmentFailure):
    """No way to the pristine source works on this machine; the message says why for each."""

    remedy = "Fetch Python-3.11.2.tgz from python.org elsewhere and give it: `./noxw -s source -- --tarball FILE`."


class GitFailedError(HarnessError):
    """A git command failed in a way that no other error describes."""

    remedy = "Read what git says above; the command can be repeated as it is printed."


class SeriesMalformedError(HarnessError):
    """patches/series or a patch in it cannot be read as what it should be; the message lists every problem."""

    exit_code = Exit.BAD_INPUT
    remedy = "Correct the lines named above; patches/README.md describes the format."


class SeriesRejectedError(HarnessError):
    """A patch does not apply; the message names patch, file and hunk and shows the reject."""

    exit_code = Exit.BAD_INPUT
    remedy = "`./noxw -s checkout` stops at that patch with git am in progress, so that it can be mended there."


class SeriesCheckError(HarnessError):
    """The series is not as it must be; the message lists every problem."""

    exit_code = Exit.FAILED
    remedy = "`./noxw -s checkout`, mend the commits, then `./noxw -s refresh`; patches/README.md shows how."


class SeriesStaleError(HarnessError):
    """refresh --dry-run found patches that differ from the commits."""

    exit_code = Exit.FAILED
    remedy = "Run `./noxw -s refresh` to write them."


class ForkTreeBusyError(HarnessError):
    """The fork's tree holds work that is not in patches/: edits, commits, or git am or rebase in progress."""

    exit_code = Exit.BAD_INPUT
    remedy = (
        "Keep the work: commit it and run `./noxw -s refresh`. Or drop it: `./noxw -s checkout -- --discard` "
        "(a ref keeps what is dropped)."
    )


# --- the report ------------------------------------------------------------------------------------------------


class ResultUnequalError(HarnessError):
    """A stored result contradicts itself: samples of unequal number, or parts that do not add up."""

    exit_code = Exit.MISSING
    remedy = "Nothing is shown from a half result. Run the session that writes it again."


class BrowserError(EnvironmentFailure):
    """Chromium did not start, did not answer, or could not show a page."""

    remedy = "The report is written; only its picture is missing. Install Debian's chromium, or leave out --picture."


# --- engine, containers and builds -----------------------------------------------------------------------------


class EngineMissingError(EnvironmentFailure):
    """No Docker engine answers."""

    remedy = "`./noxw -s engine -- start` starts one (as root; --install installs it), or build with --native."


class EnginePermissionError(EnvironmentFailure):
    """A Docker engine runs, but this user may not talk to it."""

    remedy = (
        "Join the group that owns the socket (usually `sudo usermod -aG docker $USER`, then log in again), "
        "run as root, or build with --native."
    )


class EngineStartError(EnvironmentFailure):
    """dockerd did not start, or did not answer in time."""

    remedy = "Read the log; where containers are forbidden, build with --native."


class ImageError(EnvironmentFailure):
    """A container image could be neither pulled nor made."""

    remedy = "Read the log; `./noxw -s build -- upstream fast --native` needs no image."


class CompilerMissingError(EnvironmentFailure):
    """There is no C compiler that works."""

    remedy = "Install Debian's build-essential (`sudo apt-get install build-essential`), or build in Docker."


class BuildFailedError(HarnessError):
    """configure, make or make install failed; the first errors of the log are in the message."""

    exit_code = Exit.BUILD
    remedy = "Fix what the first error names; the same command then recompiles only what changed."


class SanitizerReportError(HarnessError):
    """A sanitizer reported a defect that no suppression explains."""

    remedy = "Read the reports beside the log; fix the cause, or explain it in harness/sanitize_suppressions.toml."


# --- benchmarks ------------------------------------------------------------------------------------------------


class BenchmarkListError(HarnessError):
    """perf/suites.toml is malformed or names what does not exist."""

    exit_code = Exit.BAD_INPUT
    remedy = "Mend perf/suites.toml; docs/benchmarks.md describes it."


class BenchmarkFailedError(HarnessError):
    """A benchmark crashed, timed out or wrote no usable result; it is never left out in silence."""

    exit_code = Exit.MISSING
    remedy = "Run the command of the message by itself to see it fail; its output is in the log."


class InterpreterUnusableError(EnvironmentFailure):
    """A path given as an interpreter is none, or does not start."""

    remedy = "Build it first (`./noxw -s build -- upstream`), or give the path of a working python3 to --peer."


# --- gate ------------------------------------------------------------------------------------------------------


class ThresholdsError(HarnessError):
    """perf/thresholds.toml is malformed, incomplete or gives no reason for a number."""

    exit_code = Exit.BAD_INPUT
    remedy = "Mend perf/thresholds.toml; each entry has a `value` and a `reason` (docs/gate.md)."


class UnequalResultsError(HarnessError):
    """Stored measurements do not form a whole experiment: a block lacks a benchmark, or arms differ in their runs."""

    exit_code = Exit.MISSING
    remedy = "Run the same gate command again: it measures what is missing; or delete the results folder."


class PlantedError(HarnessError):
    """A planted slowdown does not exist, or its patch no longer fits the series."""

    exit_code = Exit.BAD_INPUT
    remedy = "perf/planted/strengths.toml lists what can be planted; refresh perf/planted/slowdown.patch if need be."


class AbiToolError(HarnessError):
    """abidiff could not compare two files (its own failure, not a difference)."""

    exit_code = Exit.ENVIRONMENT
    remedy = "Run the printed abidiff command by hand; Debian's abigail-tools 2.2 is the version in use."


# --- test-suite diff -------------------------------------------------------------------------------------------


class UnknownTestSetError(HarnessError):
    """A test set or test file that does not exist."""

    exit_code = Exit.USAGE
    remedy = "Choose --set quick, --set full, --set FILE.txt (one test file a line), or --tests NAME ..."


class UnequalTestResultsError(HarnessError):
    """Two result files that do not cover the same test files cannot be compared."""

    exit_code = Exit.MISSING
    remedy = "Run `./noxw -s test` for both sides with the same set, then compare again."


class WheelManifestError(HarnessError):
    """The manifest of the wheels cannot be read."""

    exit_code = Exit.BAD_INPUT
    remedy = "Mend harness/wheels.toml; docs/testing.md describes it."


class ExceptionTableError(HarnessError):
    """The table of explained exceptions cannot be read."""

    exit_code = Exit.BAD_INPUT
    remedy = "Mend harness/suite_isolated.toml; docs/testing.md describes it."


class InterpreterStartError(HarnessError):
    """A built interpreter cannot even list its own test suite."""

    exit_code = Exit.FAILED
    remedy = "Run the command above by hand; rebuild with `./noxw -s build -- --force` if the build is damaged."


class BisectEndpointError(HarnessError):
    """A bisection was asked for, but its ends are not good and bad."""

    exit_code = Exit.USAGE
    remedy = "Run the test or benchmark on both ends by hand; `--good PATCH` and `--bad PATCH` choose other ends."
