"""Two texts below each other, cut to where they differ, and a line that marks it."""

from __future__ import annotations

from durable.cli.blocks import visible
from durable.cli.screen import columns
from durable.cli.words import ELLIPSIS, fit
from durable.evidence.comparing.alignment import alike
from durable.native import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LEAST = 20


def marked(name: str, was: Any, is_: Any) -> list[str]:
    """Both, cut to where they differ, and a line below that says where that is."""
    head = fit(f"       {visible(name)}: ", columns() // 2)
    one, other, start, length = _window(_flat(was), _flat(is_), max(columns() - len(head) - 1, LEAST))
    return [f"-{head}{one}", f"+{head}{other}", " " * (len(head) + 1 + start) + "^" * length]


def _window(was: str, is_: str, width: int) -> tuple[str, str, int, int]:
    start = alike(was, is_)
    tail = alike(was[start:][::-1], is_[start:][::-1])
    length = max(len(was), len(is_)) - tail - start
    if start > width // 2 and max(len(was), len(is_)) > width:
        cut = start - width // 3
        was, is_, start = ELLIPSIS + was[cut + 1 :], ELLIPSIS + is_[cut + 1 :], start - cut
    return fit(was, width), fit(is_, width), start, max(min(length, width - start), 1)


def _flat(item: Any) -> str:
    text = "" if item is None else item if isinstance(item, str) else dumps(item)
    return visible(text.replace("\n", "↵").replace("\t", " "))
