"""The answer to a call. Pure: what is known of it goes in, a decision comes out. The first line that fits decides.

situation                                             answer             code
a policy file is invalid                              deny               broken_policy
the run was cancelled                                 deny               cancelled
the call would touch the ledger itself                deny               tampering
gate "deny"                                           deny               gate
the run is over its budget                            deny               budget
strict mode, and the run was cut off in another call  deny               strict, strict_stop
once, and the line holds it twice                     deny               twice
once, and a person granted one more                   permit             grant
once, a twin waits for approval                       deny               awaiting
once, a twin is in flight                             deny               in_flight
once, a twin may be in flight on another machine      deny               elsewhere
once, a twin is in doubt: nobody has probed it yet    probe
                          nobody can tell             ask, else deny     in_doubt
once, a twin has succeeded: `ttl` over, below `max`   permit             ttl, max
                            its line hides whether    probe; permit if it did not (disproved)
                            `on_duplicate`            deny, ask, replay  duplicate
once, another call of the rule is in doubt            ask, else deny     reworded
gate "ask"                                            ask, else defer    approval
anything else                                         permit
"""

from __future__ import annotations

from durable.policy.effects import WRITES_A_FILE
from durable.step import ONCE, READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.event import Call
    from durable.policy.claimed import Claimed
    from durable.policy.policy import Policy
    from durable.policy.ruling import Ruling
    from durable.step import Step

PERMIT, DENY, ASK, DEFER = "permit", "deny", "ask", "defer"
REPLAYED = "replay"
PROBE = "probe"
# The client may run the call; our own question is a permit too, since no hook follows a person's Yes.
MAY_RUN = (PERMIT, ASK, DEFER)

# Of a line that holds several claims, the strictest answer stands.
_STRICTNESS = (PERMIT, REPLAYED, ASK, PROBE, DENY)


class Situation:
    """What is known when a call is decided. `attended`: somebody is there to be asked."""

    __slots__ = (
        "approved",
        "attended",
        "call",
        "cancelled",
        "claims",
        "now",
        "over_budget",
        "policy",
        "ruling",
        "step_id",
        "strict",
        "tampers",
    )

    def __init__(self, call: Call, policy: Policy, ruling: Ruling, claims: list[Claimed], step_id: str = "") -> None:
        self.call = call
        self.policy = policy
        self.ruling = ruling
        self.claims = claims
        self.step_id = step_id
        self.now = ""
        self.attended = False
        self.approved = False
        self.cancelled = False
        self.tampers = ""
        self.over_budget = ""
        self.strict: Answer | None = None


class Answer:
    """To one claim, or to the call as a whole. `why_again` says what allows a duplicate: it goes into the nonce."""

    __slots__ = ("code", "reason", "step", "verdict", "why_again")

    def __init__(
        self, verdict: str, code: str = "", reason: str = "", why_again: str = "", step: Step | None = None
    ) -> None:
        self.verdict = verdict
        self.code = code
        self.reason = reason
        self.why_again = why_again
        self.step = step


class Decision:
    """`whys` has one entry for each claim; `claim` is the one that the answer is about, if it is about one.
    `hint` is a word to the person beside a permit."""

    __slots__ = ("claim", "code", "effect", "hint", "reason", "rule", "sealed", "step", "verdict", "whys")

    def __init__(
        self, answer: Answer, ruling: Ruling | Decision, whys: list[str], claim: Claimed | None = None
    ) -> None:
        self.verdict = answer.verdict
        self.code = answer.code
        self.reason = answer.reason
        self.step = answer.step
        self.effect: str = ruling.effect
        self.rule: str = ruling.rule
        self.sealed: bool = ruling.sealed
        self.whys = whys
        self.claim = claim
        self.hint = ""

    def observed(self) -> Decision:
        """The same call under observe mode: whatever would have been, it runs."""
        whys = [why or "observed" for why in self.whys] if self.verdict != PERMIT else self.whys
        return Decision(Answer(PERMIT, self.code, self.reason, step=self.step), self, whys, self.claim)

    @property
    def twin(self) -> Step | None:
        return self.step if self.code != "reworded" else None


def decide(situation: Situation) -> Decision:
    s = situation
    whys = [""] * len(s.claims)
    barred = _barred(s)
    if barred is not None:
        return Decision(barred, s.ruling, whys)
    answers = [_to_claim(s, claimed) for claimed in s.claims]
    whys = [answer.why_again for answer in answers]
    worst = max(answers, key=lambda answer: _STRICTNESS.index(answer.verdict))
    if worst.verdict == REPLAYED and any(answer.verdict == PERMIT for answer in answers):
        worst.verdict = DENY  # The line's receipt in its place would pass off as done what is left to do.
    if worst.verdict == PERMIT and s.ruling.gate == "ask" and not s.approved:
        worst = _gate(s)
    elif worst.verdict == DENY and len(answers) > 1:
        from durable.policy import reasons

        worst.reason = reasons.of_line(s.claims, answers)
    about = s.claims[answers.index(worst)] if worst in answers and worst.step is not None else None
    return Decision(worst, s.ruling, whys, about)


def _barred(s: Situation) -> Answer | None:
    """What no receipt, no grant and no person at the prompt can lift."""
    if not _may_be_barred(s):
        return None
    from durable.policy import reasons

    if s.policy.broken and s.ruling.effect != READ and not _mends(s.call, s.policy.broken_file):
        return Answer(DENY, "broken_policy", reasons.broken_policy(s.policy.broken))
    if s.cancelled:
        return Answer(DENY, "cancelled", reasons.cancelled())
    if s.tampers:
        return Answer(DENY, "tampering", s.tampers)
    if s.ruling.gate == "deny":
        return Answer(DENY, "gate", reasons.gate(s.ruling.gate_rule))
    if s.over_budget:
        return Answer(DENY, "budget", reasons.over_budget(s.over_budget))
    return s.strict


def _may_be_barred(s: Situation) -> bool:
    """Ordinary calls go by without the words for the others."""
    return bool(s.policy.broken or s.cancelled or s.tampers or s.over_budget or s.strict or s.ruling.gate == "deny")


def _mends(call: Call, broken_file: str) -> bool:
    field = WRITES_A_FILE.get(call.tool)
    return field is not None and call.input.get(field) == broken_file


def _to_claim(s: Situation, c: Claimed) -> Answer:
    if c.effect != ONCE:
        return Answer(PERMIT, why_again=c.effect, step=c.holder)
    from durable.policy.once import to_once

    return to_once(s, c)


def _gate(s: Situation) -> Answer:
    from durable.policy import reasons

    reason = reasons.approval(s.ruling.gate_rule, s.step_id)
    return Answer(ASK if s.attended else DEFER, "approval", reason, "asked")
