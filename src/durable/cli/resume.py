from __future__ import annotations

import os
import shlex

from durable import home
from durable.cli.options import flag, value
from durable.cli.reading import find_run, has_ledger, no_ledger, notices
from durable.cli.reconcile import bring_up_to_date
from durable.cli.result import Heading, Note, Paragraph, Result, Verbatim, agrees, attended
from durable.cli.screen import columns
from durable.cli.words import fit
from durable.errors import UsageError
from durable.ledger.reading import Reader
from durable.ledger.sqlite import SqliteLedger
from durable.policy.files import load_policy
from durable.redact import Redactor
from durable.resume import APPROVED, DONE, DOUBT, FREE, GOES_ON, WAITS
from durable.resuming import hold, planned, probe_doubts, refuse_while_at_work
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.result import Block
    from durable.resume import Item
    from durable.view import Row

OPTIONS = (
    value("--run-id", "RUN", "The run: its id or the beginning of it (else the latest)."),
    flag("--dry-run", "Show where the run stands as it is on record: look nothing up, start nothing."),
    flag("--print", "Look up what can be known, and show what would be started.", name="only_print"),
    flag("--yes", "Start it without asking."),
)
TITLES = {
    DOUBT: "In doubt: look before it is repeated",
    GOES_ON: "Still running",
    WAITS: "Waits for a person",
    APPROVED: "Approved, not run yet",
    DONE: "Done: not run again",
    FREE: "Interrupted, free to repeat",
}
NAMES = {
    DOUBT: "in_doubt",
    GOES_ON: "still_running",
    WAITS: "waits",
    APPROVED: "approved",
    DONE: "done",
    FREE: "free_to_repeat",
}
SHOWN = 12


def run(run_id: str = "", dry_run: bool = False, only_print: bool = False, yes: bool = False) -> Iterator[Result]:
    """Go on with a run that was cut off: what is done stays done, what nobody knows is looked up."""
    state = home.data_home()
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "there is nothing to resume")
    with Reader(state) as reader:
        found = find_run(reader, run_id)
        row = reader.one("run", run_id=found) or {}
        sessions = reader.all("sessions_of_run", run_id=found)
    if row["status"] == "cancelled":
        raise UsageError(f"the run {found} is cancelled", f"take that back first: durable cancel {found} --undo")
    start = Start(found, row, sessions)
    lock = hold(state, found)
    try:
        items = _settled(state, found, sessions, dry_run)
    finally:
        lock.release()
    yield _result(start, items)
    if not dry_run and not only_print and (yes or _agreed(start)):
        start.run()


class Start:
    """What goes on with the run: the client, in the run's directory, with its latest session."""

    def __init__(self, run_id: str, row: Row, sessions: list[Row]) -> None:
        self.run_id = run_id
        self.cwd: str = row["project"] or ""
        self.argv = ["claude", "--resume", sessions[-1]["session_id"]]

    def line(self) -> str:
        place = f"cd {shlex.quote(self.cwd)} && " if self.cwd else ""
        return f"{place}DURABLE_RUN_ID={shlex.quote(self.run_id)} {shlex.join(self.argv)}"

    def run(self) -> None:
        """In place of this process."""
        try:
            if self.cwd:
                os.chdir(self.cwd)
            os.execvpe(self.argv[0], self.argv, {**os.environ, "DURABLE_RUN_ID": self.run_id})
        except OSError as error:
            raise UsageError(f"it can't be started ({error.strerror}): {self.line()}", "start it by hand") from None


def _settled(state: str, run_id: str, sessions: list[Row], dry_run: bool) -> dict[str, list[Item]]:
    ledger = SqliteLedger(state)
    try:
        with ledger.begin() as tx:
            refuse_while_at_work(tx, run_id)
        if not dry_run:
            policy = load_policy(state, os.getcwd(), os.environ)
            bring_up_to_date(state, [row["session_id"] for row in sessions])
            probe_doubts(ledger, run_id, policy, Redactor(policy.redact_patterns, policy.redact), os.environ)
        return planned(ledger, run_id)
    finally:
        ledger.close()


def _agreed(start: Start) -> bool:
    return attended() and agrees([], f"Start {start.line()}?")


# ---- what is shown ----------------------------------------------------------------------------


def _result(start: Start, items: dict[str, list[Item]]) -> Result:
    data = {
        "run_id": start.run_id,
        "plan": {NAMES[kind]: [_row(item) for item in items.get(kind, [])] for kind in NAMES},
        "start": {"cwd": start.cwd or None, "argv": start.argv, "line": start.line()},
    }
    needs = DOUBT in items or WAITS in items
    return Result("resume", data, 1 if needs else 0, [*notices(), *_view(start, items)])


def _row(item: Item) -> Row:
    step = item.step
    return {"step_id": step.step_id, "what": item.title, "status": step.status, "left": item.left or None}


def _view(start: Start, items: dict[str, list[Item]]) -> Iterator[Block]:
    for kind, those in items.items():
        yield Heading(TITLES[kind])
        yield Verbatim("\n".join(_line(kind, item) for item in those[-SHOWN:]))
        if len(those) > SHOWN:
            yield Paragraph(f"and {counted(len(those) - SHOWN, 'earlier one')}: durable show {start.run_id}")
    if not items:
        yield Note("ok", "nothing of it was cut off, and nothing in it must not happen twice")
    yield Paragraph("To go on, protected:")
    yield Verbatim(f"  {start.line()}")


def _line(kind: str, item: Item) -> str:
    line = fit(f"  {item.step.step_id}  {item.title}", columns())
    after = {
        DOUBT: f"{item.step.doubt}\n    durable resolve {item.step.step_id} --happened | --not-happened --reason TEXT",
        WAITS: f"durable approve {item.step.step_id}, or durable deny {item.step.step_id}",
        GOES_ON: item.left,
    }.get(kind, "")
    return f"{line}\n    {after}" if after else line
