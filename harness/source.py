"""Pristine CPython 3.11.2 and the trees made of it: the tarball found and verified, upstream unpacked, fork patched.

Ways to the source, in order: `--tarball FILE`; the submodule if it is checked out; the cache; `git submodule update`;
Debian's source package through apt. The first that gives the verified release is used, the reasons why the others did
not are told. `ensure_tree` is what builds call.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import (
    paths,
    series,
    series_tree,
    source_cache,
    source_debian,
    source_submodule,
    source_tree,
)
from harness.console import out, say, warn
from harness.errors import SourceUnavailableError, WrongHashError
from harness.lock import clone_lock
from harness.source_debian import DebianUnavailable
from harness.source_submodule import Submodule, SubmoduleUnavailable
from harness.variants import Variant

VERSION = "3.11.2"
COMMIT = "878ead1ac1651965126322c1b3d124faf5484dc6"
SHA256 = "2411c74bda5bbcfcddaf4531f66d1adc73f247f529aee981b029513aefdbf849"
URL = "https://github.com/python/cpython"
PACKAGE = "python3.11"


@dataclass(frozen=True, slots=True)
class PristineSource:
    """A verified tarball: `kind` is "tarball" (the release's own) or "submodule" (packed from the release commit)."""

    kind: str
    tarball: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree: where it is, what it was made from, and the patches in it (series_hash: None for upstream)."""

    path: Path
    source_sha256: str
    series_hash: str | None
    patches: tuple[str, ...]
    source_kind: str = "tarball"


def submodule() -> Submodule:
    """The `cpython` submodule of this clone."""
    return Submodule(paths.SUBMODULE, COMMIT, URL, f"v{VERSION}")


def pristine(tarball: Path | None = None) -> PristineSource:
    """The verified source, by the first way that works; SourceUnavailableError tells what was wrong with each.

    A `tarball` that is given is used or refused (WrongHashError); no other way is tried then.
    """
    if tarball is not None:
        return PristineSource("tarball", source_cache.adopt(tarball, SHA256), SHA256)
    tried: list[str] = []
    for name, way in _ways():
        try:
            found = way()
        except (SubmoduleUnavailable, DebianUnavailable, WrongHashError) as reason:
            tried.append(f"{name}: {reason}")
            continue
        if found is not None:
            return found
    raise SourceUnavailableError("\n".join([f"no way to the source of CPython {VERSION}:", *tried]))


def _ways() -> tuple[tuple[str, Callable[[], PristineSource | None]], ...]:
    return (
        ("submodule", _from_submodule),
        ("cache", _from_cache),
        ("git submodule update", _from_update),
        ("Debian's source package", _from_debian),
    )


def _from_submodule() -> PristineSource:
    module = submodule()
    try:
        path, sha256 = source_submodule.tarball(module, f"Python-{VERSION}")
    except SubmoduleUnavailable as reason:
        if module.checked_out:  # else it is no news
            warn(f"the submodule {module.path} is not used: {reason}")
        raise
    return PristineSource("submodule", path, sha256)


def _from_cache() -> PristineSource | None:
    path = source_cache.cached(SHA256)
    return None if path is None else PristineSource("tarball", path, SHA256)


def _from_update() -> PristineSource:
    module = submodule()
    if module.checked_out:
        raise SubmoduleUnavailable("not tried: the submodule is checked out as it is")
    say(f"fetching the submodule from {URL}")
    try:
        source_submodule.update(module)
    except SubmoduleUnavailable as reason:
        say(f"{reason}; going on with Debian's source package")
        raise
    return _from_submodule()


def _from_debian() -> PristineSource:
    say(f"fetching Debian's source package of {PACKAGE}")
    with tempfile.TemporaryDirectory(prefix="redwoodtj-source-") as name:
        tarball = source_debian.download(PACKAGE, VERSION, Path(name))
        return PristineSource("tarball", source_cache.adopt(tarball, SHA256), SHA256)


def ensure_tarball(tarball: Path | None = None) -> Path:
    """The path of the verified tarball in the cache (see `pristine`)."""
    return pristine(tarball).tarball


def ensure_tree(
    variant: Variant,
    *,
    until: str | None = None,
    patches: Path | None = None,
    path: Path | None = None,
) -> Tree:
    """Make or update the tree of `variant` and return it.

    `until` limits the fork's series (a patch's name, unique slug or number). `patches` and `path` give another
    patches folder and another place than patches/ and build/src/<variant>, for trees of other revisions of the
    series. Files that do not change keep their times. Raises ForkTreeBusyError rather than overwrite a person's work.
    """
    source = pristine()
    target = path or paths.source_tree(variant)
    if variant is Variant.UPSTREAM:
        source_tree.ensure(target, source.tarball, source.sha256, source.kind)
        return Tree(target, source.sha256, None, (), source.kind)
    loaded = series.load(patches or paths.PATCHES)
    wanted = series.until(loaded, until)
    state = series_tree.open_tree(target, source.tarball, source.sha256)
    series_tree.update(target, state, wanted, loaded[len(wanted) :])
    names = tuple(patch.path for patch in wanted)
    return Tree(target, source.sha256, series.series_hash(wanted), names, source.kind)


def main(argv: list[str]) -> int:
    """`source`: find, verify and unpack the pristine source, and say where it is."""
    parser = argparse.ArgumentParser(prog="source", description=main.__doc__)
    parser.add_argument("--tarball", type=Path, metavar="FILE", help="use this tarball (Python-3.11.2.tgz) first")
    options = parser.parse_args(argv)
    with clone_lock("source"):
        source = pristine(options.tarball)
        tree = paths.source_tree(Variant.UPSTREAM)
        source_tree.ensure(tree, source.tarball, source.sha256, source.kind)
    out.print(f"CPython {VERSION} from {source.kind}, verified")
    out.print(f"sha256  {source.sha256}")
    out.print(f"tarball {source.tarball}")
    out.print(f"tree    {tree}")
    return 0
