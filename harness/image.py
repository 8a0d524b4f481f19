"""Runtime images redwoodtj:upstream and redwoodtj:fork: an installed interpreter on the base image, no compiler.

The interpreter is the one in build/<variant>/<profile>, built in the builder image on the same base (built first if
it is not up to date). Labels carry its provenance.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from harness import build, build_base, build_image, engine, paths
from harness.build import Built
from harness.console import out, say
from harness.lock import clone_lock
from harness.runner import open_runner
from harness.variants import Profile, Variant, parse_profile, parse_variant

REPOSITORY = "redwoodtj"
# What no program needs at run time: CPython's own tests, the static library, bytecode for -O and -OO.
LEFT_OUT = ("test", "tests", "idle_test", "config-*", "*.opt-1.pyc", "*.opt-2.pyc")
ON_TOP = """\
ARG BASE
FROM ${BASE}
COPY local /usr/local
ENV LANG=C.UTF-8
CMD ["python3"]
"""


def tag(variant: Variant, profile: Profile) -> str:
    """redwoodtj:<variant>, with the profile added unless it is fast."""
    return f"{REPOSITORY}:{variant}" + ("" if profile is Profile.FAST else f"-{profile}")


def labels(told: dict[str, Any]) -> dict[str, str]:
    """What an image says of its interpreter (values as in provenance.json)."""
    named = {
        "redwoodtj.variant": told["variant"],
        "redwoodtj.profile": told["profile"],
        "redwoodtj.source_sha256": told["source_sha256"],
        "redwoodtj.series_hash": told["series_hash"] or "",
        "redwoodtj.input_hash": told["input_hash"],
        "redwoodtj.provenance": json.dumps(told, sort_keys=True),
        "org.opencontainers.image.title": f"CPython 3.11.2 ({told['variant']})",
    }
    return {name: str(value) for name, value in named.items()}


def make(built: Built, *, keep_tests: bool = False) -> str:
    """Make the runtime image of a finished build and return its tag; ImageError if the engine cannot."""
    variant, profile = Variant(built.provenance["variant"]), Profile(built.provenance["profile"])
    name = tag(variant, profile)
    client = engine.client(build_image.BUILD_SECONDS)
    try:
        base = build_base.ensure(client)
        runtime = f"redwoodtj-runtime:{build_image.context_hash(base)[:12]}"
        if not client.images.list(name=runtime):
            build_image.build(client, "runtime", runtime, base, paths.DOCKER)
        with tempfile.TemporaryDirectory(prefix="image-", dir=paths.build_dir()) as scratch:
            context = Path(scratch)
            ignored = shutil.ignore_patterns("provenance.json", *(() if keep_tests else LEFT_OUT))
            shutil.copytree(built.prefix, context / "local", symlinks=True, ignore=ignored)
            (context / "Dockerfile").write_text(ON_TOP, encoding="utf-8")
            on = build_base.Base(runtime, base.image_id, base.digest)
            build_image.build(client, None, name, on, context, extra=labels(built.provenance))
    finally:
        client.close()
    return name


def main(argv: list[str]) -> int:
    """`image [VARIANT...]`."""
    parser = argparse.ArgumentParser(prog="image", description="Make the runtime images.")
    parser.add_argument("variant", nargs="*", help="upstream, fork; both if none is given")
    parser.add_argument("--profile", default="fast", help="fast (default) or release")
    parser.add_argument("--keep-tests", action="store_true", help="leave CPython's own tests in")
    options = parser.parse_args(argv)
    variants = [parse_variant(text) for text in options.variant] or list(Variant)
    profile = parse_profile(options.profile)
    with clone_lock("image"), open_runner(docker=True) as runner:
        for variant in variants:
            built = build.build(variant, profile, runner=runner)
            name = make(built, keep_tests=options.keep_tests)
            say(f"try: docker run --rm {name} python3 -VV")
            out.print(name)
    return 0
