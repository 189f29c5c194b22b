"""How wide the screen is, so that a line stays one line."""

from __future__ import annotations

import os

PIPE = 160


def columns() -> int:
    chosen = os.environ.get("COLUMNS", "")
    if chosen.isascii() and chosen.isdigit() and int(chosen):
        return int(chosen)
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return PIPE


def room(rows: list[list[str]], headings: list[str], fluid: int, gap: int = 3, least: int = 20) -> int:
    """What is left of a line for column `fluid` once all others have what they need."""
    widths = [max((len(row[place]) for row in [headings, *rows]), default=0) for place in range(len(headings))]
    taken = sum(widths) - widths[fluid] + gap * (len(headings) - 1)
    return max(columns() - taken, least)
