"""What a person sees, in neutral blocks that rich or plain text can draw."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    Block: TypeAlias = "Heading | Facts | Table | Paragraph | Verbatim | Note"


class Heading:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Facts:
    """Names and values, one a line."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Iterable[tuple[str, object]]) -> None:
        self.pairs = [(name, shown(value)) for name, value in pairs]


class Table:
    __slots__ = ("columns", "rows")

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self.columns = list(columns)
        self.rows = [[shown(cell) for cell in row] for row in rows]


class Paragraph:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Verbatim:
    """Lines whose breaks and spaces mean something: a diff, a file, an output."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Note:
    """A judgement. `level` is ok, note, warning or problem."""

    __slots__ = ("level", "text")

    def __init__(self, level: str, text: str) -> None:
        self.level = level
        self.text = text


def shown(value: object) -> str:
    return "" if value is None else "yes" if value is True else "no" if value is False else str(value)


def visible(text: str) -> str:
    """Without the control characters by which a recorded output could steer the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
