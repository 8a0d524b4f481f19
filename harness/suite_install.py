"""Give an installed interpreter what the suite needs and 3.11.2's `make install` leaves out.

Its list of directories has no test_capi, test_sqlite3 and test_tomllib, so that `python -m test` of an installation
runs without them and says nothing; and without Programs/_testembed beside the interpreter test_embed skips nearly all
its tests. The packages are copied from the source tree that was built, the program from the object directory.
"""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness import paths, provenance
from harness.build_objects import ObjectDirectory
from harness.console import warn

# Not tests: scripts that crash or leak on purpose, started by hand.
_NOT_TESTS = ("crashers", "leakers")


def installed_tests(prefix: Path) -> Path:
    """Where the installed interpreter in `prefix` has its tests."""
    return prefix / "lib" / "python3.11" / "test"


def complete(prefix: Path, tree: Path) -> list[str]:
    """Copy what `prefix` lacks or has in another version from the source `tree` and from where it was compiled.

    Only what `make install` left out is looked at: what it installed is not touched. Returns the names of what was
    copied.
    """
    source, target = tree / "Lib" / "test", installed_tests(prefix)
    copied = []
    for folder in sorted(path for path in source.iterdir() if (path / "__init__.py").exists()):
        ours = target / folder.name
        if folder.name in _NOT_TESTS or not _ours(ours) or _equal(folder, ours):
            continue
        shutil.rmtree(ours, ignore_errors=True)
        new = target / f".{folder.name}.new"
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(folder, new, ignore=shutil.ignore_patterns("__pycache__"))
        (new / ".completed").touch()
        new.rename(ours)
        copied.append(folder.name)
    return copied + _complete_program(prefix)


def embedding_program(prefix: Path) -> Path:
    """Where test_embed looks for the program that embeds the interpreter."""
    return prefix / "bin" / "Programs" / "_testembed"


def _complete_program(prefix: Path) -> list[str]:
    """Copy _testembed out of the object directory that still holds this very build."""
    prov = provenance.read(prefix)
    if prov is None:
        return []
    target = embedding_program(prefix)
    # Builds into other places than the usual one share the second directory.
    for name in (prov["profile"], f"{prov['profile']}-extra"):
        objects = ObjectDirectory(paths.build_dir() / "obj" / prov["variant"] / name)
        source = objects.path / "Programs" / "_testembed"
        if not source.exists() or objects.state().get("input") != prov["input_hash"]:
            continue
        if target.exists() and filecmp.cmp(source, target):
            return []
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(source, target)
        return [target.name]
    return []


def level(prefixes: Sequence[Path]) -> None:
    """Where one side lacks _testembed, take it from the others too: test_embed then skips alike, and this says so."""
    have = [prefix for prefix in prefixes if embedding_program(prefix).exists()]
    if not have or len(have) == len(prefixes):
        return
    warn("test_embed skips most tests: the object directory of one side is gone; `./noxw -s build -- --force` helps")
    for prefix in have:
        embedding_program(prefix).unlink()


def _ours(folder: Path) -> bool:
    return not folder.exists() or (folder / ".completed").exists()


def _equal(left: Path, right: Path) -> bool:
    names = sorted(path.relative_to(left) for path in left.rglob("*") if path.is_file())
    names = [name for name in names if "__pycache__" not in name.parts]
    return right.exists() and all(
        (right / name).exists() and filecmp.cmp(left / name, right / name, shallow=False) for name in names
    )


def source_of(prefix: Path) -> Path | None:
    """The source tree of a build in its usual place, build/<variant>/<profile>; None for another place."""
    tree = paths.source_tree(prefix.parent.name)
    return tree if prefix == paths.prefix(prefix.parent.name, prefix.name) and tree.exists() else None
