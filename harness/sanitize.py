"""Run the stress scripts (tests/fork/stress_*.py) under a ThreadSanitizer or AddressSanitizer build.

Every report that no suppression explains fails the session, as does a script that exits non-zero or hangs. Reports go
to files of the sanitizer's own, so that a script's output cannot hide one.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import atomic, build, cli, paths, results, sanitize_reports
from harness.console import out, say
from harness.errors import SanitizerReportError, UsageError
from harness.lock import clone_lock
from harness.runner import Runner, open_runner, run_in
from harness.sanitize_reports import Report
from harness.variants import Profile, Variant, parse_profile, parse_variant

SUPPRESSIONS = Path(__file__).with_name("sanitize_suppressions.toml")
MARGIN_SECONDS = 300.0  # a sanitized interpreter starts and ends slowly
SHOWN_LINES = 40
TOLD_CHARACTERS = 200
OPTIONS = {
    # halt_on_error=0: go on after a report; exitcode=0: a report is read from its file, a crash from the exit status.
    Profile.TSAN: ("TSAN_OPTIONS", "halt_on_error=0 exitcode=0 second_deadlock_stack=1 history_size=4"),
    # Interpreters keep what they need until the process ends; leaks are the life-cycle benchmark's subject.
    Profile.ASAN: ("ASAN_OPTIONS", "halt_on_error=0 detect_leaks=0 exitcode=0"),
}


@dataclass(frozen=True, slots=True)
class Ran:
    """One script that ran: exit status, wall seconds, number of reports, did it hang, and what it said last?"""

    script: str
    returncode: int
    seconds: float
    reports: int
    timed_out: bool
    told: str = ""

    @property
    def failed(self) -> bool:
        """Did the script itself fail?"""
        return self.returncode != 0 or self.timed_out


def scripts(names: list[str]) -> list[Path]:
    """The stress scripts called `names` (all of tests/fork if none is named); UsageError for one there is not."""
    known = {path.stem.removeprefix("stress_"): path for path in sorted(paths.ROOT.glob("tests/fork/stress_*.py"))}
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        raise UsageError(
            f"no stress script {', '.join(unknown) or 'at all'}; there are: {', '.join(known) or 'none'}"
        )
    return [known[name] for name in names] if names else list(known.values())


def run_script(
    runner: Runner, python: Path, profile: Profile, script: Path, folder: Path, seconds: float
) -> tuple[Ran, list[Report]]:
    """Run `script` for `seconds` of its own time under the sanitized `python`; its log and reports go to `folder`."""
    variable, options = OPTIONS[profile]
    stem = folder / script.stem
    done = run_in(
        runner,
        ["setarch", "--addr-no-randomize", python, script, "--seconds", str(seconds)],
        env={variable: f"{options} log_path={stem}.report", "PYTHONFAULTHANDLER": "1"},
        cwd=folder,
        log=stem.with_suffix(".log"),
        timeout=seconds * 4 + MARGIN_SECONDS,
    )
    found = [
        report
        for path in sorted(folder.glob(f"{script.stem}.report.*"))
        for report in sanitize_reports.parse(path.read_text(encoding="utf-8", errors="replace"))
    ]
    told = _last_line(stem.with_suffix(".log"))
    return Ran(script.name, done.returncode, round(done.seconds, 1), len(found), done.timed_out, told), found


def _last_line(log: Path) -> str:
    """What the script said last; the line of its command does not count."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return next((line for line in reversed(lines) if not line.startswith("$ ")), "")[:TOLD_CHARACTERS]


def _causes(by_cause: dict[str, list[Report]]) -> list[dict[str, Any]]:
    return [
        {
            "cause": cause,
            "kind": found[0].kind,
            "function": found[0].function,
            "count": len(found),
            "text": found[0].text,
        }
        for cause, found in sorted(by_cause.items())
    ]


def check(variant: Variant, profile: Profile, runner: Runner, names: list[str], seconds: float) -> Path:
    """Build, run the scripts, write sanitize.json into a new result folder and return the folder.

    SanitizerReportError names each unexplained cause and each script that failed.
    """
    chosen = scripts(names)
    explained = sanitize_reports.suppressions(SUPPRESSIONS, profile)
    built = build.build(variant, profile, runner=runner)
    folder = results.new("sanitize")
    ran: list[Ran] = []
    reports: list[Report] = []
    for script in chosen:
        say(f"{script.name} under {profile} for {seconds:.0f} s")
        one, found = run_script(runner, built.python, profile, script, folder, seconds)
        ran.append(one)
        reports += found
    unexplained, suppressed = sanitize_reports.split(reports, explained)
    told = {
        "schema": 1,
        "kind": "sanitize",
        "variant": variant,
        "profile": profile,
        "scripts": [asdict(one) for one in ran],
        "reports": _causes(unexplained),
        "suppressed": _causes(suppressed),
        "suppressions": [asdict(one) for one in explained],
        "provenance": built.provenance,
    }
    atomic.write_json(folder / "sanitize.json", told)
    _judge(ran, unexplained, folder)
    return folder


def _judge(ran: list[Ran], unexplained: dict[str, list[Report]], folder: Path) -> None:
    failed = [one for one in ran if one.failed]
    if not unexplained and not failed:
        return
    told = [f"{len(found):4d} x {cause}" for cause, found in sorted(unexplained.items())]
    told += [f"{one.script}: {'hung' if one.timed_out else f'exit status {one.returncode}'}" for one in failed]
    if unexplained:
        first = next(iter(unexplained.values()))[0].text.splitlines()
        told += ["", "the first one:", *first[:SHOWN_LINES]]
    raise SanitizerReportError("the sanitizer session failed:\n" + "\n".join(told), log=folder)


def main(argv: list[str]) -> int:
    """`sanitize [tsan|asan]`."""
    parser = argparse.ArgumentParser(prog="sanitize", description="Stress scripts under a sanitizer build.")
    parser.add_argument("profile", nargs="?", default="tsan", help="tsan (default) or asan")
    parser.add_argument("--variant", default="fork", help="fork (default) or upstream")
    parser.add_argument("--script", action="append", default=[], help="a script's name, as interpreters (repeatable)")
    parser.add_argument("--seconds", type=float, default=30.0, help="time for each script (default 30)")
    cli.add_place(parser)
    options = parser.parse_args(argv)
    profile, variant = parse_profile(options.profile), parse_variant(options.variant)
    if profile not in OPTIONS:
        raise UsageError(f"{profile} is not a sanitizer profile; choose tsan or asan")
    with clone_lock("sanitize"), open_runner(docker=options.docker) as runner:
        folder = check(variant, profile, runner, options.script, options.seconds)
    out.print(f"no unexplained report: {folder / 'sanitize.json'}")
    return 0
