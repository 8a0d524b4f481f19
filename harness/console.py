"""The one rich console: status lines, warnings and progress go to stderr, so that stdout stays for results."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

console = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Print one line of status."""
    console.print(f"[bold cyan]>[/] {escape(message)}")


def warn(message: str) -> None:
    """Print one warning."""
    console.print(f"[bold yellow]warning:[/] {escape(message)}")


def progress() -> Progress:
    """Return a progress display (a context manager) in the project's style."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
