"""Build a variant in a profile: source tree -> object directory -> staged installation -> build/<variant>/<profile>.

A build whose inputs (source, series, recipe, toolchain) equal the recorded ones returns at once. Else only what
changed is recompiled, and the finished installation, with its provenance inside, replaces the old one by a rename:
whoever finds an interpreter there finds a whole one.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import atomic, build_log, build_profiles, cli, paths, provenance, source
from harness.build_objects import ObjectDirectory
from harness.build_profiles import Recipe
from harness.console import out, say
from harness.errors import BuildFailedError, CompilerMissingError, DiskFullError, UsageError
from harness.lock import clone_lock
from harness.runner import Runner, available_cores, open_runner, run_in
from harness.source import Tree
from harness.variants import Profile, Variant, parse_profile, parse_variant

BUILD_SECONDS = 3 * 3600.0  # a release build on slow cores; a build that hangs ends all the same
CCACHE_PATH = "/usr/lib/ccache:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHON = "python3.11"


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build: its prefix, the interpreter in it, and what is in its provenance.json."""

    prefix: Path
    python: Path
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the caller of build() says beside variant and profile."""

    until: str | None
    jobs: int | None
    force: bool
    tree: Tree | None
    prefix: Path | None
    ccache: bool
    objects: bool
    passing: bool


@dataclass(frozen=True, slots=True)
class _Job:
    """One build under way."""

    variant: Variant
    profile: Profile
    recipe: Recipe
    runner: Runner
    tree: Tree
    objects: ObjectDirectory
    prefix: Path
    log: Path
    wish: _Wish

    @property
    def jobs(self) -> int:
        """Parallel compilations."""
        return self.wish.jobs or available_cores()

    @property
    def makefile(self) -> Path:
        """What make reads first."""
        return self.objects.path / "first.mk"

    def environment(self) -> dict[str, str]:
        obj = str(self.objects.path)
        given = {**build_profiles.REPRODUCIBLE, **build_profiles.filled(self.recipe.environment, obj)}
        if self.recipe.makefile:
            given["MAKEFILES"] = str(self.makefile)
        if self.wish.ccache:
            # Clones and variants share hits: paths below the object directory count relative to it, and the compiler
            # by its content.
            given |= {
                "PATH": CCACHE_PATH,
                "CCACHE_DIR": str(paths.cache_dir() / "ccache"),
                "CCACHE_BASEDIR": obj,
                "CCACHE_NOHASHDIR": "1",
                "CCACHE_COMPILERCHECK": "content",
            }
        return given

    def run(self, step: str, argv: Sequence[str | Path], env: dict[str, str]) -> None:
        """Run one step, its output appended to the log; the error names the step and its first causes."""
        command = [*self.recipe.wrapper, *argv]
        start = self.log.stat().st_size if self.log.exists() else 0
        done = run_in(self.runner, command, env=env, cwd=self.objects.path, log=self.log, timeout=BUILD_SECONDS)
        if done.timed_out:
            raise BuildFailedError(f"{step} did not end within {BUILD_SECONDS:.0f} s", log=self.log)
        with self.log.open("rb") as stream:
            stream.seek(start)
            broken = step == "make" and build_log.failed_modules(stream.read().decode(errors="replace"))
        if done.returncode != 0 or broken:
            raise build_log.failure(step, self.log)


def build(
    variant: Variant,
    profile: Profile,
    *,
    runner: Runner | None = None,
    until: str | None = None,
    jobs: int | None = None,
    force: bool = False,
    tree: Tree | None = None,
    prefix: Path | None = None,
    ccache: bool = True,
    objects: bool = False,
    passing: bool = False,
) -> Built:
    """Build `variant` in `profile`, or return at once if what is installed was made from equal inputs.

    `runner` is where (default: as open_runner chooses). `until` limits the fork's series to the patches up to that
    one. `jobs` are parallel compilations (default: the cores at hand). `force` makes it from scratch. `tree` and
    `prefix` (below the build directory) build another tree into another place. `objects`: the object directory must
    hold this build's objects afterwards, too (it may have been used for another one since). `passing`: it is soon
    replaced, so bytecode of the library's own tests, of which few will run, is left to their imports. Raises
    BuildFailedError, CompilerMissingError, DiskFullError, and what source.ensure_tree raises; AnotherRunActiveError
    if the clone is busy.
    """
    if until is not None and variant is Variant.UPSTREAM:
        raise UsageError("--until limits the fork's series; upstream has none")
    wish = _Wish(until, jobs, force, tree, prefix, ccache, objects, passing)
    with clone_lock(f"build {variant} {profile}"):
        if runner is not None:
            return _build(variant, profile, runner, wish)
        with open_runner() as own:
            return _build(variant, profile, own, wish)


def _build(variant: Variant, profile: Profile, runner: Runner, wish: _Wish) -> Built:
    tree = wish.tree or source.ensure_tree(variant, until=wish.until)
    target = (wish.prefix or paths.prefix(variant, profile)).resolve()
    recipe = build_profiles.recipe(profile)
    wanted = provenance.input_hash(tree, recipe, runner.description)
    directory = ObjectDirectory(object_directory(variant, profile, target))
    present = _installed(target)
    objects_there = not wish.objects or directory.state().get("input") == wanted
    if present is not None and present.provenance["input_hash"] == wanted and objects_there and not wish.force:
        return present
    job = _Job(
        variant=variant,
        profile=profile,
        recipe=recipe,
        runner=runner,
        tree=tree,
        objects=directory,
        prefix=target,
        log=paths.logs_dir() / f"build-{variant}-{profile}.log",
        wish=wish,
    )
    return _make(job, wanted)


def _installed(prefix: Path) -> Built | None:
    told = provenance.read(prefix)
    python = prefix / "bin" / "python3"
    return None if told is None or not python.exists() else Built(prefix, python, told)


def object_directory(variant: Variant, profile: Profile, prefix: Path) -> Path:
    """Where the objects of the build in `prefix` are.

    Builds into other places than the usual one share one further directory, to recompile only differences.
    """
    usual = prefix == paths.prefix(variant, profile)
    return paths.build_dir() / "obj" / variant / (str(profile) if usual else f"{profile}-extra")


def _make(job: _Job, wanted: str) -> Built:
    _check_compiler(job.runner)
    started = time.monotonic()
    say(f"building {job.variant} {job.profile} ({job.runner.kind}), log: {job.log}")
    job.log.unlink(missing_ok=True)
    (paths.cache_dir() / "ccache").mkdir(exist_ok=True)
    objects = job.objects
    if job.wish.force or (job.recipe.clean and objects.state().get("input") != wanted):
        shutil.rmtree(objects.path, ignore_errors=True)
    objects.prepare(f"{job.recipe.key()} {provenance.toolchain_hash(job.runner.description)}")
    fresh = "configured" not in objects.state()
    _bring_up_to_date(job, wanted)
    _configure(job)
    _compile(job, fresh)
    stage = _install(job)
    told = provenance.describe(
        stage,
        job.variant,
        job.profile,
        job.tree,
        job.recipe,
        job.runner.description,
        until=job.wish.until,
        seconds=time.monotonic() - started,
    )
    atomic.write_json(stage / provenance.FILE, told)
    _replace(job.prefix, stage)
    say(f"built {job.variant} {job.profile} in {time.monotonic() - started:.0f} s: {job.prefix / 'bin' / 'python3'}")
    return Built(job.prefix, job.prefix / "bin" / "python3", told)


def _check_compiler(runner: Runner) -> None:
    if runner.description["compiler"] == "none":
        raise CompilerMissingError(f"there is no gcc ({runner.kind})")


def _bring_up_to_date(job: _Job, wanted: str) -> None:
    objects = job.objects
    changes = objects.synchronise(job.tree.path)
    if changes.headers:
        objects.drop_objects()
    objects.remember(input=wanted)


def _configure(job: _Job) -> None:
    """Configure, unless that was done with this very configure script and its inputs.

    Never with a cache: 3.11's script then gives another result. It chooses libmpdec's arithmetic by an answer that it
    asks for later, and sets NO_AS_NEEDED only where it asks; a cache made upstream and fork differ in _decimal.
    """
    objects = job.objects
    inputs = objects.digest("configure", "Makefile.pre.in", "pyconfig.h.in", "Modules/Setup.stdlib.in")
    if objects.state().get("configured") == inputs and (objects.path / "Makefile").exists():
        return
    variables = build_profiles.filled(job.recipe.variables, str(objects.path))
    say("configuring")
    job.run(
        "configure",
        ["./src/configure", *job.recipe.configure],
        {**job.environment(), **variables, "CC": "gcc", "CXX": "g++"},
    )
    objects.remember(configured=inputs)


def _version(job: _Job) -> list[str]:
    """Makefile variables for sys.version: the tag and the short hash of what was built."""
    if job.variant is Variant.UPSTREAM:
        revision, tag = source.COMMIT[:10], f"v{source.VERSION}"
    else:
        revision, tag = (job.tree.series_hash or "0" * 8)[:8], "redwoodtj"
    return [f"GITVERSION=echo {revision}", f"GITTAG=echo {tag}", f"GITBRANCH=echo {tag}"]


def _compile(job: _Job, fresh: bool) -> None:
    if job.recipe.makefile:
        job.makefile.write_text(job.recipe.makefile, encoding="utf-8")
    version = _version(job)
    if job.objects.state().get("version") != " ".join(version):
        job.objects.drop_version()
    job.objects.begin()
    job.objects.remember(version=" ".join(version))
    with build_log.Watch(
        f"{job.variant} {job.profile}: compiling", job.log, job.recipe.steps if fresh else None
    ) as watch:
        try:
            job.run("make", ["make", f"-j{job.jobs}", *version], job.environment())
        except DiskFullError:
            job.objects.drop_unfinished()
            raise
        except BuildFailedError:
            job.objects.end()
            raise
    job.objects.end()
    say(f"{watch.count} compilations")


# The makefile compiles the whole library three times, for -O and -OO too, which nobody here uses: two thirds of the
# time of an installation. So its python runs everything but compileall, which is then run once.
INSTALLER = """\
#!/bin/sh
case " $* " in *compileall.py*) exit 0 ;; esac
exec ./python -E "$@"
"""
BROKEN_ON_PURPOSE = "bad_coding|badsyntax|site-packages|lib2to3/tests/data"  # as in the makefile
TESTS = rf"/{PYTHON}/(.*/)?tests?/"


def _left_out(passing: bool) -> str:
    """Regular expression for paths of modules that get no bytecode."""
    return f"{BROKEN_ON_PURPOSE}|{TESTS}" if passing else BROKEN_ON_PURPOSE


def _install(job: _Job) -> Path:
    stage = paths.build_dir() / "stage" / f"{job.variant}-{job.profile}"
    shutil.rmtree(stage, ignore_errors=True)
    say("installing")
    installer = job.objects.path / "installer"
    installer.write_text(INSTALLER, encoding="utf-8")
    installer.chmod(0o755)
    options = [f"-j{job.jobs}", f"DESTDIR={stage}", f"PYTHON_FOR_BUILD={installer}", *_version(job)]
    library = stage / "usr/local/lib" / PYTHON
    left_out = _left_out(job.wish.passing)
    compileall = ["./python", "-E", "-Wi", "-m", "compileall", "-q", f"-j{job.jobs}", "-x", left_out]
    environment = job.environment()
    # With it compileall would write .pyc files that check their source's hash at each import: slower than usual ones.
    del environment["SOURCE_DATE_EPOCH"]
    try:
        job.run("install", ["make", *options, "install"], environment)
        if job.recipe.bytecode:
            job.run("compileall", [*compileall, "-d", f"/usr/local/lib/{PYTHON}", library], environment)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)  # 300 MB that the next try makes again
        raise
    return stage / "usr" / "local"


def _replace(prefix: Path, stage: Path) -> None:
    """Put `stage` in the place of `prefix`."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    old = prefix.with_name(f".{prefix.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if prefix.exists():
        prefix.rename(old)
    stage.rename(prefix)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(stage.parent.parent, ignore_errors=True)


# --- command ---------------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    made = argparse.ArgumentParser(prog="build", description="Build CPython 3.11.2 and the fork.")
    made.add_argument("variant", nargs="?", help="upstream or fork; both if none is given")
    made.add_argument("profile", nargs="?", help="fast (default), release, debug, tsan, asan")
    # As all other commands have it
    made.add_argument("--profile", dest="named_profile", metavar="PROFILE", help="the same")
    cli.add_place(made)
    made.add_argument("--until", metavar="PATCH", help="only the patches up to this one (fork)")
    made.add_argument("--jobs", "-j", type=_positive, help="parallel compilations")
    made.add_argument("--cpus", type=float, help="limit the container to this many cores' time")
    made.add_argument("--cpuset", help="limit to these cores, as 0 or 0,1 or 0-3")
    made.add_argument("--force", action="store_true", help="from scratch, even if up to date")
    made.add_argument("--no-ccache", dest="ccache", action="store_false", help="compile everything for real")
    return made


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def main(argv: list[str]) -> int:
    """`build [VARIANT [PROFILE]]`."""
    options = parser().parse_args(argv)
    variants = list(Variant) if options.variant is None else [parse_variant(options.variant)]
    if options.profile and options.named_profile:
        raise UsageError(f"two profiles, {options.profile} and {options.named_profile}")
    profile = parse_profile(options.profile or options.named_profile or "fast")
    if options.cpus is not None and options.docker is False:
        raise UsageError("--cpus limits a container; natively use --cpuset")
    with (
        clone_lock("build"),
        open_runner(docker=options.docker, cpuset=options.cpuset, cpus=options.cpus) as runner,
    ):
        for variant in variants:
            built = build(
                variant,
                profile,
                runner=runner,
                until=options.until if variant is Variant.FORK or options.variant else None,
                jobs=options.jobs or _jobs(options.cpuset, options.cpus),
                force=options.force,
                ccache=options.ccache,
            )
            out.print(f"{variant} {profile}: {built.python}")
    return 0


def _jobs(cpuset: str | None, cpus: float | None) -> int:
    cores = available_cores(cpuset)
    return cores if cpus is None else max(1, min(cores, round(cpus)))
