"""What each profile is: configure's arguments, the flags and environment of its build. The same for both variants.

Nothing here depends on where the clone is: OBJ stands for the object directory and is filled in when a command is
made, so that two clones have equal recipes, and, through the path maps, equal binaries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from harness.variants import Profile

OBJ = "{obj}"
RELEASE_DAY = 1675728000  # 2023-02-07, the day of 3.11.2, in seconds since the epoch: what __DATE__ and __TIME__ say
REVISION = 3  # of the way builds are made; raised when a change here must rebuild what is already built

# Recorded paths become relative to the object directory. gcc tries the last map first: files, then the directory.
PATH_MAPS = f"-ffile-prefix-map={OBJ}=. -ffile-prefix-map={OBJ}/="
SANITIZED = "-O1 -g -fno-omit-frame-pointer"

REPRODUCIBLE = {
    "SOURCE_DATE_EPOCH": str(RELEASE_DAY),
    "PYTHONHASHSEED": "0",  # the order of frozen sets in frozen modules
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to configure and make a profile.

    `configure`: arguments. `variables`: of configure's environment. `environment`: of configure and make. `wrapper`:
    words before each command. `steps`: compilations of a whole build, for the progress display. `clean`: objects of
    an earlier input are of no use (profile-guided builds). `bytecode`: compile the standard library when installing
    (a sanitized interpreter needs minutes for it; its runs compile what they import). `makefile`: lines that make
    reads before CPython's own.
    """

    profile: Profile
    configure: tuple[str, ...]
    variables: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    wrapper: tuple[str, ...] = ()
    steps: int = 0
    clean: bool = False
    bytecode: bool = True
    makefile: str = ""

    def key(self) -> str:
        """Hash (hex) of everything in the recipe that decides what is built."""
        told = {name: value for name, value in asdict(self).items() if name not in ("steps", "bytecode")}
        if not self.makefile:
            del told["makefile"]  # so that builds of before there was one stay good
        text = json.dumps({"revision": REVISION, "always": REPRODUCIBLE, **told}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


COMMON = ("--prefix=/usr/local", "--without-ensurepip")
NO_RANDOM_ADDRESSES = (
    "setarch",
    "--addr-no-randomize",
)  # ThreadSanitizer's fixed shadow memory needs it on new kernels

# gcc optimizes a program as a whole for minutes, each time. Of these none is installed: one runs CPython's tests of
# embedding, one writes frozen modules, whose content is the same. Objects hold ordinary code as well.
HELPERS_WITHOUT_LTO = """\
Programs/_testembed Programs/_freeze_module: private PY_CORE_LDFLAGS += -fno-lto
"""

RECIPES: Mapping[Profile, Recipe] = {
    recipe.profile: recipe
    for recipe in (
        Recipe(Profile.FAST, COMMON, {"CFLAGS_NODIST": PATH_MAPS}, steps=262),
        Recipe(
            Profile.RELEASE,
            (*COMMON, "--enable-optimizations", "--with-lto"),
            {"CFLAGS_NODIST": PATH_MAPS},
            steps=524,
            clean=True,
            makefile=HELPERS_WITHOUT_LTO,
        ),
        Recipe(Profile.DEBUG, (*COMMON, "--with-pydebug"), {"CFLAGS_NODIST": PATH_MAPS}, steps=262),
        Recipe(
            Profile.TSAN,
            # pymalloc stays: the allocator's own isolation is part of what is checked. gcc's ThreadSanitizer has no
            # configure option in 3.11. It does not know sem_clockwait(), so that each wait for a lock with a
            # timeout would look like a race; sem_timedwait() it knows.
            (*COMMON, "--with-assertions", "ac_cv_func_sem_clockwait=no"),
            {
                "CFLAGS_NODIST": PATH_MAPS,
                "CFLAGS": f"{SANITIZED} -fsanitize=thread",
                "LDFLAGS": "-fsanitize=thread",
            },
            environment={"TSAN_OPTIONS": "report_bugs=0"},
            wrapper=NO_RANDOM_ADDRESSES,
            steps=262,
            bytecode=False,
        ),
        Recipe(
            Profile.ASAN,
            (*COMMON, "--with-assertions", "--with-address-sanitizer"),
            {"CFLAGS_NODIST": PATH_MAPS, "CFLAGS": SANITIZED},
            environment={"ASAN_OPTIONS": "detect_leaks=0"},
            wrapper=NO_RANDOM_ADDRESSES,
            steps=262,
            bytecode=False,
        ),
    )
}


def recipe(profile: Profile) -> Recipe:
    """The recipe of `profile`."""
    return RECIPES[profile]


def filled(values: Mapping[str, str], obj: str) -> dict[str, str]:
    """`values` with OBJ replaced by the object directory `obj`."""
    return {name: value.replace(OBJ, obj) for name, value in values.items()}
