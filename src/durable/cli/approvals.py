from __future__ import annotations

import time

from durable.cli.blocks import Heading, Note, Verbatim
from durable.cli.options import flag
from durable.cli.reading import contents, read, unshown
from durable.cli.result import Result
from durable.cli.screen import columns, end_of, from_home
from durable.cli.when import clock, local_day
from durable.cli.words import call, deferral, fit, one_line
from durable.clock import now
from durable.native import loads
from durable.step import way_on
from durable.view import is_deferred, short_id, step_json, waits_for_an_answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.ledger.reading import Reader
    from durable.view import Row

OPTIONS = (flag("--all", "Also those that were answered.", name="answered"),)
LEAST = 20
_OF_A_STEP = (
    "step_id", "tool_name", "status", "run_id", "session_id", "cwd", "input", "deferred_at",
    "approval", "approval_by", "approval_at",
)  # fmt: skip


def run(answered: bool = False) -> Result:
    """List the calls that wait for a person's answer."""

    def work(reader: Reader) -> Result:
        content = contents(reader)
        rows = reader.all("deferred_steps" if answered else "waiting_steps")
        steps = [step_json(row, content) for row in rows]
        items = [_item(reader, step) for step in steps]
        waits = any(item["waits"] for item in items)
        return Result("approvals", items, int(waits), [*unshown(steps), *_view(items, waits)])

    return read("approvals", [], work)


def _item(reader: Reader, step: Row) -> Row:
    run = reader.one("run", run_id=step["run_id"])
    waits = waits_for_an_answer(step)
    return {name: step[name] for name in _OF_A_STEP} | {
        "project": step["cwd"] if run is None else run["project"],
        "what": call(step["tool_name"], step["input"], step["cwd"]),
        "reason": None if waits else _reason(reader, step["step_id"]),
        "waits": waits,
        "approve": f"durable approve {step['step_id']}" if waits else None,
        "deny": f"durable deny {step['step_id']}" if waits else None,
    }


def _reason(reader: Reader, step_id: str) -> str | None:
    """What the person said who answered."""
    for event in reader.all("events_of_step", subject=step_id):
        said = loads(event["body"]) if event["type"] == "person.said" else {}
        if said.get("verb") in ("approve", "deny"):
            return said["text"] or None
    return None


# ---- for people -------------------------------------------------------------------------------


def _view(items: list[Row], waits: bool) -> list[Block]:
    waiting = [_block(item) for item in items if item["waits"]]
    answered = [_block(item) for item in items if not item["waits"]]
    view: list[Block] = [Heading("Waiting for an answer"), *waiting] if waits else []
    view += [Heading("Answered"), *answered] if answered else []
    return view if waits else [*view, Note("ok", "no call waits for an answer")]


def _block(item: Row) -> Verbatim:
    return Verbatim("\n    ".join([_head(item), _where(item), _stands(item), *_lines(item)]))


def _head(item: Row) -> str:
    return f"{item['step_id']}  {fit(item['what'], max(columns() - len(item['step_id']) - 2, LEAST))}"


def _where(item: Row) -> str:
    run = f"run {short_id(item['run_id'])}"
    project = end_of(from_home(item["project"]), max(columns() - len(run) - 8, LEAST))
    return f"{run}, {project}" if project else run


def _stands(item: Row) -> str:
    today = local_day(now())
    if item["approval"] is not None:
        why = f": {one_line(item['reason'])}" if item["reason"] else ""
        after = ", not run yet" if is_deferred(item) else ""
        return f"{item['approval']} by {item['approval_by']} at {clock(item['approval_at'], today)}{after}{why}"
    if item["waits"]:
        return f"{deferral(item, time.time_ns())}, since {clock(item['deferred_at'], today)}"
    return f"asked at {clock(item['deferred_at'], today)}, never answered here; it is {item['status']} now"


def _lines(item: Row) -> list[str]:
    """What to type, each line alone, so that it can be picked up whole."""
    if item["waits"]:
        return [item["approve"], item["deny"]]
    return [way_on(item)] if is_deferred(item) else []
