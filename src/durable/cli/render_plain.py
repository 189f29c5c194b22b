"""A view as plain text: for pipes, files, and a checkout without rich."""

from __future__ import annotations

from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table, Verbatim, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from durable.cli.blocks import Block

GAP = "  "


def render(view: Iterable[Block], stream: TextIO) -> None:
    for place, block in enumerate(view):
        if isinstance(block, Heading) and place:
            stream.write("\n")
        for line in lines(block):
            stream.write(line + "\n")


def lines(block: Block) -> list[str]:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Facts):
        return _aligned([[f"{name}:", text] for name, text in block.pairs])
    if isinstance(block, Note):
        return [visible(block.text if block.level == "note" else f"{block.level}: {block.text}")]
    if isinstance(block, Heading | Paragraph | Verbatim):
        return visible(block.text).splitlines()
    raise TypeError(f"no plain form for {type(block).__name__}")


def _table(table: Table) -> list[str]:
    if not table.rows:
        return []
    return _aligned([[column.upper() for column in table.columns], *table.rows])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    return [GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
