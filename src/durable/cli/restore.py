from __future__ import annotations

import os

from durable import home
from durable.cli.blocks import Facts, Note, Paragraph
from durable.cli.options import argument, value
from durable.cli.reading import has_ledger, no_ledger
from durable.cli.result import Result
from durable.errors import LedgerError
from durable.ledger import restore
from durable.ledger.database import database_in
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.ledger.restore import Restored

OPTIONS = (
    argument(
        "FILE",
        "A backup, or a copy of ledger.db, to put back; without one, the present ledger is accepted.",
        required=False,
    ),
    value("--reason", "TEXT", "Why; it goes on record.", required=True),
)
SHOWN = 5
TWICE = "what is not on record can happen a second time: see what was done since, before you let an agent go on"


def run(reason: str, file: str = "") -> Result:
    """Accept the ledger as it is, or put a backup back, when it is not the one its head speaks of."""
    state = home.data_home()
    if not file and not _is_there(state):
        return Result("restore", None, view=[Paragraph(no_ledger(state))])
    place = os.path.abspath(file) if file else ""
    if os.path.isdir(place):
        from durable.evidence.keeping.put_back import put_back

        done = put_back(state, place, reason)
    else:
        done = restore.restore(state, place or None, reason)
    names = ("how", "seq", "faults", "old_head", "old_ledger")
    data = {name: getattr(done, name) or None for name in names} | {"faults": done.faults}
    data["head"] = None if done.head is None else done.head.seq
    data["warnings"] = _warnings(done)
    return Result("restore", data, view=_view(state, done))


def _is_there(state: str) -> bool:
    try:
        return has_ledger(state)
    except LedgerError:
        return True  # Its head is: that is what restore is for.


def _warnings(done: Restored) -> list[str]:
    """What is not on record any more, or may not be."""
    if done.how == restore.UNCHANGED or (done.head is not None and done.head.seq <= done.seq):
        return []
    if done.head is None:
        return [TWICE]
    first = 1 if done.how == restore.STARTED_OVER else done.seq + 1
    return [f"events {first} to {done.head.seq} had been written once and are not in it", TWICE]


def _view(state: str, done: Restored) -> list[Block]:
    if done.how == restore.UNCHANGED:
        told = f"nothing is wrong with the ledger: {counted(done.seq, 'event')} and the head fit; nothing was changed"
        return [Note("ok", told)]
    said = {
        restore.ACCEPTED: f"the ledger is accepted as it stands, up to event {done.seq}",
        restore.PUT_BACK: f"the backup is in place, up to event {done.seq}",
        restore.STARTED_OVER: f"the ledger was gone: a new one begins at {database_in(state)}",
    }
    view: list[Block] = [Note("ok", said[done.how])]
    view += [Note("warning", said) for said in [*_warnings(done), *done.faults[:SHOWN]]]
    more = len(done.faults) - SHOWN
    view += [Note("warning", f"and {counted(more, 'more fault')}")] if more > 0 else []
    kept = [("the old ledger", done.old_ledger), ("the old head", done.old_head)]
    return [*view, Facts([(name, path) for name, path in kept if path])]
