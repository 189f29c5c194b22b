"""Recorded words inside of ours: what a command, a result or a note says must not pass for what durable says."""

from __future__ import annotations

_LONGEST_FENCE = 3


def plain(text: str, length: int) -> str:
    """On one line, without what steers a terminal or turns the direction of writing."""
    text = text.lstrip()[: 4 * length]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def quoted(text: str, length: int) -> str:
    """Between backticks, more of them than the text holds in a row."""
    line = plain(text, length)
    within = longest_run(line)
    if within > _LONGEST_FENCE:
        line, within = line.replace("`", "'"), 0
    fence = "`" * (within + 1)
    return f"{fence} {line} {fence}" if within else f"{fence}{line}{fence}"


def longest_run(line: str) -> int:
    longest = run = 0
    for char in line:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest


def quoted_title(title: str, length: int) -> str:
    """The tool, and what it was called with in a quote of its own, cut to the length."""
    tool, _, rest = title.strip().partition(" ")
    tool = plain(tool.replace("`", "'"), max(length // 2, 1))
    return f"{tool} {quoted(_unquoted(rest), max(length - len(tool) - 9, 1))}" if rest else tool


def _unquoted(text: str) -> str:
    fence = text[: len(text) - len(text.lstrip("`"))]
    return text[len(fence) : -len(fence)] if fence and text.endswith(fence) and len(text) > 2 * len(fence) else text
