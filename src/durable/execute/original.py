"""The input that a step had to the letter. What the ledger keeps may have lost its secrets; the client's own record
has not. Whichever it is, it must match the keyed hash of the call that was decided."""

from __future__ import annotations

from durable.agents.registry import AGENTS, CLIENT
from durable.fingerprint import input_hash
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.step import Step

MOST_CALLS = 2_000


def original_input(tx: Transaction, step: Step) -> dict[str, Any] | None:
    """None if it can't be had."""
    for given in _candidates(tx, step):
        if isinstance(given, dict) and input_hash(tx.key.fingerprint, given) == step.input_hash:
            return given
    return None


def _candidates(tx: Transaction, step: Step) -> Iterator[Any]:
    kept = tx.content(step.input)
    if kept is not None:
        yield loads(kept)
    session = tx.one("session", session_id=step.session_id)
    if session is None or not session["transcript_path"]:
        return
    agent = AGENTS[CLIENT]
    path = agent.transcript_of(session["transcript_path"], step.agent_id)
    for call in agent.calls_at_end(path, MOST_CALLS):
        if (call.use_id, call.tool) == (step.tool_use_id, step.tool_name):
            yield call.input
