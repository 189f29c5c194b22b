"""Bars in characters, for a terminal. A pipe gets the numbers alone."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

EIGHTHS = " ▏▎▍▌▋▊▉█"
FULL, EMPTY = "█", "░"
PLAIN_FULL, PLAIN_EMPTY = "#", "."


def drawn() -> bool:
    """Whether somebody looks at it: what reads a pipe has no use for bars."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def has_blocks() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def bars(values: Sequence[float], width: int) -> list[str]:
    """The longest is `width`; what is more than nothing is seen."""
    most = max(values, default=0)
    return [_bar(value / most * width) if most and value else "" for value in values]


def share(part: float, width: int) -> str:
    """Of a whole that is `width` long."""
    full = round(part * width)
    whole, rest = (FULL, EMPTY) if has_blocks() else (PLAIN_FULL, PLAIN_EMPTY)
    return whole * full + rest * (width - full)


def _bar(length: float) -> str:
    if not has_blocks():
        return PLAIN_FULL * max(round(length), 1)
    eighths = max(round(length * 8), 1)
    return FULL * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")
