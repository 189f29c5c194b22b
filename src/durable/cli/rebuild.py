from __future__ import annotations

from durable import home
from durable.cli.bar import bar
from durable.cli.blocks import Facts, Note, Paragraph
from durable.cli.options import flag, value
from durable.cli.reading import has_ledger, no_ledger, notices
from durable.cli.result import Result
from durable.errors import UsageError
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.blocks import Block
    from durable.evidence.verifying.verdict import Verified

OPTIONS = (
    flag("--replace", "Put the rows made anew in place of those on record; the old file is kept beside it."),
    value("--reason", "TEXT", "With --replace: why; it goes on record."),
)
SHOWN = 20


def run(replace: bool = False, reason: str = "") -> Result:
    """Make all rows anew from the events, and compare them with those on record."""
    if replace and not reason.strip():
        raise UsageError("no reason was given", "say why with --reason TEXT: it stays in the record")
    if reason and not replace:
        raise UsageError("--reason is for --replace", "leave it out, or replace the rows")
    state = home.data_home()
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "there is nothing to make rows from")
    from durable.evidence.verifying.whole import compare_rows

    with bar() as told:
        found = compare_rows(state, told)
    aside = _replaced(state, reason, found) if replace and found.findings else ""
    unread = _unread(found) and not aside
    data = {"equal": None if unread else not found.findings, "replaced": bool(aside), "old_ledger": aside or None,
            "counted": found.counted, "findings": [one.json() for one in found.findings]}  # fmt: skip
    code = 3 if unread else 1 if found.findings and not aside else 0
    return Result("rebuild", data, code, [*notices(), *_view(found, aside)])


def _replaced(state: str, reason: str, found: Verified) -> str:
    from durable.evidence.rebuilding import replace

    return replace(state, reason, found.findings)


def _unread(found: Verified) -> bool:
    from durable.evidence.verifying.verdict import UNREADABLE

    return any(one.code == UNREADABLE for one in found.findings)


def _view(found: Verified, aside: str) -> Iterator[Block]:
    events = counted(found.counted.get("events", 0), "event")
    if not found.findings:
        yield Note("ok", f"every row is what follows from the {events}; nothing was changed")
        return
    differences = counted(len(found.findings), "difference")
    if aside:
        yield Note("ok", f"all rows were made anew from the {events} and put in place: {differences} put right")
        yield Facts([("the old ledger", aside)])
    elif _unread(found):
        yield Note("problem", f"not all rows can be read, and so not compared with what follows from the {events}")
    else:
        yield Note("problem", f"{differences} between the record and what follows from its {events}")
    for finding in found.findings[:SHOWN]:
        yield Paragraph(f"{finding.code}: {finding.says}")
    if (more := len(found.findings) - SHOWN) > 0:
        yield Paragraph(f"and {more:,} more; --json names them")
    if not aside:
        yield Note("note", f"{home.command()} rebuild --replace --reason TEXT puts right rows in place; "
                           f"{home.command()} verify says whether the events themselves are whole")  # fmt: skip
