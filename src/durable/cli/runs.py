from __future__ import annotations

import os
import time

from durable.cli.blocks import Paragraph, Table
from durable.cli.living import Living
from durable.cli.options import Option, flag, value
from durable.cli.reading import observed, read
from durable.cli.result import Result
from durable.cli.screen import end_of, from_home, notes_below, room, without
from durable.cli.when import clock, since_stamp
from durable.cli.when import since as seconds_since
from durable.cli.words import fit
from durable.errors import UsageError
from durable.evidence.usage import summed
from durable.native import loads
from durable.owner import ALIVE, DEAD
from durable.view import age, run_json, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.ledger.reading import Reader
    from durable.view import Row

STATUSES = ("open", "waiting", "completed", "failed", "cancelled")
OPTIONS = (
    Option("--status", "Only runs with this status.", metavar="STATUS", choices=STATUSES),
    value("--project", "DIR", "Only runs of this project: its path, or a part of it; . is this directory."),
    value("--since", "TIME", "Only runs started since: 30m, 2h, 7d, or a date like 2026-01-31."),
    value("--limit", "N", "At most so many (20).", kind=int),
    value("--model", "NAME", "Only runs in which this model answered; * and ? stand for anything."),
    value("--agent", "TYPE", "Only runs with a sub-agent of this type; * and ? stand for anything."),
    value("--entrypoint", "NAME", "Only runs with a session begun like this: cli, sdk-cli …"),
    flag("--count", "Say how many there are."),
    flag("--imported", "List the runs of other ledgers that were imported."),
)
COLUMNS = ["run", "project", "started", "last event", "status", "steps", "open", "note"]
PROJECT, NOTE = 1, 7
LEAST, ENOUGH = 8, 24


def run(
    status: str = "",
    project: str = "",
    since: str = "",
    limit: int = 20,
    model: str = "",
    agent: str = "",
    entrypoint: str = "",
    count: bool = False,
    imported: bool = False,
) -> Result:
    """List the runs, newest first."""
    if limit < 1:
        raise UsageError(f"--limit can't be {limit}", "give a number from 1 on")
    asked = {"model": model, "agent": agent, "entrypoint": entrypoint}
    if imported and (count or any(asked.values())):
        raise UsageError("imported runs are chosen by --status, --project and --since alone", "leave out the rest")
    wanted = _wanted_project(project)
    earliest = since_stamp(since)
    chosen = bool(status or project or since or any(asked.values()))
    if imported:
        from durable.cli.runs_imported import listed

        return listed(lambda one: _fits(one, wanted, status) and one["started_at"] >= earliest, limit)

    def work(reader: Reader) -> Result:
        most = 1 if count else limit
        rows = reader.all("runs_matching", earliest=earliest, project=wanted, status=status, most=most, **asked)
        found = rows[0]["found"] if rows else 0
        if count:
            return Result("runs", {"count": found}, view=[Paragraph(str(found))])
        shown = [described(reader, row["run_id"]) for row in rows]
        view = _view(reader, shown, found) if rows else [_nothing(chosen)]
        return Result("runs", shown, view=view)

    return read("runs", {"count": 0} if count else [], work)


def _fits(one: Row, project: str, status: str) -> bool:
    return project in one["project"] and status in ("", one["status"])


def _wanted_project(text: str) -> str:
    return os.path.abspath(text) if text.startswith(".") else os.path.expanduser(text)


def described(reader: Reader, run_id: str) -> Row:
    """The run as JSON."""
    row, brief = reader.one("run_counted", run_id=run_id) or {}, reader.one("run_in_brief", run_id=run_id) or {}
    sessions = [session["session_id"] for session in reader.all("sessions_of_run", run_id=run_id)]
    return run_json(row, brief, sessions) | _asked(reader, run_id)


def _asked(reader: Reader, run_id: str) -> Row:
    """Who worked on it: models, types of sub-agents, ways in; and the tokens, where they were counted."""
    tokens = reader.all("tokens_of_run", run_id=run_id)
    named = reader.one("asked_by_run", run_id=run_id) or {}
    return {
        "models": sorted({row["model"] for row in tokens if row["model"]}),
        "agents": sorted(loads(named["agents"])),
        "entrypoints": sorted(loads(named["entrypoints"])),
        "tokens": summed(tokens) if tokens else None,
    }


# ---- for people -------------------------------------------------------------------------------


def _view(reader: Reader, runs: list[Row], found: int) -> list[Block]:
    columns, lines = _fitted([_line(reader, one) for one in runs])
    more = [Paragraph(f"{found - len(runs)} more: --limit {found}")] if found > len(runs) else []
    seen = observed(sum(one["observed"] for one in runs), sum(one["steps"] for one in runs))
    return [Table(columns, lines), *more, *seen]


def _nothing(chosen: bool) -> Paragraph:
    return Paragraph("no run here matches" if chosen else "no run yet: a session's first hook opens one")


def _fitted(lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Where the projects would be left too little, what is odd about a run gets a line of its own."""
    beside = room(lines, COLUMNS, [PROJECT])
    odd = any(line[NOTE] for line in lines)
    if odd and beside >= min(ENOUGH, max(len(line[PROJECT]) for line in lines)):
        _shorten(lines, beside)
        return COLUMNS, lines
    columns, bare = without(NOTE, COLUMNS, lines)
    width = max(room(bare, columns, [PROJECT]), LEAST)
    _shorten(lines, width)
    return columns, notes_below(NOTE, PROJECT, width, lines)


def _shorten(lines: list[list[str]], width: int) -> None:
    for line in lines:
        line[PROJECT] = end_of(line[PROJECT], width)


def _line(reader: Reader, one: Row) -> list[str]:
    now_ns = time.time_ns()
    today = time.strftime("%Y-%m-%d", time.localtime())
    started, last = clock(one["started_at"], today)[:-3], age(seconds_since(one["last_at"], now_ns))
    stands = [one["status"], str(one["steps"]), str(one["open"] or ""), _note(reader, one)]
    return [fit(short_id(one["run_id"]), 24), from_home(one["project"]), started, last, *stands]


def _note(reader: Reader, one: Row) -> str:
    found = [f"{one['doubts']} in doubt"] if one["doubts"] else []
    found += [f"{one['approvals']} to approve"] if one["approvals"] else []
    found += [f"{one['flagged']} flagged"] if one["flagged"] else []
    found += ["observed"] if one["observed"] else []
    return ", ".join(found + _clients(reader, one))


def _clients(reader: Reader, one: Row) -> list[str]:
    """Whether somebody is still at work on an open run."""
    if one["status"] not in ("open", "waiting"):
        return []
    living = Living(reader)
    verdicts = {living.client(owner)[0] for owner in reader.all("owners_of_run", run_id=one["run_id"])}
    if ALIVE in verdicts:
        return []
    return ["client gone"] if verdicts == {DEAD} else ["client not to be judged from here"]
