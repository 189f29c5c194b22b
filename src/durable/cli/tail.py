from __future__ import annotations

import select
import sys

from durable import home
from durable.cli.blocks import Paragraph
from durable.cli.options import flag, value
from durable.cli.reading import contents, enforcement, find_run, has_ledger, no_ledger, notices
from durable.cli.result import Result
from durable.cli.screen import columns
from durable.cli.when import clock, local_day
from durable.cli.words import call, fit
from durable.clock import now
from durable.ledger.reading import Reader
from durable.native import loads
from durable.view import short_id, short_step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.result import Outcome
    from durable.view import Row

OPTIONS = (
    value("--run", "RUN", "Only this run: its id or the beginning of it."),
    value("--lines", "N", "Begin with the last N events (10).", kind=int),
    flag("--once", "Print those and leave."),
)
POLL_MS = 200
AT_ONCE, ALL = 500, 2**31
# What a line says of an event, beside its name.
TELLING = ("closed_by", "doubt", "flag", "task_id", "reason", "source", "project", "verb", "approval", "by", "text")


def run(run: str = "", lines: int = 10, once: bool = False) -> Outcome:
    """Follow the ledger: every event as it is written, until Ctrl-C."""
    return _follow(run, max(lines, 0), once)


def _follow(run: str, lines: int, once: bool) -> Iterator[Result]:
    state = home.data_home()
    yield from _notice()
    young = not has_ledger(state)
    if young:
        yield Result("tail", None, view=[Paragraph(no_ledger(state) + ("" if once else "; waiting for it"))])
    if young and (once or not _comes(state)):
        return
    with Reader(state) as reader:
        run_id = find_run(reader, run) if run else ""
        yield from _events(reader, run_id, ALL if young else lines, once)


def _notice() -> Iterator[Result]:
    lifted = enforcement()
    if lifted is not None:
        yield Result("tail", {"enforcement_off": lifted}, view=notices())


def _comes(state: str) -> bool:
    while not has_ledger(state):
        if _reader_left():
            return False
    return True


def _events(reader: Reader, run_id: str, lines: int, once: bool) -> Iterator[Result]:
    told = _Telling(reader)
    last = (reader.one("last_event") or {"seq": 0})["seq"]
    for event in _latest(reader, run_id, lines):
        yield told.result(event)
    while not once:
        # A view that is kept while we wait would keep the log from starting over.
        reader.refresh()
        if _reader_left():
            return
        for event in reader.all("events_after", seq=last, most=AT_ONCE):
            last = event["seq"]
            if run_id in ("", event["run_id"]):
                yield told.result(event)


def _latest(reader: Reader, run_id: str, lines: int) -> list[Row]:
    if run_id:
        return reader.all("latest_events_of_run", run_id=run_id, most=lines)
    return reader.all("latest_events", most=lines)


def _reader_left() -> bool:
    """Waits a moment. Without a look at the pipe, `durable tail | head` would live on until the next event."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(happened & (select.POLLERR | select.POLLHUP) for _, happened in poll.poll(POLL_MS))


class _Telling:
    """Gives events their words; a step's call is looked up once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._content = contents(reader)
        self._calls: dict[str, Row | None] = {}

    def result(self, event: Row) -> Result:
        body = loads(event["body"])
        step = self._call(event["subject"]) if event["type"].startswith(("step.", "person.")) else None
        data = {name: event[name] for name in ("seq", "at", "type", "run_id", "subject")}
        return Result("tail", data | {"body": body, "step": step}, view=[Paragraph(_line(event, body, step))])

    def _call(self, step_id: str) -> Row | None:
        if step_id not in self._calls:
            row = self._reader.one("step", step_id=step_id)
            self._calls[step_id] = row and {
                "step_id": step_id,
                "tool_name": row["tool_name"],
                "call": call(row["tool_name"], self._content(row["input"]), row["cwd"]),
            }
        return self._calls[step_id]


def _line(event: Row, body: Row, step: Row | None) -> str:
    said = ", ".join(str(body[name]) for name in TELLING if body.get(name))
    about = f"{short_step(step['step_id'])}  {step['call']}" if step else ""
    when, kind = clock(event["at"], local_day(now())), event["type"].removeprefix("step.")
    start = f"{when}  {short_id(event['run_id']):<8}  {kind:<13}"
    return fit("  ".join(part for part in (start, about, f"({said})" if said else "") if part), columns())
