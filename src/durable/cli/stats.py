from __future__ import annotations

from fnmatch import fnmatchcase

from durable.cli.options import value
from durable.cli.reading import enforcement, find_run, observed, read
from durable.cli.result import Facts, Heading, Paragraph, Result, Table
from durable.cli.when import since_stamp
from durable.cli.words import tool as short_tool
from durable.step import FAILED, IN_DOUBT, REFUSED, REPLAYED, RUNNING, SUCCEEDED
from durable.view import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from durable.cli.result import Block
    from durable.ledger.reading import Reader
    from durable.view import Row

OPTIONS = (
    value("--run", "RUN", "Only this run: its id or the beginning of it."),
    value("--tool", "NAME", "Only calls of this tool; * and ? stand for anything (mcp__*)."),
    value("--since", "TIME", "Only calls since: 30m, 2h, 7d, or a date like 2026-01-31."),
)
# Permitted, and not proven since never to have begun.
EXECUTED = (RUNNING, SUCCEEDED, FAILED, IN_DOUBT)
HELD_BACK = (REFUSED, REPLAYED)
COLUMNS = ("tool", "calls", "ran", "again", "held back", "refused", "failed", "in doubt", "median", "p95")
COUNTERS = ("attempts", "executed", "duplicates", "held_back", "refused", "failed", "in_doubt")
BAR = 30


def run(run: str = "", tool: str = "*", since: str = "") -> Result:
    """Count calls by tool: executed, repeated, refused, failed, in doubt; and what our hooks cost."""
    earliest = since_stamp(since)

    def work(reader: Reader) -> Result:
        rows = reader.all("steps_to_count", run_id=find_run(reader, run) if run else "")
        rows = [row for row in rows if (row["at"] or "") >= earliest and fnmatchcase(row["tool_name"], tool)]
        data = counted(rows)
        return Result("stats", data, view=_view(data))

    return read("stats", counted([]), work)


def counted(rows: Sequence[Row]) -> Row:
    by_tool: dict[str, list[Row]] = {}
    for row in rows:
        by_tool.setdefault(row["tool_name"], []).append(row)
    tools = [{"tool_name": name, **_counters(found)} for name, found in by_tool.items()]
    tools.sort(key=lambda one: (-one["attempts"], one["tool_name"]))
    total = _counters(rows)
    rate = total["duplicates"] / total["attempts"] if rows else None
    return {"total": total, "tools": tools, "duplicate_rate": rate, "enforcement_off": enforcement()}


def _counters(rows: Sequence[Row]) -> Row:
    repeated = [row for row in rows if row["duplicate_of"]]
    return {
        "attempts": len(rows),
        "executed": _among(rows, EXECUTED),
        "duplicates": len(repeated),
        "held_back": _among(repeated, HELD_BACK),
        "refused": _among(rows, (REFUSED,)),
        "failed": _among(rows, (FAILED,)),
        "in_doubt": _among(rows, (IN_DOUBT,)),
        "observed": sum(row["mode"] == "observe" for row in rows),
        "hook_us": percentiles(row["hook_us"] for row in rows),
        "duration_ms": percentiles(row["duration_ms"] for row in rows),
    }


def _among(rows: Iterable[Row], statuses: Sequence[str]) -> int:
    return sum(row["status"] in statuses for row in rows)


def percentiles(values: Iterable[int | None]) -> Row:
    """By nearest rank: each is a value that occurred."""
    ordered = sorted(value for value in values if value is not None)
    return {f"p{percent}": ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None for percent in (50, 95)}


# ---- for people -------------------------------------------------------------------------------


def _view(data: Row) -> list[Block]:
    total = data["total"]
    if not total["attempts"]:
        return [Paragraph("no call here matches")]
    lines = [_line(short_tool(one["tool_name"]), one) for one in data["tools"]]
    lines += [_line("all", total)] if len(lines) > 1 else []
    return [
        Table(*_without_empty(lines)),
        Heading("Repeated calls"),
        Paragraph(_bar(data["duplicate_rate"])),
        Heading("Our hook before a call"),
        Facts([("half within", _ms(total["hook_us"]["p50"])), ("95 of 100 within", _ms(total["hook_us"]["p95"]))]),
        *observed(total["observed"], total["attempts"]),
    ]


def _line(name: str, one: Row) -> list[str]:
    took = ["" if value is None else duration(value) for value in one["duration_ms"].values()]
    return [name, *(str(one[counter] or "") for counter in COUNTERS), *took]


def _without_empty(lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Without the counters that counted nothing: ten columns are too many for most screens."""
    kept = [place for place in range(len(COLUMNS)) if any(line[place] for line in lines)]
    return [COLUMNS[place] for place in kept], [[line[place] for place in kept] for line in lines]


def _bar(rate: float) -> str:
    full = round(rate * BAR)
    return f"{'█' * full}{'░' * (BAR - full)} {rate:.0%} of calls had an equal one before them"


def _ms(microseconds: int | None) -> str:
    return "not measured" if microseconds is None else f"{microseconds / 1000:.1f} ms"
