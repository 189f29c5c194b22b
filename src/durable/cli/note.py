from __future__ import annotations

import os

from durable import home
from durable.cli.blocks import Note, Paragraph, Table
from durable.cli.deciding import by
from durable.cli.options import Option, argument, value
from durable.cli.reading import find_run, has_ledger, no_ledger, notices
from durable.cli.result import Result
from durable.cli.when import moment
from durable.cli.words import one_line
from durable.errors import PolicyError, UsageError
from durable.ledger.reading import Reader
from durable.ledger.sqlite import SqliteLedger
from durable.notes import assignments, write
from durable.policy.files import load_policy
from durable.redact import Redactor
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.view import Row

OPTIONS = (
    argument("RUN", "The run, or one of its sessions: the id or its beginning."),
    Option("KEY=VALUE", "Notes to write; key= takes one away. Without any, they are listed.", kind=list[str],
           name="notes", metavar="[KEY=VALUE]..."),
    value("--if-version", "N", "Only if the note is at this version; 0: only if there is none.", kind=int),
)  # fmt: skip


def run(run: str, notes: tuple[str, ...] = (), if_version: int | None = None) -> Result:
    """Leave notes for whoever goes on with a run, or list them."""
    state = home.data_home()
    given = assignments(notes)
    if if_version is not None and len(given) != 1:
        raise UsageError("--if-version speaks of one note", "give one key=value with it")
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "there is no run yet to leave notes with")
    with Reader(state) as reader:
        run_id = find_run(reader, run)
    if given:
        _write(state, run_id, given, if_version)
    with Reader(state) as reader:
        rows = reader.all("notes_of_run", run_id=run_id)
    return _result(run_id, rows, given)


def _write(state: str, run_id: str, given: dict[str, str], if_version: int | None) -> None:
    policy = load_policy(state, os.getcwd(), os.environ)
    if policy.blind:
        raise PolicyError(f"what is to be kept out of a note is not known: {policy.broken}", "correct that file first")
    ledger = SqliteLedger(state)
    try:
        with ledger.begin() as tx:
            write(tx, run_id, given, _by(), Redactor.of(policy), if_version)
            tx.commit()
    finally:
        ledger.close()


def _by() -> str:
    """What an agent runs carries its session."""
    session = os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    return by(f"session {session[:64]}") if session.isprintable() and session else by()


# ---- what is shown ----------------------------------------------------------------------------


def _result(run_id: str, rows: list[Row], given: dict[str, str]) -> Result:
    listed = [{"name": row["name"], "value": row["value"] or None, "version": row["version"], "at": row["at"],
               "by": row["given_by"]} for row in rows]  # fmt: skip
    data = {"run_id": run_id, "notes": listed, "written": list(given)}
    return Result("note", data, view=[*notices(), *(_written(run_id, rows, given) if given else _list(run_id, rows))])


def _written(run_id: str, rows: list[Row], given: dict[str, str]) -> list[Block]:
    versions = [f"{row['name']} (version {row['version']})" for row in rows if row["name"] in given]
    return [Note("ok", f"noted for run {run_id}: {', '.join(versions)}")]


def _list(run_id: str, rows: list[Row]) -> list[Block]:
    if not rows:
        return [Paragraph(f"no note of run {short_id(run_id)}; durable note {short_id(run_id)} key=value leaves one")]
    lines = [[row["name"], one_line(row["value"]) or "(taken away)", row["version"], moment(row["at"]), row["given_by"]]
             for row in rows]  # fmt: skip
    return [
        Table(["note", "value", "version", "written", "by"], lines),
        Paragraph(f"{counted(len(rows), 'note')}; --json shows them whole"),
    ]
