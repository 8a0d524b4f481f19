"""`python -m harness COMMAND`: one line a command; each module's first paragraph says what it does."""

from __future__ import annotations

import sys

from harness import cli

COMMANDS = {
    "source": "harness.source",
    "series": "harness.series_check",
    "checkout": "harness.series_checkout",
    "refresh": "harness.series_refresh",
    "engine": "harness.engine",
    "build": "harness.build",
    "image": "harness.image",
    "test": "harness.suite",
    "conformance": "harness.conformance",
    "globals": "harness.burndown",
    "abi": "harness.abi",
    "wheels": "harness.wheels",
    "sanitize": "harness.sanitize",
    "report": "harness.report",
}

if __name__ == "__main__":
    sys.exit(cli.run(COMMANDS, "harness"))
