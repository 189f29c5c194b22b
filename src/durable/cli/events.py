from __future__ import annotations

from functools import partial

from durable import home
from durable.cli.blocks import Paragraph
from durable.cli.options import argument, flag, value
from durable.cli.reading import contents_of, find_run, has_ledger, no_ledger, notices
from durable.cli.result import Result
from durable.cli.screen import columns
from durable.cli.span import EVER
from durable.cli.tail import TELLING
from durable.cli.when import clock, since_stamp
from durable.cli.words import call, fit, one_line
from durable.errors import InputError, UsageError
from durable.ledger.reading import Reader
from durable.native import dumps, loads
from durable.view import counted, short_id, short_step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from durable.cli.blocks import Block
    from durable.cli.result import Outcome
    from durable.view import Row

OPTIONS = (
    argument("RUN", "Only of this run, or of one of its sessions: the id or its beginning.", required=False),
    value("--type", "TYPE", "Only events of this type; * and ? stand for anything ('step.*').", name="kind"),
    value("--since", "TIME", "Only since: 30m, 2h, 7d, or a date like 2026-01-31 (its local midnight)."),
    value("--until", "TIME", "Only before this time."),
    value("--subject", "ID", "Only of this step, session, run or owner: the id or its beginning."),
    value("--session", "ID", "Only of this session and of its steps: the id or its beginning."),
    value("--tool", "NAME", "Only of calls of this tool; * and ? stand for anything (mcp__*)."),
    value("--limit", "N", "Only the latest N.", kind=int),
    flag("--count", "Say how many there are."),
)
# So many are told at once, however many there are: memory stays as it is.
AT_ONCE = 500
EVERY = {"type": "*", "earliest": "", "latest": EVER, "subject": "", "tool": ""}


def run(
    run: str = "",
    kind: str = "*",
    since: str = "",
    until: str = "",
    subject: str = "",
    session: str = "",
    tool: str = "",
    limit: int = 0,
    count: bool = False,
) -> Outcome:
    """List what was recorded, event by event, the newest last."""
    if limit < 0:
        raise UsageError(f"--limit can't be {limit}", "give a number from 1 on")
    chosen = {
        "type": kind,
        "earliest": since_stamp(since),
        "latest": since_stamp(until) or EVER,
        "subject": subject,
        "tool": tool,
    }
    return _told(chosen, run, session, limit, count)


def _told(chosen: Row, run: str, session: str, limit: int, count: bool) -> Iterator[Result]:
    state = home.data_home()
    if not has_ledger(state):
        yield Result("events", {"count": 0} if count else [], view=[*notices(), Paragraph(no_ledger(state))])
        return
    with Reader(state) as reader:
        asked, where = _within(reader, chosen, run, session)
        if count:
            # Without a choice an index knows the number, and no event is read.
            query = "extent_of_events" if asked == EVERY else f"events_counted{where}"
            events = (reader.one(query, **asked) or {"events": 0})["events"]
            found = min(events, limit) if limit else events
            yield Result("events", {"count": found}, view=[*notices(), Paragraph(str(found))])
            return
        yield from _listed(reader, asked, where, limit)


def _within(reader: Reader, chosen: Row, run: str, session: str) -> tuple[Row, str]:
    """A run has an index of its own events, and a session is in one run."""
    if session:
        if run:
            raise UsageError("a session is in one run", "leave the run out")
        return {**chosen, **_session(reader, session)}, "_of_run"
    return ({**chosen, "run_id": find_run(reader, run), "session_id": ""}, "_of_run") if run else (chosen, "")


def _session(reader: Reader, prefix: str) -> Row:
    rows = reader.all("sessions_by_prefix", prefix=prefix)
    found = [row for row in rows if row["session_id"] == prefix] or rows
    if len(found) != 1:
        listed = ", ".join(row["session_id"] for row in found) or "none"
        raise UsageError(f"{prefix!r} begins not one session but {listed}", "durable show names those of a run")
    return found[0]


def _listed(reader: Reader, asked: Row, where: str, limit: int) -> Iterator[Result]:
    first = reader.one(f"first_of_latest_events{where}", most=limit, **asked) if limit else None
    before, nothing = notices(), True
    for rows in _in_parts(reader.each(f"events_found{where}", first=first["seq"] if first else 0, **asked)):
        yield Result("events", rows, view=partial(_view, before, rows, reader))
        before, nothing = [], False
    if nothing:
        yield Result("events", [], view=[*before, Paragraph("no event here matches")])


def _in_parts(events: Iterable[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    for row in events:
        part.append({**row, "body": _body(row)})
        if len(part) == AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _body(row: Row) -> Row:
    """Whoever changed it may have left anything; `durable verify` says so."""
    try:
        body = loads(row["body"])
    except InputError:
        return {}
    return body if isinstance(body, dict) else {}


# ---- for people -------------------------------------------------------------------------------


def _view(before: list[Block], rows: list[Row], reader: Reader) -> list[Block]:
    calls, width = _calls(rows, reader), columns()
    return [*before, *(Paragraph(fit(_line(row, calls.get(row["subject"], "")), width)) for row in rows)]


def _calls(rows: list[Row], reader: Reader) -> dict[str, str]:
    """All looked up together: a third of the time that it takes one by one."""
    steps = reader.all("calls_of_steps", step_ids=dumps(sorted({row["subject"] for row in rows if _of_step(row)})))
    content = contents_of(reader, steps)
    return {step["step_id"]: call(step["tool_name"], content(step["input"]), step["cwd"]) for step in steps}


def _line(row: Row, what: str) -> str:
    about = f"{_subject(row)}  {what}".rstrip()
    text = says(row["type"], row["body"])
    start = f"{clock(row['at'])}  {short_id(row['run_id']):<8}  {row['type']:<17}"
    return "  ".join(part for part in (start, about, f"({text})" if text else "") if part)


def _subject(row: Row) -> str:
    if row["subject"] == row["run_id"]:
        return ""
    return short_step(row["subject"]) if _of_step(row) else short_id(row["subject"].rpartition("/")[2])


def _of_step(row: Row) -> bool:
    return bool(row["type"].startswith("step."))


def says(kind: str, body: Row) -> str:
    """What of an event is worth a few words."""
    if kind == "usage.counted":
        messages = [one for one in body.get("messages", ()) if isinstance(one, dict)]
        tokens = sum(one.get("input", 0) + one.get("output", 0) for one in messages)
        return f"{counted(len(messages), 'message')}, {counted(tokens, 'token')}"
    if kind == "cost.stated":
        from durable.cli.cost import dollars

        return dollars(body.get("micro_usd", 0))
    return one_line(", ".join(str(body[name]) for name in TELLING if body.get(name)))
