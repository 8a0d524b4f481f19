"""The two variants and five profiles, parsed from the command line with a clear error for anything else."""

from __future__ import annotations

from enum import StrEnum

from harness.errors import UnknownProfileError, UnknownVariantError


class Variant(StrEnum):
    """upstream: pristine CPython 3.11.2. fork: the same with the series applied."""

    UPSTREAM = "upstream"
    FORK = "fork"


class Profile(StrEnum):
    """How an interpreter is compiled."""

    FAST = "fast"  # default configure
    RELEASE = "release"  # PGO + LTO
    DEBUG = "debug"
    TSAN = "tsan"
    ASAN = "asan"


def parse_variant(text: str) -> Variant:
    """Return the variant named by `text`; UnknownVariantError if there is none."""
    try:
        return Variant(text)
    except ValueError:
        raise UnknownVariantError(f"unknown variant {text!r}") from None


def parse_profile(text: str) -> Profile:
    """Return the profile named by `text`; UnknownProfileError if there is none."""
    try:
        return Profile(text)
    except ValueError:
        raise UnknownProfileError(f"unknown profile {text!r}") from None
