"""Which rows follow from an event. Pure: event in, named statements and their parameters out.

Writing a row and rebuilding it later go through this one function, so that a row can always be
compared with what its events say. The body of an event holds exactly the columns that it sets.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.chain import Event

# Statements run in order; the first must change exactly one row, or the event is refused.
STATEMENTS: dict[str, tuple[str, ...]] = {
    "run.opened": ("run_opened",),
    "run.reopened": ("run_reopened",),
    "run.completed": ("run_completed",),
    "run.failed": ("run_failed",),
    "run.cancelled": ("run_cancelled",),
    "run.recovered": ("run_recovered",),
    "run.strict": ("run_strict",),
    "run.leased": ("lease_taken",),
    "run.released": ("lease_ended",),
    "run.noted": ("note_taken",),
    "job.loaded": ("job_loaded",),
    "session.joined": ("session_joined",),
    "session.ended": ("session_ended",),
    "owner.seen": ("owner_seen",),
    "owner.ended": ("owner_ended",),
    "step.prepared": ("step_prepared",),  # and one step_claimed for each claim
    "step.deferred": ("step_deferred",),
    "step.approval": ("step_approval",),
    "step.decided": ("step_decided",),
    "step.handed_over": ("step_handed_over",),
    "step.running": ("step_running", "claims_follow"),
    "step.succeeded": ("step_closed", "claims_follow"),
    "step.failed": ("step_closed", "claims_follow"),
    "step.refused": ("step_closed", "claims_follow"),
    "step.not_done": ("step_closed", "claims_follow"),
    "step.replayed": ("step_closed", "claims_follow"),
    "step.in_doubt": ("step_in_doubt", "claims_follow"),
    "step.returned": ("step_returned",),
    "step.asked": ("step_asked",),
    "step.rewritten": ("step_rewritten",),
    "step.flagged": ("step_flagged",),
    "step.released": ("step_released", "claims_released"),
    "grant.given": ("grant_given",),
    "grant.used": ("grant_used",),
    "usage.counted": (),  # one message_counted for each message
    "cost.stated": ("cost_stated",),
    "evidence.expired": (),  # one blob_expired for each content
    "spool.folded": ("spool_recorded",),
    "spool.set_aside": ("spool_recorded",),
}
# Recorded for the reader of the record; no row follows from them.
REMARKS = frozenset(
    (
        "ledger.created",
        "ledger.restored",
        "ledger.migrated",
        "ledger.salvaged",
        "ledger.rebuilt",
        "key.renewed",
        "enforcement.off",
        "turn.started",
        "turn.ended",
        "turn.failed",
        "subagent.started",
        "subagent.stopped",
        "step.late_receipt",
        "step.permission_asked",
        "step.probed",
        "step.replay_overridden",
        "person.said",
    )
)


# Columns that a later minor version brought. An event of before says nothing about them.
_LATER = dict.fromkeys(("verdict", "file_before", "evidence"))
# One event tells of many: which list of its body, and the statement for each in it.
_LISTS = {"usage.counted": ("messages", "message_counted"), "evidence.expired": ("blobs", "blob_expired")}
_WHOLE_COST = {"counter": "", "partial": 0}
_ONE_CLAIM = {"project": "", "rule": "", "words": "", "exit_hidden": 0}


def statements(event: Event, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """KeyError for a type that stands in neither table: a misspelt event must not pass as a remark."""
    if event.type in REMARKS:
        return []
    given = {**body, "seq": event.seq, "run_id": event.run_id, "subject": event.subject, "at": event.at}
    if event.type.startswith("step."):
        given.setdefault("status", event.type.removeprefix("step."))
    if event.type.startswith("spool."):
        given.setdefault("fate", event.type.removeprefix("spool."))
    if event.type == "session.joined":
        given.setdefault("continues", None)
    if event.type == "cost.stated":
        given = _WHOLE_COST | given
    if event.type in _LISTS:
        listed, statement = _LISTS[event.type]
        return [(statement, given | one) for one in given[listed]]
    if event.type == "step.prepared":
        given = _LATER | given
        return [("step_prepared", given), *(("step_claimed", claim) for claim in _claims(given))]
    return [(name, given) for name in STATEMENTS[event.type]]


def _claims(given: dict[str, Any]) -> list[dict[str, Any]]:
    """A body without a list holds one claim, in its own fields."""
    listed = given.get("claims")
    if listed is None:
        listed = [{name: given[name] for name in ("scope", "fingerprint", "nonce")}]
    return [_ONE_CLAIM | claim | {"subject": given["subject"]} for claim in listed]
