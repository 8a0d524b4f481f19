"""Tarballs outside the clone, each under its own sha256: copied in atomically, verified then and whenever used."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import paths
from harness.console import warn
from harness.errors import UsageError, WrongHashError

CHUNK = 1 << 20  # bytes


def directory() -> Path:
    """The directory of the cached sources (made if it is not there)."""
    path = paths.cache_dir() / "sources"
    path.mkdir(parents=True, exist_ok=True)
    return path


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def temporary(suffix: str = "") -> Iterator[Path]:
    """A temporary file in the cache that is gone when the block ends, unless the block renamed it."""
    handle, name = tempfile.mkstemp(dir=directory(), prefix=".incoming-", suffix=suffix)
    os.close(handle)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def cached(sha256: str) -> Path | None:
    """The cached tarball with this hash, verified again; a damaged one is removed and counts as absent."""
    path = directory() / f"{sha256}.tar.gz"
    if not path.is_file():
        return None
    found = sha256_of(path)
    if found == sha256:
        return path
    warn(f"the cached {path} is damaged (its sha256 is {found}); it is removed and fetched again")
    path.unlink()
    return None


def adopt(tarball: Path, sha256: str) -> Path:
    """Copy `tarball` into the cache if it has this hash; else WrongHashError with both hashes, nothing kept."""
    if not tarball.is_file():
        raise UsageError(f"there is no tarball {tarball}", remedy="Name an existing file after --tarball.")
    with temporary() as incoming:
        digest = hashlib.sha256()
        with tarball.open("rb") as source, incoming.open("wb") as target:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        found = digest.hexdigest()
        if found != sha256:
            raise WrongHashError(_wrong(tarball, found, sha256))
        return _keep(incoming, sha256)


def _keep(incoming: Path, sha256: str) -> Path:
    incoming.chmod(0o644)
    return incoming.replace(directory() / f"{sha256}.tar.gz")


def _wrong(tarball: Path, found: str, expected: str) -> str:
    size = tarball.stat().st_size
    cut = "" if _is_whole(tarball) else "; it is cut short or no gzip file"
    return f"{tarball} is not the release: its sha256 is {found}, expected {expected} ({size} bytes{cut})"


def _is_whole(tarball: Path) -> bool:
    try:
        with gzip.open(tarball, "rb") as stream:
            while stream.read(CHUNK):
                pass
    except (OSError, EOFError):
        return False
    return True


def compress(tar: Path) -> tuple[Path, str]:
    """Put an uncompressed `tar` into the cache as gzip without name or time; return (cached path, its sha256)."""
    with temporary() as incoming:
        with tar.open("rb") as source, incoming.open("wb") as raw:
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
            raw.flush()
            os.fsync(raw.fileno())
        sha256 = sha256_of(incoming)
        return _keep(incoming, sha256), sha256
