"""The cards at the head of the page: a figure, what it says, and a tone; each leads to its section."""

from __future__ import annotations

from typing import Any


def card(anchor: str, title: str, figure: str, note: str, tone: str) -> dict[str, Any]:
    """A card; `anchor` is the name of the section, `tone` one of good, warn, bad, plain, mute."""
    return {"anchor": anchor, "title": title, "figure": figure, "note": note, "tone": tone}
