from __future__ import annotations

import os
import time

from durable import home
from durable.cli.blocks import Heading, Note, Paragraph, Verbatim
from durable.cli.living import Living
from durable.cli.reading import contents, enforcement, has_ledger, heard, no_ledger, notices, unshown
from durable.cli.result import Result
from durable.cli.screen import columns
from durable.cli.when import clock, local_day
from durable.cli.words import LET_THROUGH, call, fit, one_line, standing
from durable.clock import now
from durable.errors import PolicyError
from durable.ledger.reading import Reader
from durable.owner import ALIVE, DEAD
from durable.policy.files import load_policy
from durable.recovery.strict import waits_for_a_person
from durable.step import CONTRADICTED, ONCE, UNPREPARED, way_on
from durable.view import (
    counted,
    is_deferred,
    needs_a_person,
    short_id,
    step_json,
    waits_for_an_answer,
    was_let_through,
)
from durable.waiting import waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.cli.blocks import Block
    from durable.view import Life, Row

OPTIONS = ()
CALL_WIDTH, LEAST = 70, 20
ARROW = "→"
DOUBT, INTERRUPTED, UNJUDGED, SET_ASIDE, POLICY = "in_doubt", "interrupted", "unjudged", "set_aside", "policy"
UNRECORDED = "unrecorded"
APPROVAL, APPROVED = "approval", "approved"
STRICT = "strict"
TITLES = {
    APPROVAL: "Waiting for an answer",
    APPROVED: "Approved: to be resumed",
    STRICT: "Strict: the run waits for a person",
    DOUBT: "In doubt: it may have happened",
    CONTRADICTED: "Contradicted: two attempts at the same thing both have a receipt",
    UNPREPARED: "Ran unannounced: no row said so first",
    UNRECORDED: f"Unrecorded: {LET_THROUGH}",
    INTERRUPTED: "Interrupted: the client is gone",
    UNJUDGED: "Permitted elsewhere: it can't be judged from this machine",
    SET_ASIDE: "Receipts that can't be folded in",
    POLICY: "The policy",
}


def run() -> Result:
    """List what needs a person: approvals, doubts, contradictions, interrupted steps, a broken policy."""
    state = home.data_home()
    items = [*_policy(state), *_set_aside(state)]
    interrupted = 0
    absent: list[Block] = []
    if has_ledger(state):
        with Reader(state) as reader:
            items = [*_strict(reader), *_steps(reader), *items]
            interrupted = (reader.one("interrupted") or {"calls": 0})["calls"]
    else:
        absent = [Paragraph(no_ledger(state))]
    left = len(waiting(state, os.environ))
    data = {"items": items, "interrupted": interrupted, "waiting_receipts": left, "enforcement_off": enforcement()}
    view = [*unshown(item["step"] for item in items if item["step"]), *_view(items, left, interrupted, bool(absent))]
    return Result("open", data, 1 if items else 0, [*notices(), *absent, *view])


# ---- what there is ----------------------------------------------------------------------------


def _steps(reader: Reader) -> Iterator[Row]:
    living, content = Living(reader), contents(reader)
    rows = {row["step_id"]: row for row in [*reader.all("open_steps"), *reader.all("flagged_steps")]}
    for row in sorted(rows.values(), key=lambda row: int(row["seq"])):
        life = living.of(row)
        for kind in _kinds(row, life):
            step = step_json(row, content, life)
            yield {
                "kind": kind,
                "what": fit(call(row["tool_name"], step["input"], row["cwd"]), CALL_WIDTH),
                "why": _why(reader, kind, row, life),
                "help": _help(kind, row),
                "step": step,
            }


def _why(reader: Reader, kind: str, row: Row, life: Life | None) -> str:
    if kind == UNRECORDED:
        return f"it {LET_THROUGH}; would have been {row['would']}"
    if life is None:
        return TITLES[kind].partition(": ")[2]
    return standing(row, life, heard(reader, row["run_id"]), time.time_ns())


