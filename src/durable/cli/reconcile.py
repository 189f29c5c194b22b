from __future__ import annotations

import time
from collections import Counter

from durable import home
from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table
from durable.cli.living import Living
from durable.cli.options import argument
from durable.cli.reading import contents, find_run, has_ledger, heard, no_ledger, notices
from durable.cli.result import Result
from durable.cli.words import call, standing
from durable.ledger.reading import Reader
from durable.native import loads
from durable.recovery.up_to_date import bring_up_to_date, count_up
from durable.view import needs_a_person, short_id, short_step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.blocks import Block
    from durable.view import Row

OPTIONS = (argument("RUN", "Only this run: its id or the beginning of it.", required=False),)
CLOSINGS = ("step.succeeded", "step.failed", "step.refused", "step.not_done", "step.in_doubt")


def run(run: str = "") -> Result:
    """Close what no hook closed, from waiting receipts and the client's own record."""
    state = home.data_home()
    if not has_ledger(state):
        return Result("reconcile", _data([], [], []), view=[*notices(), Paragraph(no_ledger(state))])
    with Reader(state) as reader:
        run_id = find_run(reader, run) if run else ""
        before = (reader.one("last_event") or {"seq": 0})["seq"]
        sessions = {row["session_id"] for row in reader.all("unsettled_sessions", run_id=run_id)}
    bring_up_to_date(state, sorted(sessions))
    count_up(state, run_id)
    with Reader(state) as reader:
        return _result(reader, before, run_id)


# ---- what came of it --------------------------------------------------------------------------


def _result(reader: Reader, before: int, run_id: str) -> Result:
    events = list(_events(reader, before))
    closed = [_closing(reader, event) for event in events if event["type"] in CLOSINGS]
    folded = [_folded(event) for event in events if event["type"].startswith("spool.")]
    open_steps = [row for row in reader.all("open_steps") if run_id in ("", row["run_id"])]
    doubts = [row for row in open_steps if needs_a_person(row)]
    view = [*notices(), *_closed(closed), *_spool(folded), *_left(reader, open_steps)]
    return Result("reconcile", _data(closed, folded, open_steps), exit_code=1 if doubts else 0, view=view)


def _data(closed: list[Row], folded: list[Row], open_steps: list[Row]) -> Row:
    names = ("step_id", "run_id", "tool_name", "effect", "status", "doubt")
    left = [{name: row[name] for name in names} for row in open_steps]
    return {"closed": closed, "spool": folded, "open": left}


def _events(reader: Reader, before: int) -> Iterator[Row]:
    while events := reader.all("events_after", seq=before, most=500):
        yield from events
        before = events[-1]["seq"]


def _closing(reader: Reader, event: Row) -> Row:
    body = loads(event["body"])
    step = reader.one("step", step_id=event["subject"]) or {}
    status = event["type"].removeprefix("step.")
    content = contents(reader)
    said = content(body["error"]) if status == "refused" and body.get("error") else body.get("doubt")
    return {
        "step_id": event["subject"],
        "run_id": event["run_id"],
        "tool_name": step["tool_name"],
        "call": call(step["tool_name"], content(step["input"]), step["cwd"]),
        "status": status,
        "closed_by": body.get("closed_by"),
        "evidence": said if isinstance(said, str) else None,
        "at": event["at"],
    }


def _folded(event: Row) -> Row:
    return {"name": event["subject"], "fate": event["type"].removeprefix("spool."), "why": loads(event["body"])["why"]}


def _closed(closed: list[Row]) -> list[Block]:
    if not closed:
        return [Note("ok", "nothing new: no evidence was found for any open step")]
    rows = [[short_step(one["step_id"]), one["call"][:60], one["status"], _evidence(one)] for one in closed]
    return [Table(["step", "call", "status", "by"], rows)]


def _evidence(one: Row) -> str:
    return ": ".join(part for part in (one["closed_by"], one["evidence"]) if part)


def _spool(folded: list[Row]) -> list[Block]:
    bad = [one for one in folded if one["fate"] == "set_aside"]
    taken = Counter(one["why"] for one in folded if one["fate"] == "folded")
    view: list[Block] = [Note("ok", f"taken in: {count} × {why}") for why, count in taken.items()]
    return view + [Note("warning", f"{one['name']} can't be folded in and is set aside: {one['why']}") for one in bad]


def _left(reader: Reader, rows: list[Row]) -> list[Block]:
    if not rows:
        return []
    living, now_ns = Living(reader), time.time_ns()
    pairs = []
    for row in rows:
        life = living.of(row)
        name = f"{short_id(row['run_id'])} {short_step(row['step_id'])}"
        pairs.append((name, standing(row, life, heard(reader, row["run_id"]), now_ns) if life else row["status"]))
    return [Heading("Still open"), Facts(pairs)]
