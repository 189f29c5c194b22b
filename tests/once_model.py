"""Exactly once as a model of a few lines: every fact known, nothing stored, no process looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from durable.probe import HAPPENED, NOT_HAPPENED
from durable.step import FAILED, IN_DOUBT, NOT_DONE, RUNNING, SUCCEEDED

MICROSECOND = 1_000
SECOND = 1_000_000_000
HOUR = 3600 * SECOND
SETTLE = 600 * SECOND
NOTHING_DONE = "nothing was done"
POLICY = f"""
[rules.pay]
match = "Bash(pay *)"
effect = "once"
no_effect_output = ["{NOTHING_DONE}"]
[rules.ship]
match = "Bash(ship *)"
scope = "project"
[rules.rent]
match = "Bash(rent *)"
ttl = "1h"
[rules.vote]
match = "Bash(vote *)"
max = 2
[rules.book]
match = "Bash(book *)"
probe = "exit 7"
settle = "10m"
[rules.send]
match = "Bash(send *)"
key = ["--to"]
"""
CALLS = [f"{rule} --to {whom}" for rule in ("pay", "ship", "rent", "vote", "book", "send") for whom in ("bob", "eve")]


@dataclass(eq=False)
class Owner:
    """One client process in one session; `run` is its session's."""

    pid: int
    session: str
    run: str
    attended: bool = False
    alive: bool = True
    ended_at: int | None = None
    called: bool = False
    prompt: int = 1

    @property
    def gone(self) -> bool:
        return self.ended or not self.alive

    @property
    def ended(self) -> bool:
        return self.ended_at is not None


@dataclass(eq=False)
class Call:
    """A call that was let through."""

    step_id: str
    use_id: str
    call: str
    owner: Owner
    agent: str
    prompt: int
    asked: bool
    status: str = RUNNING
    returned: bool = False
    doubted_at: int | None = None
    closed_at: int | None = None
    released: bool = False
    run: str = ""
    told_to_wait: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.run = self.owner.run

    @property
    def rule(self) -> str:
        return self.call.split()[0]

    @property
    def was_open_at_the_end(self) -> bool:
        end = self.owner.ended_at
        return self.doubted_at is not None and end is not None and (self.closed_at is None or self.closed_at >= end)

    @property
    def is_open(self) -> bool:
        return self.status in (RUNNING, IN_DOUBT)


class Model:
    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND
        self.calls: list[Call] = []
        self.owners: list[Owner] = []
        self.grants: list[str] = []

    # ---- what a call is answered ----------------------------------------------------------------

    def answer(self, call: str, owner: Owner, agent: str, says: str) -> tuple[str, str]:
        """(verdict, code). What is found on the way is settled, as far as evidence goes."""
        owner.called = True
        for made in self.calls:
            if made.status == RUNNING and (made.owner, made.agent) == (owner, agent) and made.prompt != owner.prompt:
                self.doubt(made)
        self._look(call, owner, "")
        if call in self.grants:
            self.grants.remove(call)
            return "permit", "grant"
        verdict, code = self._look(call, owner, says)
        if verdict == "deny":
            for twin in self._open(made for made in self.calls if made.call == call):
                twin.told_to_wait.add(owner.run)
        return verdict, code

    def _look(self, call: str, owner: Owner, says: str) -> tuple[str, str]:
        for twin in self._open(made for made in self.calls if made.call == call):
            self._settle(twin, says)
            if twin.status == IN_DOUBT:
                return self._unknown(owner, "in_doubt")
            if twin.is_open:
                return "deny", "in_flight"
        done = [made for made in self.calls if made.call == call and self._counts(made, owner.run)]
        if done:
            return self._again(call, done)
        rule = call.split()[0]
        for kin in self._open(made for made in self.calls if made.rule == rule != "send"):
            self._settle(kin, says)
            if kin.status == IN_DOUBT:
                return self._unknown(owner, "reworded")
        return "permit", ""

    def _open(self, calls) -> list[Call]:
        return [made for made in calls if made.is_open][::-1]

    def _unknown(self, owner: Owner, code: str) -> tuple[str, str]:
        return ("ask" if owner.attended else "deny"), code

    def _again(self, call: str, done: list[Call]) -> tuple[str, str]:
        rule, latest = call.split()[0], done[-1]
        if rule == "rent" and self.now - (latest.closed_at or 0) >= HOUR:
            return "permit", "ttl"
        if rule == "vote" and len(done) < 2:
            return "permit", "max"
        return "deny", "duplicate"

    def _counts(self, made: Call, run: str) -> bool:
        if made.status != SUCCEEDED or made.released:
            return False
        near = made.rule == "ship" or made.run == run or run in made.told_to_wait
        return near or made.doubted_at is not None or self._cut_off(made.run)

    def _cut_off(self, run: str) -> bool:
        """Its client died, or ended with a call open."""
        open_at_the_end = any(made.run == run and made.was_open_at_the_end for made in self.calls)
        dead = (owner for owner in self.owners if owner.called and not owner.alive and not owner.ended)
        return open_at_the_end or any(owner.run == run for owner in dead)

    def _settle(self, made: Call, says: str) -> None:
        if made.status == RUNNING and made.owner.gone:
            self.bury(made.owner.session)
        if made.status == IN_DOUBT and made.rule == "book":
            if says == HAPPENED:
                self.close(made, SUCCEEDED)
            elif says == NOT_HAPPENED and self.now >= (made.doubted_at or 0) + SETTLE:
                self.close(made, NOT_DONE)

    # ---- what becomes of it ---------------------------------------------------------------------

    def bury(self, session: str = "") -> None:
        for made in self.calls:
            if made.status == RUNNING and made.owner.gone and session in ("", made.owner.session):
                self.doubt(made)

    def end(self, owner: Owner) -> None:
        owner.ended_at = self.now
        for made in self.calls:
            if made.status == RUNNING and made.owner is owner:
                self.doubt(made)

    def doubt(self, made: Call) -> None:
        made.status, made.doubted_at = IN_DOUBT, self.now

    def close(self, made: Call, status: str) -> None:
        made.status, made.closed_at = status, self.now

    def fail(self, made: Call, said: str) -> None:
        """One rule knows the words that say that nothing was done."""
        if made.rule == "pay" and said == NOTHING_DONE:
            self.close(made, FAILED)
        else:
            self.doubt(made)

    def decided(self, made: Call, verb: str) -> None:
        if verb == "allow":
            self.grants.append(made.call)
        elif verb == "retry":
            made.released = True
        else:
            self.close(made, SUCCEEDED if verb == "happened" else NOT_DONE)
