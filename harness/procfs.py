"""Which process is which: a pid is reused, a pid together with its start time is not."""

from __future__ import annotations

from pathlib import Path


def start_time(pid: int) -> int | None:
    """Start time of process `pid` in clock ticks since boot; None if there is no such process (or it is a zombie)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the command name before may hold blanks and parentheses
    return None if fields[0] in "ZX" else int(fields[19])
