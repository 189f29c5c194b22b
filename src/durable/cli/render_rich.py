"""A view with rich, for a person at a terminal. Recorded text is never read as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from durable.cli import long_table
from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table, Verbatim, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from durable.cli.blocks import Block

STATUS = {
    "succeeded": "green",
    "failed": "red",
    "in_doubt": "bold yellow",
    "running": "cyan",
    "waiting": "bold yellow",
    "not_done": "dim",
    "refused": "dim",
    "replayed": "dim",
}
HEADING = {"FAIL": "bold red", "UNKNOWN": "bold yellow", "WARN": "bold yellow", "PASS": "bold green"}
LEVEL = {"ok": "green", "note": "dim", "warning": "yellow", "problem": "bold red"}
DIFF = {"+": "green", "-": "red", "@": "cyan", "~": "yellow"}


def render(view: Iterable[Block], stream: TextIO) -> None:
    console = Console(file=stream, highlight=False, soft_wrap=False)
    for place, block in enumerate(view):
        if isinstance(block, Heading) and place:
            console.print()
        if not (isinstance(block, Table) and long_table.draw(console, block, STATUS, _table)):
            console.print(_drawn(block), soft_wrap=isinstance(block, Facts | Verbatim))


def _drawn(block: Block) -> RenderableType:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Facts):
        return _facts(block)
    if isinstance(block, Verbatim):
        return _diff(block.text)
    if isinstance(block, Note):
        text = block.text if block.level == "note" else f"{block.level}: {block.text}"
        return Text(visible(text), style=LEVEL.get(block.level, ""))
    if isinstance(block, Heading | Paragraph):
        return Text(visible(block.text), style=_weight(block))
    raise TypeError(f"no rich form for {type(block).__name__}")


def _table(table: Table, widths: Sequence[int] = ()) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(table.columns):
        drawn.add_column(Text(column), min_width=widths[place] if widths else None)
    for row in table.rows:
        drawn.add_row(*[Text(visible(cell), style=STATUS.get(cell, "")) for cell in row])
    return drawn


def _weight(block: Heading | Paragraph) -> str:
    if isinstance(block, Paragraph):
        return ""
    return HEADING.get(block.text.partition(" ")[0], "bold")


def _facts(facts: Facts) -> Text:
    width = max((len(name) for name, _ in facts.pairs), default=0)
    drawn = Text()
    for place, (name, text) in enumerate(facts.pairs):
        drawn.append("\n" if place else "")
        drawn.append(f"{name:<{width}}  ", style="dim")
        drawn.append(visible(text), style=STATUS.get(text, ""))
    return drawn


def _diff(text: str) -> Text:
    drawn = Text()
    for place, line in enumerate(visible(text).splitlines()):
        drawn.append(("\n" if place else "") + line, style=DIFF.get(line[:1], ""))
    return drawn
