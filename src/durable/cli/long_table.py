"""A long table at a terminal, drawn as rich draws it at a hundredth of the cost.

rich lays out every cell by itself, a millisecond and more a row. Where each cell fits on its line there is nothing to
lay out: rich draws the head and the first row, and all others are set the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from durable.cli.blocks import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table as RichTable

    from durable.cli.blocks import Table

LONG = 100
MARK = "x"
BETWEEN, BEFORE = "   ", " "


def draw(
    console: Console, table: Table, styles: Mapping[str, str], rich_table: Callable[[Table, Sequence[int]], RichTable]
) -> bool:
    """False, and nothing is drawn, if the table is short or a cell of it has to be wrapped."""
    rows = [[visible(cell) for cell in row] for row in table.rows]
    if len(rows) <= LONG or any("\n" in cell or "\t" in cell for row in rows for cell in row):
        return False
    widths = [max(map(_width, column)) for column in zip(table.columns, *rows, strict=True)]
    if sum(widths) + len(BETWEEN) * (len(widths) - 1) + 2 * len(BEFORE) > console.width:
        return False
    first = type(table)(table.columns, table.rows[:1])
    with console.capture() as captured:
        console.print(rich_table(first, widths))
    *head, bottom = captured.get().splitlines()
    codes = {status: _codes(console, style) for status, style in styles.items()}
    lines = [*head, *(_line(row, widths, codes) for row in rows[1:]), bottom]
    console.file.write("\n".join(lines) + "\n")
    return True


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _line(row: Sequence[str], widths: Sequence[int], codes: Mapping[str, tuple[str, str]]) -> str:
    cells = []
    for cell, width in zip(row, widths, strict=True):
        begin, end = codes.get(cell, ("", ""))
        cells.append(f"{begin}{cell}{' ' * (width - _width(cell))}{end}")
    return f"{BEFORE}{BETWEEN.join(cells)}{BEFORE}"


def _codes(console: Console, style: str) -> tuple[str, str]:
    """What this terminal is sent before a text of that style and behind it."""
    with console.capture() as captured:
        console.print(Text(MARK, style=style), end="")
    begin, _, end = captured.get().partition(MARK)
    return begin, end
