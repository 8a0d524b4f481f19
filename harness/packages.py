"""Debian packages by group (packages.txt): which are missing, and their installation."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from harness import paths, proc
from harness.errors import ToolMissingError


def group(name: str) -> list[str]:
    """The packages of group `name` (core, tests, engine)."""
    lines = (paths.ROOT / "packages.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return [pair[1] for pair in pairs if pair[0] == name]


def missing(name: str) -> list[str]:
    """The packages of group `name` that dpkg does not call installed; ToolMissingError off Debian."""
    absent = []
    for package in group(name):
        query = ["dpkg-query", "-W", "-f=${db:Status-Status}", package]
        try:
            said = subprocess.run(query, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise ToolMissingError(
                f"this is not a Debian system, so group {name!r} cannot be installed",
                remedy=f"Install by hand what corresponds to: {' '.join(group(name))}",
            ) from None
        if said.stdout != "installed":
            absent.append(package)
    return absent


def install(name: str, as_root: Sequence[str] = (), *, leave: Sequence[str] = ()) -> list[str]:
    """Install what is missing of group `name` with apt-get, but for the packages `leave`; returns what was missing.

    `as_root` is put before apt-get: [] or ["sudo", "-n"].
    """
    absent = [package for package in missing(name) if package not in leave]
    if absent:
        log = paths.logs_dir() / "apt.log"
        apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
        proc.run([*apt, "-q", "update"], log=log)
        proc.run([*apt, "-qy", "install", "--no-install-recommends", *absent], log=log)
    return absent
