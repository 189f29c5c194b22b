"""What a run's steps come to: counts by status, effect and tool, and how long they took. Pure."""

from __future__ import annotations

from collections import Counter

from durable.cli.words import tool
from durable.step import IN_DOUBT, MOVES, ONCE, READ, REPEATABLE
from durable.view import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.view import Row


def totals_of(steps: list[Row]) -> dict[str, Any]:
    return {
        "status": _in_order(Counter(step["status"] for step in steps), tuple(MOVES)),
        "effect": _in_order(Counter(step["effect"] for step in steps), (READ, REPEATABLE, ONCE)),
        "tools": [_tool(name, [step for step in steps if step["tool_name"] == name]) for name in _tools(steps)],
    }


def _in_order(counts: Counter[str], order: tuple[str, ...]) -> list[tuple[str, int]]:
    return [(name, counts[name]) for name in order if counts[name]]


def _tools(steps: list[Row]) -> list[str]:
    return [name for name, _ in Counter(step["tool_name"] for step in steps).most_common()]


def _tool(name: str, steps: list[Row]) -> dict[str, Any]:
    counts = Counter(step["status"] for step in steps)
    times = sorted(step["duration_ms"] for step in steps if step["duration_ms"] is not None)
    return {
        "tool": tool(name),
        "steps": len(steps),
        "failed": counts["failed"],
        "refused": counts["refused"],
        "in_doubt": counts[IN_DOUBT],
        "p50": _at(times, 50),
        "p95": _at(times, 95),
    }


def _at(times: list[int], percent: int) -> str:
    """The time that so many of a hundred calls did not exceed."""
    return duration(times[-(-len(times) * percent // 100) - 1]) if times else ""
