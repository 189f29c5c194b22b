"""Makes a table's rows fit the screen, so that a line stays one line, and what was odd about it the next."""

from __future__ import annotations

import os

from durable.cli.words import ELLIPSIS, fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PIPE = 160
ODD = "↳ "
GAP, EDGES = 3, 2  # what rich puts between columns, and round them


def columns() -> int:
    chosen = os.environ.get("COLUMNS", "")
    if chosen.isascii() and chosen.isdigit() and int(chosen):
        return int(chosen)
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return PIPE


def room(rows: Sequence[Sequence[str]], headings: Sequence[str], fluid: Sequence[int]) -> int:
    """What is left of a line for the columns `fluid` once all others have what they need."""
    needs = widths(rows, headings)
    taken = sum(need for place, need in enumerate(needs) if place not in fluid)
    return columns() - EDGES - GAP * (len(headings) - 1) - taken


def widths(rows: Sequence[Sequence[str]], headings: Sequence[str]) -> list[int]:
    return [max(len(row[place]) for row in [headings, *rows]) for place in range(len(headings))]


def cut(rows: list[list[str]], place: int, width: int) -> None:
    for row in rows:
        row[place] = fit(row[place], width)


def from_home(path: str) -> str:
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path == home or path.startswith(home + "/") else path


def end_of(path: str, width: int) -> str:
    """A path is told apart by its end."""
    return path if len(path) <= width else ELLIPSIS + path[len(path) - width + 1 :]


def notes_below(note: int, under: int, width: int, rows: list[list[str]]) -> list[list[str]]:
    """Rows without their cell `note`: what stood there follows in rows of its own, in the column `under`."""
    import textwrap

    found: list[list[str]] = []
    for row in rows:
        left = [*row[:note], *row[note + 1 :]]
        found.append(left)
        told = textwrap.wrap(ODD + row[note], width, subsequent_indent=" " * len(ODD)) if row[note] else []
        found += [[line if place == under else "" for place in range(len(left))] for line in told]
    return found


def without(place: int, headings: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    def left(row: list[str]) -> list[str]:
        return [*row[:place], *row[place + 1 :]]

    return left(headings), [left(row) for row in rows]
