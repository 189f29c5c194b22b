"""The answer to one claim of a call that must happen once. Pure; the table stands in decide.py."""

from __future__ import annotations

from durable.policy import reasons
from durable.policy.decide import ASK, DENY, PERMIT, PROBE, REPLAYED, Answer
from durable.policy.rule import ALLOW, REPLAY
from durable.step import IN_DOUBT, PREPARED, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.policy.claimed import Claimed
    from durable.policy.decide import Situation
    from durable.step import Step


def to_once(s: Situation, c: Claimed) -> Answer:
    if c.repeated and c.rule.on_duplicate != ALLOW:
        return Answer(DENY, "twice", reasons.twice(c))
    if c.grant is not None:
        return Answer(PERMIT, "grant", why_again="grant", step=c.open or c.latest or c.holder)
    if c.open is not None:
        return _to_open_twin(s, c, c.open)
    if c.done:
        return _to_done_twin(s, c, c.done[0])
    if c.kin is not None:
        return _to_doubt(s, c, c.kin, "reworded")
    return Answer(PERMIT)


def _to_open_twin(s: Situation, c: Claimed, twin: Step) -> Answer:
    if twin.status == PREPARED and twin.deferred_at is not None:
        return Answer(DENY, "awaiting", reasons.awaiting(twin), step=twin)
    if twin.status == IN_DOUBT or (twin.status == RUNNING and c.owner == "dead"):
        return _to_doubt(s, c, twin, "in_doubt")
    if c.owner == "alive":
        return Answer(DENY, "in_flight", reasons.in_flight(twin), step=twin)
    return Answer(DENY, "elsewhere", reasons.elsewhere(twin, c.owner_why, s.step_id), step=twin)


def _to_doubt(s: Situation, c: Claimed, step: Step, code: str) -> Answer:
    if c.probes and not c.probed:
        return Answer(PROBE, code, step=step)
    reason = reasons.in_doubt if code == "in_doubt" else reasons.reworded
    if s.attended:
        return Answer(ASK, code, reason(c, step, s.step_id), "asked", step)
    return Answer(DENY, code, reason(c, step, s.step_id), step=step)


def _to_done_twin(s: Situation, c: Claimed, twin: Step) -> Answer:
    counting = c.counting(s.now)
    if counting < c.rule.max:
        why = "max" if counting else "ttl"
        return Answer(PERMIT, why, why_again=why, step=twin)
    if c.receipt is not None and not c.receipt.sure and c.probes:
        if not c.probed:
            return Answer(PROBE, "duplicate", step=twin)
        if c.disproved:
            return Answer(PERMIT, "disproved", why_again="disproved", step=twin)
    chosen = c.rule.on_duplicate
    if chosen == ALLOW:
        return Answer(PERMIT, "allow", why_again="allow", step=twin)
    if chosen == REPLAY and c.replayable:
        return Answer(REPLAYED, "duplicate", reasons.done(c, twin, s.step_id), "replay", twin)
    if chosen == "ask" and s.attended:
        return Answer(ASK, "duplicate", reasons.done(c, twin, s.step_id), "asked", twin)
    return Answer(DENY, "duplicate", reasons.done(c, twin, s.step_id), step=twin)
