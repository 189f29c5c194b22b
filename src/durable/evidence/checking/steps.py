"""What has to hold of each step. Every function gives what it found wrong; nothing found is a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.evidence.findings import FAIL, UNKNOWN, WARN, Finding
from durable.owner import ALIVE, DEAD
from durable.step import CONTRADICTED, MOVES, ONCE, PREPARED, RUNNING, SUCCEEDED
from durable.view import is_deferred, needs_a_person, waits_for_an_answer, was_let_through

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.cli.living import Living
    from durable.evidence.checking.record import Record, Told
    from durable.view import Row

# Who closes a step with what the tool gave back, and whose word stands in its place.
GIVES_BACK = ("PostToolUse", "PostToolUseFailure", "PostToolBatch")
WORD_OF = {"operator": "person.said", "probe": "step.probed"}


def receipts(record: Record) -> Iterator[Finding]:
    for step in record.steps:
        if step["status"] == SUCCEEDED:
            yield from _receipt(record, step)


def _receipt(record: Record, step: Row) -> Iterator[Finding]:
    by = step["closed_by"]
    if not by or not step["closed_at"]:
        yield _of(step, FAIL, "receipt_missing", "succeeded, and nothing says who closed it", "closed_by")
    elif step["output"] is None and by in GIVES_BACK:
        yield _of(step, FAIL, "receipt_empty", f"was closed by {by}, and what came back is not on record", "output")
    elif step["output"] is None and by in WORD_OF and not record.said_of(step, WORD_OF[by]):
        yield _of(
            step, FAIL, "receipt_unfounded", f"was closed by {by}, and no event holds what that said", "closed_by"
        )
    elif step["output"] is None and by not in WORD_OF:
        yield _of(step, WARN, "receipt_without_output", f"was closed by {by}, which knew of no output", "output")


def evaluations(record: Record) -> Iterator[Finding]:
    for step in record.steps:
        if not step["rule"]:
            yield _of(step, FAIL, "rule_missing", "does not say which rule decided it", "rule")
        if not step["policy"]:
            yield _of(step, FAIL, "policy_missing", "does not name the policy that it was decided under", "policy")
        if not step["verdict"]:
            yield _of(step, *_no_verdict(record, step), "verdict")


def _no_verdict(record: Record, step: Row) -> tuple[str, str, str]:
    """The column came with a minor version: an event of before says nothing of it."""
    prepared = next((event for event in record.story(step) if event.type == "step.prepared"), None)
    body = None if prepared is None else prepared.body
    if body is not None and "verdict" not in body:
        return UNKNOWN, "verdict_not_kept", "was decided by an earlier durable, which did not keep the verdict"
    return FAIL, "verdict_missing", "does not say what was decided"


# ---- the way that each went -------------------------------------------------------------------


def paths(record: Record) -> Iterator[Finding]:
    yield from _order(record)
    known = {step["step_id"] for step in record.steps}
    for step in record.steps:
        yield from _path(step, record.story(step))
    for step_id, story in record.stories.items():
        if step_id not in known:
            says = f"event {story[0].seq} speaks of step {step_id}, which has no row"
            yield Finding(FAIL, "step_without_row", says, {"step": step_id, "event": story[0].seq})


def _order(record: Record) -> Iterator[Finding]:
    for place, event in enumerate(record.events, 1):
        if event.run_seq != place:
            says = f"event {place} of the run is missing: after it comes number {event.run_seq}"
            yield Finding(FAIL, "event_missing", says, {"event": event.seq, "run": record.run_id})
            return


def _path(step: Row, story: list[Told]) -> Iterator[Finding]:
    if not story or story[0].type != "step.prepared":
        where: dict[str, Any] = {"event": story[0].seq} if story else {}
        says = "has a row, and no event prepared it" if not story else f"begins with {story[0].type}, not prepared"
        yield _of(step, FAIL, "not_prepared_first", says, "", **where)
        return
    status = PREPARED
    for event in story[1:]:
        status, fault = _moved(status, event)
        if fault:
            yield _of(step, FAIL, "illegal_move", f"{fault} (event {event.seq})", event=event.seq)
    if status != step["status"]:
        says = f"is {step['status']} by its row, and {status} by its events"
        yield _of(step, FAIL, "status_differs", says, "status")


def _moved(status: str, event: Told) -> tuple[str, str]:
    """Where the event led, and what was wrong with that. Most events of a step are no move."""
    to = event.type.partition(".")[2]
    if to not in MOVES:
        return status, ""
    return to, "" if to in MOVES[status] else f"went from {status} to {to}"


# ---- what is left open ------------------------------------------------------------------------


def doubts(record: Record) -> Iterator[Finding]:
    from durable.cli.living import Living

    living = Living(record.reader)
    for step in record.steps:
        if needs_a_person(step):
            yield _of(step, FAIL, "open_doubt", f"may have happened: {step['doubt']}", "status")
        elif step["status"] in (PREPARED, RUNNING) and not is_deferred(step):
            yield from _under_way(step, living)


def _under_way(step: Row, living: Living) -> Iterator[Finding]:
    """A look-up or a repeatable call that nothing closed needs nobody."""
    life = living.of(step)
    if life is not None and life.verdict == ALIVE:
        yield _of(step, WARN, "under_way", "has no end yet: its client is alive", "status")
    elif life is not None and step["effect"] == ONCE and step["status"] == RUNNING:
        dead = life.verdict == DEAD
        code, says = ("cut_off", "has no end, and its client is gone") if dead else ("not_judged", life.reason)
        yield _of(step, FAIL if dead else UNKNOWN, code, says, "status")


def contradictions(record: Record) -> Iterator[Finding]:
    for step in record.steps:
        if step["flag"] == CONTRADICTED:
            yield _of(step, FAIL, "contradicted", "and another attempt at the same thing both have a receipt", "flag")
        elif was_let_through(step):
            yield _of(step, WARN, "let_through", "ran in observe mode while no row could be written", "flag")
        elif step["flag"]:
            yield _of(step, FAIL, "unprepared", "ran, and no row had said so first", "flag")


def approvals(record: Record) -> Iterator[Finding]:
    for step in record.steps:
        if waits_for_an_answer(step):
            yield _of(step, FAIL, "approval_waits", "waits for a person's answer", "approval")
        elif is_deferred(step):
            yield _of(step, WARN, "approved_not_run", "was approved, and has not run yet", "approval")
        elif step["approval"] == "denied" and step["running_at"]:
            yield _of(step, FAIL, "ran_against_answer", "ran, although a person had said no", "approval")


# ---- what holds it together -------------------------------------------------------------------


def bound_outputs(record: Record) -> Iterator[Finding]:
    from durable.native import sha256

    for row in record.reader.each("contents_of_run", run_id=record.run_id):
        data = row["bytes"]
        if sha256(data if isinstance(data, bytes) else str(data).encode("utf-8", "surrogatepass")) != row["digest"]:
            says = f"its {row['name'].replace('_', ' ')} is not what its hash says"
            yield _of(row, FAIL, "content_changed", says, row["name"], blob=row["digest"])
    for step in record.steps:
        said = [event for event in record.story(step) if event.type == "step.succeeded"]
        if step["status"] == SUCCEEDED and said and said[-1].said("output") != step["output"]:
            says = f"names another output than event {said[-1].seq}, its receipt"
            yield _of(step, FAIL, "receipt_differs", says, "output", event=said[-1].seq)


def bound_claims(record: Record) -> Iterator[Finding]:
    held: dict[str, list[Row]] = {}
    for claim in record.reader.each("claims_of_run", run_id=record.run_id):
        held.setdefault(claim["step_id"], []).append(claim)
    for step in record.steps:
        claims = held.get(step["step_id"], [])
        if step["fingerprint"] not in {claim["fingerprint"] for claim in claims}:
            verdict = FAIL if step["effect"] == ONCE else WARN
            yield _of(step, verdict, "claim_missing", "holds no claim on what it does", "fingerprint")
        for claim in claims:
            if claim["status"] != step["status"]:
                says = f"is {step['status']}, and its claim {claim['status']}"
                yield _of(step, FAIL, "claim_differs", says, "status", fingerprint=claim["fingerprint"])


def _of(step: Row, verdict: str, code: str, says: str, column: str = "", **where: object) -> Finding:
    place = {"step": step["step_id"]} | ({"table": "steps", "column": column} if column else {}) | where
    return Finding(verdict, code, f"step {step['step_id']} {says}", place)
