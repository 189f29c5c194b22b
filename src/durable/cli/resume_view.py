"""Where a cut-off run stands, as a screen and as JSON."""

from __future__ import annotations

import sys

from durable.cli.blocks import Heading, Note, Paragraph, Verbatim
from durable.cli.screen import columns
from durable.cli.words import fit
from durable.policy.rule import REPLAY
from durable.resume import APPROVED, CONTRADICTED, DONE, DOUBT, FREE, GOES_ON, NOT_BEGUN, NOT_DONE, WAITS
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.blocks import Block
    from durable.execute.redo import Redone, Unfinished
    from durable.recovery.on_resume import Asked
    from durable.resume import Item
    from durable.view import Row

TITLES = {
    CONTRADICTED: "Contradicted: its effect may exist twice",
    DOUBT: "In doubt: look before it is repeated",
    GOES_ON: "Still running",
    WAITS: "Waits for a person",
    APPROVED: "Approved, not run yet",
    NOT_BEGUN: "Never begun",
    NOT_DONE: "Did not happen",
    DONE: "Done: not run again",
    FREE: "Interrupted, free to repeat",
}
NAMES = {
    CONTRADICTED: "contradicted",
    DOUBT: "in_doubt",
    GOES_ON: "still_running",
    WAITS: "waits",
    APPROVED: "approved",
    NOT_BEGUN: "not_begun",
    NOT_DONE: "not_done",
    DONE: "done",
    FREE: "free_to_repeat",
}
SHOWN = 12


def plan_json(items: dict[str, list[Item]]) -> Row:
    return {name: [_row(item) for item in items.get(kind, [])] for kind, name in NAMES.items()}


def plan_view(run_id: str, items: dict[str, list[Item]]) -> Iterator[Block]:
    yield Paragraph(f"run {run_id}")
    for kind, those in items.items():
        yield Heading(TITLES[kind])
        yield Verbatim("\n".join(_line(kind, item) for item in those[-SHOWN:]))
        if len(those) > SHOWN:
            yield Paragraph(f"and {counted(len(those) - SHOWN, 'earlier one')}: durable show {run_id}")
    if not items:
        yield Note("ok", "nothing of it is interrupted or in doubt")


def unfinished_json(those: list[Unfinished]) -> list[Row]:
    return [{"step_id": one.step.step_id, "what": one.way.what, "why": one.way.why} for one in those]


def redo_view(those: list[Unfinished], wanted: Asked) -> Iterator[Block]:
    here = [one for one in those if one.way.what == REPLAY]
    if here:
        yield Heading("To be executed here")
        yield Verbatim("\n".join(f"  {one.step.step_id}  {one.way.why}" for one in here))
    not_here = [one for one in those if one.way.what != REPLAY and wanted.wants(one.step)]
    if not_here:
        yield Heading("Not executed here")
        yield Verbatim("\n".join(f"  {one.step.step_id}  {one.way.why}" for one in not_here))


def redone(one: Redone) -> Row:
    return {"step_id": one.step.step_id, "again": one.again or None, "status": one.status, "why": one.why or None}


def needs_somebody(items: dict[str, list[Item]]) -> bool:
    return CONTRADICTED in items or DOUBT in items or WAITS in items


def tell_waiting(items: list[Item]) -> None:
    """On the terminal alone, and over itself."""
    if sys.stderr.isatty():
        said = f"waiting for {items[0].title}: {items[0].left}" if items else ""
        sys.stderr.write("\r\x1b[K" + fit(said, columns() - 1))
        sys.stderr.flush()


def _row(item: Item) -> Row:
    step = item.step
    return {
        "step_id": step.step_id,
        "what": item.title,
        "status": step.status,
        "left": item.left or None,
        "doubt": step.doubt,
        "probed": item.probed or None,
    }


def settling(step_id: str) -> str:
    return f"durable happened {step_id}, or durable not-happened {step_id}"


def _line(kind: str, item: Item) -> str:
    line = fit(f"  {item.step.step_id}  {item.title}", columns())
    after = {
        DOUBT: _doubt(item),
        WAITS: f"durable approve {item.step.step_id}, or durable deny {item.step.step_id}",
        GOES_ON: item.left,
    }.get(kind, "")
    return f"{line}\n    {after}" if after else line


def _doubt(item: Item) -> str:
    probed = [f"its probe: {item.probed}"] if item.probed else []
    return "\n    ".join([item.step.doubt or "its end is not on record", *probed, settling(item.step.step_id)])
