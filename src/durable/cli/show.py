from __future__ import annotations

import time
from collections import Counter
from fnmatch import fnmatchcase

from durable.cli.living import Living
from durable.cli.options import Option, argument, flag, value
from durable.cli.reading import contents, find_run, observed, read, unshown
from durable.cli.result import Facts, Heading, Paragraph, Result, Table
from durable.cli.runs import described
from durable.cli.screen import cut, notes_below, room, without
from durable.cli.when import clock, local_day, moment, since_stamp
from durable.cli.words import call, notes, standing, took
from durable.errors import UsageError
from durable.step import MOVES
from durable.view import is_damaged, short_step, step_json, was_let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.result import Block
    from durable.ledger.reading import Reader
    from durable.view import Life, Row

OPTIONS = (
    argument("RUN", "The run, or one of its sessions: the id or its beginning; else the latest.", required=False),
    value("--tool", "NAME", "Only calls of this tool; * and ? stand for anything (mcp__*)."),
    Option("--status", "Only steps with this status.", metavar="STATUS", choices=tuple(MOVES)),
    value("--since", "TIME", "Only steps since: 30m, 2h, 7d, or a date like 2026-01-31."),
    flag("--full", "Show large inputs and outputs whole in JSON."),
)
COLUMNS = ["time", "step", "call", "status", "took", "note"]
CALL, NOTE = 2, 5
LEAST, ENOUGH, WIDEST = 20, 48, 120


def run(run: str | None = None, tool: str = "*", status: str = "", since: str = "", full: bool = False) -> Result:
    """Show what a run did, step by step."""
    earliest = since_stamp(since)
    if run == "":
        raise UsageError("an empty text names no run", "leave it out for the latest run, or see durable runs")

    def matches(row: Row) -> bool:
        late_enough = (row["prepared_at"] or row["returned_at"] or "") >= earliest
        return late_enough and fnmatchcase(row["tool_name"], tool) and status in ("", row["status"])

    def work(reader: Reader) -> Result:
        run_id = find_run(reader, run or "")
        about = described(reader, run_id)
        rows = [row for row in reader.all("steps_of_run", run_id=run_id) if matches(row)]
        return _result(reader, about, rows, full)

    return read("show", {"run": None, "steps": []}, work)


def _result(reader: Reader, about: Row, rows: list[Row], full: bool) -> Result:
    living, content = Living(reader), contents(reader, full)
    lives = [living.of(row) for row in rows]
    steps = [step_json(row, content, life) for row, life in zip(rows, lives, strict=True)]
    view = [*_header(about, rows), *unshown(steps), *_table(about, steps, lives), *_unsettled(about, rows, lives)]
    return Result("show", {"run": about, "steps": steps}, int(any(map(is_damaged, steps))), view)


# ---- for people -------------------------------------------------------------------------------


def _header(about: Row, rows: list[Row]) -> list[Block]:
    facts = [("run", about["run_id"]), ("project", about["project"]), ("status", about["status"])]
    facts += [("started", moment(about["started_at"])), ("ended", moment(about["ended_at"]))]
    facts += [("sessions", ", ".join(about["session_ids"]))]
    facts += [("steps", _counted(about, rows))]
    known = [(name, text) for name, text in facts if text]
    return [Facts(known), *observed(about["observed"], about["steps"], sum(map(was_let_through, rows)))]


def _counted(about: Row, rows: list[Row]) -> str:
    counts = Counter(row["status"] for row in rows)
    parts = ", ".join(f"{counts[status]} {status}" for status in MOVES if counts[status])
    shown = f"{len(rows)} of {about['steps']}" if len(rows) < about["steps"] else str(about["steps"])
    return f"{shown} ({parts})" if parts else shown


def _table(about: Row, steps: list[Row], lives: list[Life | None]) -> list[Block]:
    if not steps:
        return [Paragraph("no step matches" if about["steps"] else "no step yet")]
    day, now_ns = local_day(about["started_at"]), time.time_ns()
    lines = [_line(step, life, about, day, now_ns) for step, life in zip(steps, lives, strict=True)]
    columns, lines = _fitted(lines)
    return [Table(columns, lines)]


def _fitted(lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Where the calls would be left too little, what was odd about one gets a line of its own."""
    beside = room(lines, COLUMNS, [CALL])
    odd = any(line[NOTE] for line in lines)
    if odd and beside >= min(ENOUGH, max(len(line[CALL]) for line in lines)):
        cut(lines, CALL, min(beside, WIDEST))
        return COLUMNS, lines
    columns, bare = without(NOTE, COLUMNS, lines)
    width = min(max(room(bare, columns, [CALL]), LEAST), WIDEST)
    cut(lines, CALL, width)
    return columns, notes_below(NOTE, CALL, width, lines)


def _line(step: Row, life: Life | None, about: Row, day: str, now_ns: int) -> list[str]:
    when = clock(step["prepared_at"] or step["returned_at"], day)
    what = call(step["tool_name"], step["input"], step["cwd"] or about["project"])
    if step["agent_id"]:
        what = f"└ {what}"
    return [when, short_step(step["step_id"]), what, step["status"], took(step, now_ns), ", ".join(notes(step, life))]


def _unsettled(about: Row, rows: list[Row], lives: list[Life | None]) -> list[Block]:
    now_ns = time.time_ns()
    pairs = [
        (short_step(row["step_id"]), standing(row, life, about["last_at"], now_ns))
        for row, life in zip(rows, lives, strict=True)
        if life is not None
    ]
    return [Heading("Not settled"), Facts(pairs)] if pairs else []