def _kinds(row: Row, life: Life | None) -> Iterator[str]:
    if row["flag"]:
        yield UNRECORDED if was_let_through(row) else row["flag"]
    if is_deferred(row):
        yield APPROVAL if waits_for_an_answer(row) else APPROVED
    elif needs_a_person(row):
        yield DOUBT
    elif life is not None and row["status"] in ("prepared", "running") and life.verdict != ALIVE:
        if life.verdict == DEAD:
            yield INTERRUPTED
        elif row["effect"] == ONCE:
            yield UNJUDGED


def _help(kind: str, row: Row) -> str:
    step_id = row["step_id"]
    if kind == APPROVAL:
        return f"durable approve {step_id}, or durable deny {step_id}"
    if kind == APPROVED:
        return way_on(row)
    if kind == INTERRUPTED:
        run = short_id(row["run_id"])
        return f"durable reconcile {run}, once nothing of it runs, looks for its end in the transcript"
    if kind == UNRECORDED:
        return 'mode = "enforce" in the policy denies such a call'
    if kind == UNPREPARED:
        return f"{home.command()} doctor shows whether our hooks stand at every door"
    if kind == CONTRADICTED:
        return f"durable step {step_id} shows both; undo one effect if it must not stand twice"
    return f"look first (durable step {step_id}), then durable resolve {step_id}"


def _strict(reader: Reader) -> Iterator[Row]:
    for row in reader.all("strict_runs"):
        if row["unsettled"] and waits_for_a_person(row["denied"]):
            run, calls = short_id(row["run_id"]), counted(row["unsettled"], "interrupted call")
            why = f"{calls} first: not settled, and {row['denied']} others were denied meanwhile"
            helps = f"settle each (durable show {run}), or durable resume --run-id {run} --no-strict"
            yield {"kind": STRICT, "what": f"run {run}", "why": why, "help": helps, "step": None}


def _set_aside(state: str) -> Iterator[Row]:
    folder = f"{state}/spool/bad"
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return  # Nothing was ever set aside.
    why = _why_set_aside(state)
    for name in names:
        path = f"{folder}/{name}"
        said = why.get(name, "it is not on record why")
        yield {"kind": SET_ASIDE, "what": path, "why": said, "help": "read it, then remove it", "step": None}


def _why_set_aside(state: str) -> dict[str, str]:
    if not has_ledger(state):
        return {}
    with Reader(state) as reader:
        return {row["name"]: row["why"] for row in reader.all("spooled")}


def _policy(state: str) -> Iterator[Row]:
    try:
        policy = load_policy(state, os.getcwd(), os.environ)
    except PolicyError as error:
        yield {"kind": POLICY, "what": "policy", "why": error.problem, "help": error.remedy, "step": None}
        return
    if policy.broken:
        helps = f"mend {policy.broken_file}; until then all but reading is denied"
        yield {"kind": POLICY, "what": policy.broken_file, "why": policy.broken, "help": helps, "step": None}


# ---- for people -------------------------------------------------------------------------------


def _view(items: list[Row], waiting: int, interrupted: int, absent: bool) -> list[Block]:
    view: list[Block] = []
    for kind, title in TITLES.items():
        blocks = [_item(item) for item in items if item["kind"] == kind]
        view += [Heading(title), *blocks] if blocks else []
    if waiting:
        those, them = ("1 receipt waits", "it") if waiting == 1 else (f"{waiting:,} receipts wait", "them")
        view.append(Note("note", f"{those}: the next hook folds {them} in, or durable reconcile"))
    if interrupted:
        calls = counted(interrupted, "interrupted call")
        view.append(Note("note", f"{calls} may have happened: see durable show, and look before repeating one"))
    if not items and not absent and not interrupted:
        view.append(Note("ok", "nothing needs you"))
    return view


def _item(item: Row) -> Block:
    step = item["step"]
    head = item["what"]
    if step is not None:
        when = clock(step["running_at"] or step["prepared_at"] or step["returned_at"], local_day(now()))
        began = f"({when}, run {short_id(step['run_id'])})"
        room = columns() - len(step["step_id"]) - len(began) - 4
        head = f"{step['step_id']}  {fit(head, max(room, LEAST))}  {began}"
    return Verbatim(f"{head}\n    {one_line(item['why'])}\n    {ARROW} {item['help']}")
