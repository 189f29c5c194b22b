"""What resume does with a call that has no receipt. Pure. The first line that fits decides.

it has a receipt, or was refused                            nothing
an agent's sub-agent, or a tool that nothing here executes  agent
it was asked about, and nobody approved it                  agent
it failed, and how is on record                             agent
it only reads                                               agent
it has not ended, or something of it still runs             agent
once, then or now, and nobody knows whether it happened     verify, if that is wanted and it can be probed; else agent
others were picked                                          agent
its input can't be had as it was, or runs in the background agent
--replay, --only, or on_resume = "replay" of one's own file replay
anything else                                               agent
"""

from __future__ import annotations

from durable.execute.tools import has_executor
from durable.policy.policy import PROJECT
from durable.policy.rule import AGENT, REPLAY, VERIFY
from durable.probing import can_be_probed
from durable.step import FAILED, IN_DOUBT, NOT_DONE, ONCE, PREPARED, READ, REFUSED, REPLAYED, RUNNING, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from durable.policy.rule import Rule
    from durable.step import Step

NOTHING = "nothing"
SUB_AGENTS = frozenset(("Agent", "Task"))
APPROVED = "approved"
DONE = {
    SUCCEEDED: "it has its receipt",
    REPLAYED: "it was answered with another step's receipt",
    REFUSED: "it was refused, or never began",
}


class Asked:
    """What the person who resumes has asked for: everything to be `replay`ed, or `only` these steps."""

    __slots__ = ("only", "replay")

    def __init__(self, replay: bool = False, only: frozenset[str] = frozenset()) -> None:
        self.replay = replay
        self.only = only

    def wants(self, step: Step) -> bool:
        return step.step_id in self.only if self.only else self.replay


class Way:
    """`what` is NOTHING, AGENT, VERIFY or REPLAY; `why` says so in words."""

    __slots__ = ("what", "why")

    def __init__(self, what: str, why: str) -> None:
        self.what = what
        self.why = why


def way_of(
    step: Step, rule: Rule | None, asked: Asked, given: dict[str, Any] | None, left: str = "", gone: str = ""
) -> Way:
    """`rule` is the one that claimed the step, as the policy has it now. `given` is the input to execute, None if only
    a redacted one is left, or if it is `gone`; `left` what of the step may still bring its effect.

    VERIFY is a probe and no more: whoever has probed asks again with the step as it is then."""
    if step.status in DONE:
        return Way(NOTHING, DONE[step.status])
    why = next(_what_forbids(step, rule, left), "")
    if why:
        return Way(AGENT, why)
    if step.status == IN_DOUBT and ONCE in (step.effect, rule.effect if rule is not None else ""):
        return _of_doubt(step, rule, asked)
    return _of_replayable(step, rule, asked, given, gone)


def _what_forbids(step: Step, rule: Rule | None, left: str) -> Iterator[str]:
    """Whoever resumes can't lift these."""
    tool = step.tool_name
    if tool in SUB_AGENTS:
        yield "a sub-agent is started anew by the agent that wants its answer"
    if not has_executor(tool):
        yield f"nothing here executes {tool}"
    if (step.asked_at or step.deferred_at) and step.approval != APPROVED:
        yield "a person was asked about it, and has not approved it"
    if step.status == FAILED:
        yield "it failed, and how is on record: the agent knows what to make of that"
    if step.effect == READ:
        yield "it only reads: whoever wants to know reads again"
    if left:
        yield f"it has not ended: {left}"
    if step.status == RUNNING or (step.status == PREPARED and step.deferred_at is None):
        yield "it is under way as far as the record goes"


def _of_doubt(step: Step, rule: Rule | None, asked: Asked) -> Way:
    if not asked.wants(step) and _says(rule) not in (VERIFY, REPLAY):
        return Way(AGENT, "nobody knows whether it happened, and no rule of yours has it looked up")
    if rule is None or not can_be_probed(step, rule):
        return Way(AGENT, "nobody knows whether it happened, and it has no probe")
    return Way(VERIFY, "nobody knows whether it happened: its probe may tell")


def _of_replayable(step: Step, rule: Rule | None, asked: Asked, given: dict[str, Any] | None, gone: str) -> Way:
    if asked.only and not asked.wants(step):
        return Way(AGENT, "it is none of the steps that were picked")
    if not asked.wants(step) and _says(rule) != REPLAY:
        return Way(AGENT, _whose_word(rule))
    if given is None:
        return Way(AGENT, f"its input was {gone}" if gone else "its input is on record without its secrets alone")
    if step.tool_name == "Bash" and given.get("run_in_background"):
        return Way(AGENT, "it runs in the background, and its end is told to the agent that started it")
    known = "it provably did not happen" if step.status == NOT_DONE else _ground(step)
    return Way(REPLAY, f"{known}, and {_on_whose_word(rule, asked, step)}")


def _ground(step: Step) -> str:
    return "a person approved it" if step.status == PREPARED else "it may be repeated"


def _says(rule: Rule | None) -> str:
    """A repository one has just cloned must not have a shell run its commands."""
    if rule is None or (rule.origin == PROJECT and rule.on_resume == REPLAY):
        return AGENT
    return rule.on_resume


def _whose_word(rule: Rule | None) -> str:
    if rule is not None and rule.origin == PROJECT and rule.on_resume == REPLAY:
        return f"the rule {rule.name} is the project's: replay is only taken from your own files"
    if rule is not None and rule.on_resume == VERIFY:
        return f"the rule {rule.name} has it looked up, not executed"
    return "what an agent began goes back to the agent"


def _on_whose_word(rule: Rule | None, asked: Asked, step: Step) -> str:
    if asked.wants(step) or rule is None:
        return "that was asked for"
    return f"the rule {rule.name} says replay"
