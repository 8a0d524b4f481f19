"""`build` against a miniature CPython (a configure script, a makefile, three C files), compiled for real.

What a build of the real source does the same way, in a second: returning at once, recompiling what changed, every bad
input, being interrupted and resumed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness import build, build_image, cli, paths, source
from harness.build import Built
from harness.errors import (
    BuildFailedError,
    CompilerMissingError,
    DiskFullError,
    Exit,
    RunnerLostError,
    UsageError,
)
from harness.runner import NativeRunner
from harness.source import Tree
from harness.variants import Profile, Variant

COMMANDS = {"build": "harness.build"}

CONFIGURE = """\
#!/bin/sh
echo "configured with $* $CFLAGS_NODIST"
cp src/Makefile.pre.in Makefile
"""
MAKEFILE = """\
OBJECTS = Objects/one.o Objects/two.o Modules/getbuildinfo.o
PY_CORE_LDFLAGS = -flto
all: python3.11 python Programs/_testembed
Programs/_testembed:
\t@echo link $@ $(PY_CORE_LDFLAGS)
python:
\tprintf '#!/bin/sh\\necho compiled bytecode "$$@"\\n' > $@
\tchmod +x $@
Objects/%.o: src/Objects/%.c
\tmkdir -p Objects
\tgcc -c -Isrc/Include -o $@ $<
Modules/getbuildinfo.o: src/Modules/getbuildinfo.c Objects/one.o Objects/two.o
\tmkdir -p Modules
\tgcc -c -DVERSION='"'"`$(GITTAG)`:`$(GITVERSION)`"'"' -o $@ $<
python3.11: $(OBJECTS)
\t@echo link $@ $(PY_CORE_LDFLAGS)
\tgcc -o $@ $(OBJECTS)
install: all
\tmkdir -p $(DESTDIR)/usr/local/bin $(DESTDIR)/usr/local/lib/python3.11/lib-dynload
\tcp python3.11 $(DESTDIR)/usr/local/bin/python3.11
\tcp python3.11 $(DESTDIR)/usr/local/lib/python3.11/lib-dynload/_one.so
\tln -s python3.11 $(DESTDIR)/usr/local/bin/python3
"""
FILES = {
    "configure": CONFIGURE,
    "Makefile.pre.in": MAKEFILE,
    "pyconfig.h.in": "",
    "Modules/Setup.stdlib.in": "",
    "Include/number.h": "#define NUMBER 42\n",
    "Objects/one.c": '#include "number.h"\nint one(void) { return NUMBER; }\n',
    "Objects/two.c": "int two(void) { return 2; }\n",
    "Modules/getbuildinfo.c": """
