"""What the test itself knows: which calls were let through, what became of each, and what follows for the next.

Nothing here looks into the ledger. A call is `running`, `succeeded`, `freed` (it provably had no effect),
`doubt`, or `silent`: over, but no hook heard of it, so that it may still be held to be running.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .rules import Known, claims_of, rule_of, same_rule

FREE, EITHER, HELD = "free", "either", "held"


@dataclass(eq=False)
class Client:
    name: str
    process: Any
    session: str
    run: str
    project: str
    attended: bool
    env: dict[str, str]
    alive: bool = True
    killed: bool = False
    prompts: int = 1

    def prompt_of(self, agent: str) -> int:
        """A sub-agent stays with the prompt that it was launched under."""
        return self.prompts if agent == "main" else 1


@dataclass(eq=False)
class Made:
    """A call that was let through."""

    line: str
    client: Client
    agent: str
    use_id: str
    prompt: int
    hour: int
    step_id: str = ""
    status: str = "running"
    happened: bool = False
    doubted: bool = False
    open_at_the_end: bool = False  # of its client
    unsure: bool = False  # whether it was let through at all
    licensed: bool = False
    orphan: Any = None
    done_hour: int = -1
    told_to_wait: set[str] = field(default_factory=set)

    @property
    def run(self) -> str:
        return self.client_run

    def __post_init__(self) -> None:
        self.client_run = self.client.run
        self.claims = claims_of(self.line)

    def __str__(self) -> str:
        fate = "happened" if self.happened else "did not happen"
        return f"{self.line} as {self.use_id} of {self.client.name}/{self.agent}: {self.status}, {fate}"


class Violation(AssertionError):
    pass


class Book:
    def __init__(self) -> None:
        self.made: list[Made] = []
        self.clients: list[Client] = []
        self.grants: dict[tuple[str, str], int] = {}
        self.hour = 0

    # ---- may it run? ----------------------------------------------------------------------------

    def standing(self, claim: str, client: Client) -> tuple[str, str]:
        """FREE: it has to be let through. HELD: it must not. EITHER: nobody outside can know. And why."""
        if self.grants.get((claim, client.project), 0):
            return FREE, "a grant"
        rule = rule_of(claim)
        twins = self._twins(claim, client.project)
        found = [self._of_open(made, rule) for made in twins]
        done = [made for made in twins if made.status == "succeeded" or _will_be_found(made, rule)]
        sure = [made for made in done if self._counts(made, rule, client.run) == HELD]
        found.append(self._of_done(done, sure, rule, client.run))
        if HELD not in found and not sure and not rule.key:
            found += [self._of_kin(made, rule) for made in self._kin(claim, client.project)]
        worst = max(found, key=(FREE, EITHER, HELD).index)
        return worst, "; ".join(map(str, twins)) or "kin"

    def in_flight(self, claim: str, client: Client) -> bool:
        """Nothing but running twins: no question can make sense."""
        open_ = [made for made in self._twins(claim, client.project) if made.status in ("running", "silent", "doubt")]
        return bool(open_) and all(made.status == "running" for made in open_)

    def _twins(self, claim: str, project: str) -> list[Made]:
        everywhere = rule_of(claim).scope == "global"
        return [made for made in self.made if claim in made.claims and (everywhere or made.client.project == project)]

    def _kin(self, claim: str, project: str) -> list[Made]:
        """Of the same rule, in other words."""
        return [
            made
            for made in self.made
            if made.client.project == project
            and claim not in made.claims
            and any(same_rule(claim, other) for other in made.claims)
        ]

    def _of_open(self, made: Made, rule: Known) -> str:
        if made.status in ("freed", "succeeded"):
            return FREE
        if made.unsure:
            return EITHER
        if made.status == "running":
            return HELD
        if rule.probe and len(made.claims) > 1:
            # A probe sees one call, and would speak for the whole line.
            return HELD if made.status == "doubt" else EITHER
        if rule.probe and not made.happened and made.orphan is None:
            return FREE if made.status == "doubt" and not self._near_orphans(made) else EITHER
        return FREE if _will_be_found(made, rule) else HELD

    def _near_orphans(self, made: Made) -> bool:
        """Another call's process, of the same session: starts are told apart to two seconds only."""
        return any(other.orphan is not None and other.client.session == made.client.session for other in self.made)

    def _of_done(self, done: list[Made], sure: list[Made], rule: Known, run: str) -> str:
        perhaps = [made for made in done if self._counts(made, rule, run) == EITHER]
        if rule.ttl:
            fresh = [made for made in sure if made.done_hour == self.hour]
            if sure and made_last(sure) in fresh:
                return HELD
            return EITHER if fresh or perhaps else FREE
        if len(sure) >= rule.most:
            return HELD
        return EITHER if len(sure) + len(perhaps) >= rule.most else FREE

    def _of_kin(self, made: Made, rule: Known) -> str:
        if made.status not in ("doubt", "silent"):
            return FREE
        if rule.probe and len(made.claims) == 1 and (made.happened or made.orphan is None):
            return EITHER if made.unsure or self._near_orphans(made) else FREE
        return EITHER if made.unsure or made.status == "silent" else HELD

    def _counts(self, made: Made, rule: Known, run: str) -> str:
        """Whether what one run has done is done for this one."""
        if rule.scope != "run" or made.run == run or made.doubted or run in made.told_to_wait:
            return HELD
        return self._cut_off(made.run)

    def _cut_off(self, run: str) -> str:
        left_dead = [client for client in self.clients if client.killed and client.run == run]
        if any(made.client in left_dead and not made.unsure for made in self.made):
            return HELD
        once = [made for made in self.made if made.run == run and made.claims]
        if any(made.open_at_the_end and not made.unsure for made in once):
            return HELD
        settled = any(made.doubted and not made.client.alive for made in once)  # before its client's end, or after it
        unknown = settled or bool(left_dead) or any(made.unsure or made.status == "silent" for made in once)
        return EITHER if unknown else FREE

    # ---- what became of it ----------------------------------------------------------------------

    def spend_grants(self, line: str, client: Client) -> bool:
        spent = False
        for claim in claims_of(line):
            if self.grants.get((claim, client.project), 0):
                self.grants[(claim, client.project)] -= 1
                spent = True
        return spent

    def succeed(self, made: Made) -> None:
        made.status, made.done_hour = "succeeded", self.hour

    def doubt(self, made: Made) -> None:
        made.status = "doubt"
        made.doubted = True

    def ends(self, client: Client) -> None:
        """With what it leaves open."""
        for made in self.made:
            if made.client is client and made.status in ("running", "silent", "doubt"):
                self.doubt(made)
                made.open_at_the_end = True

    def happen(self, made: Made) -> None:
        """The effect. Never two of them for what must happen once, unless rule or person allowed more."""
        made.happened = True
        for claim in made.claims:
            rule = rule_of(claim)
            effects = [other for other in self.made if self._same_effect(made, other, claim, rule)]
            allowed = rule.most + sum(other.licensed for other in effects)
            if len(effects) > allowed:
                raise Violation(f"{len(effects)} effects of {claim}: {'; '.join(map(str, effects))}")

    def _same_effect(self, made: Made, other: Made, claim: str, rule: Known) -> bool:
        if not other.happened or claim not in other.claims:
            return False
        if rule.ttl and other is not made and 0 <= other.done_hour < made.hour:
            return False
        return {
            "run": other.run == made.run and other.client.project == made.client.project,
            "project": other.client.project == made.client.project,
            "global": True,
        }[rule.scope]


def made_last(made: list[Made]) -> Made:
    return made[-1]


def _will_be_found(made: Made, rule: Known) -> bool:
    """The rule's probe sees it as soon as it is asked, and a call in doubt is asked about."""
    return rule.probe and made.status == "doubt" and made.happened
