from __future__ import annotations

from durable import home
from durable.cli.blocks import Note, Paragraph, Table
from durable.cli.options import flag
from durable.cli.reading import has_ledger, no_ledger
from durable.cli.result import Result
from durable.ledger import migrate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.ledger.migrate import Status

OPTIONS = (flag("--status", "Say what is applied and what is not, and change nothing."),)
WORDS = {
    "applied": "applied",
    "pending": "pending",
    "changed": "applied with another content",
    "unknown": "of a later durable",
}


def run(status: bool = False) -> Result:
    """Bring the ledger's schema to the present one."""
    state = home.data_home()
    if not has_ledger(state):
        return Result("migrate", None, view=[Paragraph(no_ledger(state))])
    if status:
        return _status(migrate.status(state))
    done = migrate.migrate(state)
    view: list[Block] = [Note("ok", f"{name} is applied") for name in done]
    return Result("migrate", {"applied": done}, view=view or [Note("ok", "the schema is the present one")])


def _status(found: Status) -> Result:
    data = {name: getattr(found, name) for name in WORDS}
    rows = [[name, WORDS[kind]] for kind, names in data.items() for name in names]
    settled = not (found.pending or found.changed or found.unknown)
    return Result("migrate", data, 0 if settled else 1, [Table(["migration", "state"], rows)])
