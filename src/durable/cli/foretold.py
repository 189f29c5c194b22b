"""What the hook would answer to a call now, with a person there and without."""

from __future__ import annotations

import os

from durable.agents.registry import CLIENT
from durable.event import BEFORE_CALL, Event
from durable.ledger.reading import Reader
from durable.policy.decide import PERMIT
from durable.policy.rule import ASK, DENY, REPLAY
from durable.rehearsal import rehearse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.event import Call
    from durable.policy.policy import Policy
    from durable.view import Row

NOBODY = "no session"
DOES = {
    "run": "it would run",
    DENY: "it would be denied",
    ASK: "a person would be asked",
    "defer": "it would wait for a person's approval",
    REPLAY: "its receipt would be handed over in its place",
    "probe": "the rule's probe would be asked first",
}


def answers(state: str, call: Call, cwd: str, policy: Policy) -> list[Row]:
    """As a call of the latest session of this project, with a person there and without."""
    with Reader(state) as reader:
        known = reader.one("latest_session_of_project", project=os.getcwd())
    session_id = known["session_id"] if known else NOBODY
    return [_answer(state, call, cwd, policy, session_id, attended) for attended in (True, False)]


def _answer(state: str, call: Call, cwd: str, policy: Policy, session_id: str, attended: bool) -> Row:
    event = Event(BEFORE_CALL, "PreToolUse", session_id)
    event.client, event.call, event.attended = CLIENT, call, attended
    event.cwd, event.project = cwd, os.getcwd()
    decision = rehearse(state, event, policy, os.environ)
    verdict = "run" if decision.verdict == PERMIT else decision.verdict
    return {
        "attended": attended,
        "session_id": session_id if session_id != NOBODY else None,
        "verdict": verdict,
        "code": decision.code or None,
        "reason": decision.reason or None,
    }


def now_facts(answers: list[Row]) -> list[tuple[str, str]]:
    told = [_told(answer) for answer in answers]
    if len(set(told)) < 2:
        return [("now", told[0])] if told else []
    return [("now", f"with a person there: {told[0]}"), ("", f"without one: {told[1]}")]


def _told(answer: Row) -> str:
    does = DOES[answer["verdict"]] + (f" ({answer['code'].replace('_', ' ')})" if answer["code"] else "")
    return f"{does}: {answer['reason'].splitlines()[0]}" if answer["reason"] else does
