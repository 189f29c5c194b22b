from __future__ import annotations

import time
from collections import Counter
from fnmatch import fnmatchcase

from durable.cli.blocks import Facts, Heading, Paragraph, Table
from durable.cli.living import Living
from durable.cli.options import Option, argument, flag, value
from durable.cli.reading import contents_of, has_ledger, no_ledger, notices, observed, unshown
from durable.cli.record import is_path, opened
from durable.cli.result import Result
from durable.cli.runs import described
from durable.cli.screen import cut, notes_below, room, without
from durable.cli.when import clock, local_day, moment, since_stamp
from durable.cli.words import call, deferral, notes, standing, took
from durable.clock import nanoseconds
from durable.errors import UsageError
from durable.home import data_home
from durable.ledger.reading import Reader
from durable.step import IN_DOUBT, MOVES
from durable.view import is_damaged, is_deferred, short_step, step_json, was_let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.cli.blocks import Block
    from durable.view import Life, Row

OPTIONS = (
    argument("RUN", "The run, or one of its sessions: the id or its beginning, or a bundle file; else the latest.",
             required=False),
    value("--tool", "NAME", "Only calls of this tool; * and ? stand for anything (mcp__*)."),
    Option("--status", "Only steps with this status.", metavar="STATUS", choices=tuple(MOVES)),
    value("--since", "TIME", "Only steps since: 30m, 2h, 7d, or a date like 2026-01-31."),
    value("--at", "MOMENT", "As it was then: the number of an event, or a time like 2026-01-31T12:00."),
    flag("--full", "Show large inputs and outputs whole in JSON."),
)  # fmt: skip
COLUMNS = ["time", "step", "call", "status", "took", "note"]
CALL, NOTE = 2, 5
LEAST, ENOUGH, WIDEST = 20, 48, 120


def run(
    run: str | None = None, tool: str = "*", status: str = "", since: str = "", at: str = "", full: bool = False
) -> Result:
    """Show what a run did, step by step."""
    earliest = since_stamp(since)
    if run == "":
        raise UsageError("an empty text names no run", "leave it out for the latest run, or see durable runs")

    def matches(row: Row) -> bool:
        late_enough = (row["prepared_at"] or row["returned_at"] or "") >= earliest
        return late_enough and fnmatchcase(row["tool_name"], tool) and status in ("", row["status"])

    if _nowhere(run or ""):
        return Result("show", {"run": None, "steps": []}, view=[*notices(), Paragraph(no_ledger(data_home()))])
    with opened(run or "") as (reader, run_id):
        result = _then(reader, run_id, at, matches, full) if at else _now(reader, run_id, matches, full)
    result.precede(notices())
    return result


def _nowhere(word: str) -> bool:
    """Before there is a ledger there may be bundles already."""
    state = data_home()
    if has_ledger(state) or is_path(word):
        return False
    from durable.evidence.imported import matching

    return not (word and matching(state, word))


def _now(reader: Reader, run_id: str, matches: Callable[[Row], bool], full: bool) -> Result:
    about = described(reader, run_id)
    rows = [row for row in reader.all("steps_of_run", run_id=run_id) if matches(row)]
    # What lives on this machine now says nothing about a record from elsewhere.
    living = Living(reader) if type(reader) is Reader else None
    lives = [living.of(row) if living else None for row in rows]
    now_ns = time.time_ns() if living else nanoseconds(about["last_at"])
    steps = _as_json(reader, rows, lives, full)
    left = _unsettled(about, rows, lives, now_ns) if living else _left(rows, now_ns)
    return _result({"run": about, "steps": steps}, rows, lives, now_ns, left)


def _then(reader: Reader, run_id: str, word: str, matches: Callable[[Row], bool], full: bool) -> Result:
    from durable.cli.past import as_it_was, moment_of

    moment = moment_of(reader, run_id, word)
    now_ns = nanoseconds(moment.at)
    with as_it_was(reader, run_id, moment) as past:
        about = described(past, run_id)
        rows = [row for row in past.all("steps_of_run", run_id=run_id) if matches(row)]
        steps = _as_json(past, rows, [None] * len(rows), full)
    data = {"run": about, "steps": steps, "as_of": moment.json()}
    result = _result(data, rows, [None] * len(rows), now_ns, _left(rows, now_ns))
    result.precede([Paragraph(moment.words())])
    return result


def _as_json(reader: Reader, rows: list[Row], lives: list[Life | None], full: bool) -> list[Row]:
    content = contents_of(reader, rows, full)
    return [step_json(row, content, life) for row, life in zip(rows, lives, strict=True)]


def _result(data: Row, rows: list[Row], lives: list[Life | None], now_ns: int, left: list[Block]) -> Result:
    about, steps = data["run"], data["steps"]

    def view() -> list[Block]:
        return [*_header(about, rows), *unshown(steps), *_table(about, steps, lives, now_ns), *left]

    return Result("show", data, int(any(map(is_damaged, steps))), view)


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


def _table(about: Row, steps: list[Row], lives: list[Life | None], now_ns: int) -> list[Block]:
    if not steps:
        return [Paragraph("no step matches" if about["steps"] else "no step yet")]
    day = local_day(about["started_at"])
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


def _unsettled(about: Row, rows: list[Row], lives: list[Life | None], now_ns: int) -> list[Block]:
    pairs = [
        (short_step(row["step_id"]), standing(row, life, about["last_at"], now_ns))
        for row, life in zip(rows, lives, strict=True)
        if life is not None
    ]
    return [Heading("Not settled"), Facts(pairs)] if pairs else []


def _left(rows: list[Row], now_ns: int) -> list[Block]:
    """As far as the record says it; whether anything still lived stands nowhere."""
    said = [(short_step(row["step_id"]), deferral(row, now_ns) if is_deferred(row) else row["doubt"])
            for row in rows if is_deferred(row) or row["status"] == IN_DOUBT]  # fmt: skip
    return [Heading("Not settled"), Facts(said)] if said else []
