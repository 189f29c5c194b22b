from __future__ import annotations

from durable import home
from durable.cli.blocks import Heading, Note, Paragraph, Verbatim
from durable.cli.deciding import REASON, by, written
from durable.cli.options import argument, flag
from durable.cli.reading import contents, find_run, has_ledger, no_ledger
from durable.cli.result import Result, attended, typed
from durable.cli.screen import columns
from durable.cli.words import call, fit
from durable.errors import UsageError
from durable.ledger.reading import Reader
from durable.person import release
from durable.step import IN_DOUBT, ONCE, OPEN, SUCCEEDED
from durable.view import counted, short_id, waits_for_an_answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor
    from durable.view import Row

OPTIONS = (
    argument("RUN", "The run: its id or the beginning of it."),
    REASON,
    flag("--yes", "Don't ask."),
)
SHOWN = 20


class Holding:
    """What of a run keeps calls from happening again: `done` can be cleared, `left` has to be settled first."""

    __slots__ = ("done", "left", "run_id")

    def __init__(self, reader: Reader, run_id: str) -> None:
        content = contents(reader)
        rows = [row for row in reader.all("steps_of_run", run_id=run_id) if row["effect"] == ONCE]
        described = [row | {"what": call(row["tool_name"], content(row["input"]), row["cwd"])} for row in rows]
        self.run_id = run_id
        self.done = [row for row in described if _counts(row["status"], row["released_at"])]
        self.left = [row for row in described if row["status"] in OPEN]


def run(run: str, reason: str = "", yes: bool = False) -> Result:
    """Let what a run has done no longer count: the same calls may run again."""
    state = home.data_home()
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "there is nothing to clear")
    with Reader(state) as reader:
        held = Holding(reader, find_run(reader, run))
    if not held.done:
        told = f"nothing that run {short_id(held.run_id)} has finished keeps a call from running"
        return _result(held, [], [Note("ok", told), *_left(held)])
    stakes = [*_stakes(held), *_left(held)]
    if not yes:
        _ask(held, stakes)
        stakes = []
    released: list[str] = []
    done = written("clear", held.run_id, lambda tx, redactor: _cleared(tx, redactor, held, reason, released))
    return _result(held, released, [*stakes, *done.view])


def _ask(held: Holding, stakes: list[Block]) -> None:
    name = short_id(held.run_id)
    if not attended():
        raise UsageError(f"nobody is here to confirm that run {name} is cleared", "add --yes")
    if typed(stakes, f"Type {name} to clear it: ") not in (name, held.run_id):
        raise UsageError("nothing was changed", f"run it again and type {name}")


def _cleared(tx: Transaction, redactor: Redactor, held: Holding, reason: str, released: list[str]) -> str:
    """Only what was shown, and of that only what still counts."""
    text, who = redactor.text(reason), by()
    tx.append("person.said", held.run_id, held.run_id, {"verb": "clear", "by": who, "text": text})
    for row in held.done:
        step = tx.step("step", step_id=row["step_id"])
        if step is not None and _counts(step.status, step.released_at):
            release(tx, step, who, text)
            released.append(step.step_id)
    calls = counted(len(released), "call")
    return f"{calls} of run {short_id(held.run_id)} may run again; the record of them stays"


def _counts(status: str, released_at: str | None) -> bool:
    return status == SUCCEEDED and released_at is None


# ---- what came of it --------------------------------------------------------------------------


def _result(held: Holding, released: list[str], view: list[Block]) -> Result:
    names = ("step_id", "tool_name", "status", "what")
    left = [{name: row[name] for name in names} | {"help": _help(row)} for row in held.left]
    data = {"run_id": held.run_id, "released": released, "left": left}
    return Result("clear", data, int(bool(left)), view)


def _stakes(held: Holding) -> list[Block]:
    lines = [_line(row) for row in held.done[:SHOWN]]
    more = len(held.done) - SHOWN
    rest = [Paragraph(f"and {counted(more, 'more call')}")] if more > 0 else []
    return [Heading("These are done, and may run again once the run is cleared"), *lines, *rest]


def _left(held: Holding) -> list[Block]:
    if not held.left:
        return []
    lines = [Verbatim(f"{_line(row).text}\n    → {_help(row)}") for row in held.left]
    return [Heading("These are not over, and stay as they are"), *lines]


def _line(row: Row) -> Verbatim:
    return Verbatim(f"{row['step_id']}  {fit(row['what'], max(columns() - len(row['step_id']) - 2, 20))}")


def _help(row: Row) -> str:
    step_id = row["step_id"]
    if waits_for_an_answer(row):
        return f"durable approve {step_id}, or durable deny {step_id}"
    if row["status"] == IN_DOUBT:
        return f"durable resolve {step_id} --happened (or --not-happened) --reason TEXT"
    return f"it is {row['status']}: wait for its end, or stop its client; durable open says how it stands"
