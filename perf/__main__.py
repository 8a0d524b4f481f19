"""`python -m perf COMMAND`: one line a command; each module's first paragraph says what it does."""

from __future__ import annotations

import sys

from harness import cli

COMMANDS = {
    "run": "perf.run",
    "bench": "perf.bench",
    "gate": "perf.gate",
    "selfproof": "perf.selfproof",
    "ledger": "perf.ledger",
    "bisect": "perf.bisect",
}

if __name__ == "__main__":
    sys.exit(cli.run(COMMANDS, "perf"))