#include <stdio.h>
int one(void);
int two(void);
int main(void) { printf("%s %d %d\\n", VERSION, one(), two()); return 0; }
""",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """The miniature source; outputs and cache go to tmp_path, and `source.ensure_tree` gives this tree."""
    for name in ("BUILD", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"REDWOODTJ_{name}", str(tmp_path / name.lower()))
    monkeypatch.delenv("REDWOODTJ_LOCK_HELD", raising=False)
    root = tmp_path / "tree"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "configure").chmod(0o755)
    made = Tree(root, "5" * 64, "abcdef0123456789", ("gil/one.patch",))
    monkeypatch.setattr(source, "ensure_tree", lambda _variant, until=None: made)
    return made


def make(
    tree: Tree,
    variant: Variant = Variant.FORK,
    force: bool = False,
    until: str | None = None,
    prefix: Path | None = None,
    passing: bool = False,
    profile: Profile = Profile.FAST,
) -> Built:
    with NativeRunner() as runner:
        return build.build(
            variant,
            profile,
            runner=runner,
            tree=tree,
            jobs=2,
            force=force,
            until=until,
            prefix=prefix,
            passing=passing,
        )


def output(built: Built) -> str:
    return subprocess.run([built.python], capture_output=True, text=True, check=True).stdout.strip()


def log(profile: Profile = Profile.FAST) -> str:
    return (paths.logs_dir() / f"build-fork-{profile}.log").read_text(encoding="utf-8")


def edited(tree: Tree, name: str, text: str) -> Tree:
    (tree.path / name).write_text(text, encoding="utf-8")
    return replace(tree, series_hash="fedcba9876543210")


def test_a_build(tree: Tree) -> None:
    built = make(tree)
    assert output(built) == "redwoodtj:abcdef01 42 2"
    assert built.prefix == paths.prefix("fork", "fast")
    assert built.python == paths.python("fork", "fast")
    assert set(built.provenance["binary_sha256"]) == {"bin/python3.11", "lib/python3.11/lib-dynload/_one.so"}
    assert built.provenance["environment"]["kind"] == "native"
    assert "-ffile-prefix-map=" in log()
    assert not (tree.path / "Makefile").exists()
    assert not list(paths.build_dir().glob("stage/*"))
    assert "compiled bytecode" in log()


def test_upstream_says_the_release(tree: Tree) -> None:
    plain = replace(tree, series_hash=None, patches=())
    assert output(make(plain, Variant.UPSTREAM)).startswith("v3.11.2:878ead1ac1 ")


def test_equal_inputs_return_at_once(tree: Tree) -> None:
    first = make(tree)
    before = first.python.stat().st_mtime_ns
    log_path = paths.logs_dir() / "build-fork-fast.log"
    log_path.unlink()
    assert make(tree) == first
    assert not log_path.exists()
    assert first.python.stat().st_mtime_ns == before


def test_force_builds_again(tree: Tree) -> None:
    make(tree)
    make(tree, force=True)
    assert log().count("gcc -c") == 3


def test_only_what_changed_is_compiled(tree: Tree) -> None:
    make(tree)
    built = make(edited(tree, "Objects/two.c", "int two(void) { return 3; }\n"))
    assert output(built) == "redwoodtj:fedcba98 42 3"
    assert "one.c" not in log()
    assert "configured with" not in log()


def test_a_header_reaches_users_that_the_makefile_does_not_know(tree: Tree) -> None:
    make(tree)
    assert output(make(edited(tree, "Include/number.h", "#define NUMBER 43\n"))).endswith(" 43 2")


def test_a_change_of_the_series_alone_reaches_the_version(tree: Tree) -> None:
    make(tree)
    built = make(replace(tree, series_hash="99999999aa"))
    assert output(built).startswith("redwoodtj:99999999 ")
    assert log().count("gcc -c") == 1


def test_configure_runs_again_when_it_changed(tree: Tree) -> None:
    make(tree)
    make(edited(tree, "configure", CONFIGURE + "echo again\n"))
    assert "again" in log()


def test_configure_gets_no_cache(tree: Tree) -> None:
    make(tree)
    assert "configured with --prefix=/usr/local" in log()
    assert "--cache-file" not in log()


def test_builds_into_other_places_share_objects(tree: Tree, tmp_path: Path) -> None:
    elsewhere = paths.build_dir() / "extra" / "one" / "fast"
    assert make(tree, prefix=elsewhere).prefix == elsewhere
    assert not paths.prefix("fork", "fast").exists()
    make(edited(tree, "Objects/two.c", "int two(void) { return 4; }\n"), prefix=elsewhere.parent / "two")
    assert "one.c" not in log()


@pytest.mark.parametrize(("profile", "helper"), [(Profile.FAST, "-flto"), (Profile.RELEASE, "-flto -fno-lto")])
def test_no_time_is_spent_on_optimizing_helpers_as_a_whole(tree: Tree, profile: Profile, helper: str) -> None:
    make(tree, profile=profile)
    lines = log(profile).splitlines()
    assert "link python3.11 -flto" in lines
    assert f"link Programs/_testembed {helper}" in lines


@pytest.mark.parametrize("passing", [False, True])
def test_a_passing_build_compiles_no_bytecode_of_tests(tree: Tree, passing: bool) -> None:
    make(tree, passing=passing)
    (line,) = (line for line in log().splitlines() if line.startswith("compiled bytecode"))
    words = line.split()
    left_out = re.compile(words[words.index("-x") + 1])
    below = "/place/tests/clone/usr/local/lib/python3.11"
    assert left_out.search(f"{below}/test/bad_coding.py")
    assert not left_out.search(f"{below}/unittest/case.py")
    assert bool(left_out.search(f"{below}/test/test_dict.py")) == passing
    assert bool(left_out.search(f"{below}/lib2to3/tests/test_util.py")) == passing


def test_a_failure_names_its_cause_and_keeps_what_was_installed(tree: Tree) -> None:
    good = make(tree)
    with pytest.raises(BuildFailedError, match=r"two\.c:1:\d+: error:") as caught:
        make(edited(tree, "Objects/two.c", "int two(void) { return }\n"))
    assert caught.value.exit_code == Exit.BUILD
    assert Path(str(caught.value.log)).exists()
    assert output(good).endswith(" 42 2")
    repaired = make(edited(tree, "Objects/two.c", "int two(void) { return 5; }\n"))
    assert output(repaired).endswith(" 42 5")
    assert "one.c" not in log()


def test_configure_failure(tree: Tree) -> None:
    broken = edited(tree, "configure", "#!/bin/sh\necho 'configure: error: no zlib' >&2\nexit 1\n")
    with pytest.raises(BuildFailedError, match="configure failed:\nconfigure: error: no zlib"):
        make(broken)


def test_nothing_is_blamed_on_a_build_whose_runner_is_lost(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_self: NativeRunner) -> None:
        raise RunnerLostError("the container is paused")

    monkeypatch.setattr(NativeRunner, "check", lost)
    make(tree)
    with pytest.raises(RunnerLostError) as caught:
        make(edited(tree, "configure", "#!/bin/sh\necho 'configure: error: no zlib' >&2\nexit 1\n"))
    assert caught.value.exit_code == Exit.ENVIRONMENT


def test_full_disk(tree: Tree) -> None:
    full = MAKEFILE.replace("\tgcc -o $@", "\techo python3.11: No space left on device >&2; exit 1; gcc -o $@")
    with pytest.raises(DiskFullError, match="make could not write"):
        make(edited(tree, "Makefile.pre.in", full))
    assert output(make(edited(tree, "Makefile.pre.in", MAKEFILE))).endswith(" 42 2")  # space again: it resumes


def test_no_compiler(tree: Tree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    facts = build_image.Facts("0" * 64, "Debian", "none")
    monkeypatch.setattr(build_image, "host_facts", lambda: facts)
    with pytest.raises(CompilerMissingError, match="no gcc"):
        make(tree)
    assert cli.run(COMMANDS, "harness", ["build", "fork", "--native"]) == Exit.ENVIRONMENT
    assert "build-essential" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["downstream"], Exit.USAGE, "unknown variant 'downstream'"),
        (["fork", "slow"], Exit.USAGE, "unknown profile 'slow'"),
        (["fork", "--docker", "--native"], Exit.USAGE, "not allowed with"),
        (["fork", "--jobs", "0"], Exit.USAGE, "not a positive number"),
        (["fork", "--native", "--cpus", "1"], Exit.USAGE, "--cpuset"),
        (["fork", "--native", "--cpuset", "zero"], Exit.USAGE, "zero"),
        (["upstream", "--native", "--until", "one"], Exit.USAGE, "upstream has none"),
    ],
)
def test_bad_usage(
    tree: Tree, capsys: pytest.CaptureFixture[str], arguments: list[str], code: Exit, said: str
) -> None:
    assert cli.run(COMMANDS, "harness", ["build", *arguments]) == code
    assert said in capsys.readouterr().err


def test_until_upstream(tree: Tree) -> None:
    with pytest.raises(UsageError):
        make(tree, Variant.UPSTREAM, until="gil/one.patch")


SCRIPT = """
import sys
from pathlib import Path
from harness import cli, source
from harness.source import Tree
tree = Tree(Path(sys.argv[1]), "5" * 64, "abcdef0123456789", ())
source.ensure_tree = lambda _variant, until=None: tree
sys.exit(cli.run({"build": "harness.build"}, "harness", ["build", "fork", "--native"]))
"""


def start(tree: Tree) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tree.path)],
        cwd=paths.ROOT,
        env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.02)


def test_interrupted_then_resumed(tree: Tree) -> None:
    slow = MAKEFILE.replace("\tgcc -o $@", "\ttouch waiting; sleep 30; gcc -o $@")
    edited(tree, "Makefile.pre.in", slow)
    running = start(tree)
    wait_for(paths.build_dir() / "obj/fork/fast/waiting")
    second = start(tree)  # two at once in one clone
    assert second.wait(20) == Exit.BUSY
    assert second.stderr is not None
    assert "another run is active in this clone: build" in second.stderr.read()
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == Exit.INTERRUPTED
    assert running.stderr is not None
    assert "resumes" in running.stderr.read()
    assert not paths.prefix("fork", "fast").exists()
    edited(tree, "Makefile.pre.in", MAKEFILE)
    assert output(make(tree)).endswith(" 42 2")
