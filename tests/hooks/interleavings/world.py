"""Plays a plan through the real executables: clients that live and die, tools that have effects or not.

A tool runs if, and only if, the hook let it. What is checked after each line stands in `book`.
"""

from __future__ import annotations

import re

from ..door import Answer, Running, recorded
from . import rules
from .actors import Call
from .book import EITHER, FREE, HELD, Client, Made, Violation
from .clients import Clients

PERSON = {"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "cli"}

ON_RECORD = "denied as in flight, and nobody heard it"


class World(Clients):
    def play(self, plan: list[str]) -> None:
        for line in plan:
            verb, *words = line.split()
            getattr(self, f"do_{verb}")(*words)
        for made in self.book.made:
            if made.orphan is not None:
                self._effect(made)
        self._check_record()

    def close(self) -> None:
        for client in self.book.clients:
            if client.alive:
                client.process.kill()
        for made in self.book.made:
            if made.orphan is not None:
                made.orphan.end()

    # ---- calls ----------------------------------------------------------------------------------

    def do_call(self, *words: str) -> None:
        calls: list[Call] = []
        for call in (Call(each, self.client) for each in words):
            again = any(call.starts(made) for made in self.book.made if made.status in ("running", "silent"))
            if not again and all(call.start != other.start for other in calls):
                calls.append(call)
        self._judge_before(calls)
        before = self._rows()
        hooks = [(call, self._start(call)) for call in calls for _ in range(2 if call.twice else 1)]
        for call, hook in hooks:
            self._hear(call, hook.finish())
        self._judge(calls)
        self._let_run(calls, before)

    def _judge_before(self, calls: list[Call]) -> None:
        for call in calls:
            call.standing = {claim: self.book.standing(claim, call.client) for claim in call.claims}
            call.in_flight = any(self.book.in_flight(claim, call.client) for claim in call.claims)

    def _start(self, call: Call, **env: str) -> Running:
        self.counted["calls"] += 1
        return self.door.start("pre_tool_use", self._asks(call), **self._env(call.client), **env)

    def _hear(self, call: Call, answer: Answer) -> None:
        if answer.code != 0 or answer.err:
            raise Violation(f"{call}: the hook failed: {answer}")
        verdict = answer.json["hookSpecificOutput"]["permissionDecision"] if answer.out else "permit"
        if call.verdict and verdict != call.verdict:
            raise Violation(f"{call}: of two starts one is told {call.verdict}, the other {verdict}")
        self.counted[verdict] += 1
        call.verdict = verdict
        call.told = answer.told

    def _judge(self, calls: list[Call]) -> None:
        """Each against what was there before, and against what was let through at the same time."""
        let = [call for call in calls if call.verdict != "deny"]
        for call in calls:
            rivals = [other for other in let if other is not call and self._rivals(call, other)]
            why = f"{call} ({call.client.run}, {call.client.project}): {call.verdict}, though {call.standing}"
            if call.verdict == "permit" and (call.held == HELD or self._too_many(call, rivals)):
                raise Violation(f"let through: {why}; beside it: {[*map(str, rivals)]}")
            # A process of anybody's, on its way out, can't be read for a moment: then it could be an orphan.
            free = call.held == FREE and not rivals and "can't be known" not in call.told
            if call.verdict != "permit" and free:
                raise Violation(f"kept from running: {why}; it was told: {call.told}")
            if call.verdict == "ask" and (not call.client.attended or call.in_flight):
                raise Violation(f"asked: {why}")

    def _rivals(self, call: Call, other: Call) -> bool:
        shared = set(call.claims) & set(other.claims)
        if call.client.project != other.client.project:
            return any(rules.rule_of(claim).scope == "global" for claim in shared)
        return bool(shared)

    def _too_many(self, call: Call, rivals: list[Call]) -> bool:
        """Of twins at once one runs, and one more for each grant."""
        return any(
            sum(claim in other.claims for other in rivals) > self.book.grants.get((claim, call.client.project), 0)
            for claim in call.claims
        )

    def _let_run(self, calls: list[Call], before: set[str]) -> None:
        for call in calls:
            if call.verdict == "deny":
                continue
            made = self._made(call, self._row(call, before))
            made.licensed = self.book.spend_grants(call.line, call.client) or call.verdict == "ask"
            if call.verdict == "ask" and call.says_no:
                made.status = "silent"
        for call in calls:
            if call.verdict == "deny":
                self._told_to_wait(call)

    def _told_to_wait(self, call: Call) -> None:
        for made in self.book.made:
            met = made.status == "running" and set(made.claims) & set(call.claims)
            # Of several that were there one after the other it was told of the one that is named.
            named = call.told == ON_RECORD or ("in flight" in call.told and made.step_id in call.told)
            if met and made.client.project == call.client.project and named:
                made.told_to_wait.add(call.client.run)

    def _made(self, call: Call, step_id: str = "") -> Made:
        prompt = call.client.prompt_of(call.agent)
        made = Made(call.line, call.client, call.agent, call.use_id, prompt, self.book.hour, step_id)
        self.book.made.append(made)
        return made

    # ---- how calls end --------------------------------------------------------------------------

    def do_end(self, number: str, how: str) -> None:
        under_way = [made for made in self.book.made if made.status == "running"]
        if not under_way:
            return
        made = under_way[int(number) % len(under_way)]
        if how not in ("nothing", "fail-before"):
            self._effect(made)
        getattr(self, f"_end_{how.replace('-', '_')}")(made)

    def _end_ok(self, made: Made) -> None:
        self._post(made)
        self.book.succeed(made)

    def _end_spooled(self, made: Made) -> None:
        """Its receipt waits in the spool, and the next hook of any client takes it in."""
        self._post(made, DURABLE_TEST_CRASH="before-commit:term")
        self.book.succeed(made)

    def _end_lost(self, made: Made) -> None:
        self._post(made, DURABLE_TEST_CRASH="before-commit:kill")
        made.status = "silent"
        self._batch(made.client, made.agent, made.line, made.use_id)

    def _end_nothing(self, made: Made) -> None:
        self._fail(made, rules.NOTHING_DONE)
        made.status = "freed"

    def _end_fail_before(self, made: Made) -> None:
        self._fail(made, "who knows")
        if not made.claims and not rules.is_mcp(made.line):
            made.status = "freed"
        else:
            self.book.doubt(made)

    _end_fail_after = _end_fail_before

    def _post(self, made: Made, **env: str) -> None:
        payload = rules.succeeds(made.line, made.use_id, **self._fields(made.client, made.agent, made.prompt))
        self._heard(made.client, "post_tool_use", payload, **env)

    def _fail(self, made: Made, error: str) -> None:
        payload = rules.fails(made.line, made.use_id, error, **self._fields(made.client, made.agent, made.prompt))
        self._heard(made.client, "post_tool_use", payload)

    def _batch(self, client: Client, agent: str, line: str, use_id: str) -> None:
        asked = rules.asks(line, use_id)
        call = {name: asked[name] for name in ("tool_name", "tool_input", "tool_use_id")} | {"tool_response": "…"}
        payload = recorded("PostToolBatch", **self._fields(client, agent)) | {"tool_calls": [call]}
        self._heard(client, "post_tool_use", payload)

    # ---- accidents of hooks ---------------------------------------------------------------------

    def do_crash(self, words: str, point: str) -> None:
        call = self._alone(words)
        if call is None:
            return
        where, _, how = point.partition(":")
        self._start(call, DURABLE_TEST_CRASH=point).finish()
        self.counted["hooks killed"] += 1
        if where in ("after-commit", "before-answer"):
            self._perhaps_let_through(call, how)
        self._batch(call.client, call.agent, call.line, call.use_id)

    def _perhaps_let_through(self, call: Call, how: str) -> None:
        """It is on record, and the client heard nothing. Only who could still write a note has said so."""
        if call.held == HELD:
            self._told_on_record(call)
            return
        spent = self.book.spend_grants(call.line, call.client) if call.held == FREE else False
        made = self._made(call)
        made.licensed = spent
        made.status = "silent" if how == "kill" else "freed"
        made.unsure = call.held == EITHER

    def _told_on_record(self, call: Call) -> None:
        """Whoever asked is not there to hear it."""
        call.told = ON_RECORD
        self._told_to_wait(call)

    def _alone(self, words: str) -> Call | None:
        call = Call(words, self.client)
        if any(call.starts(made) for made in self.book.made if made.status in ("running", "silent")):
            return None
        self._judge_before([call])
        return call

    def do_gone(self, words: str, point: str) -> None:
        call = self._alone(words)
        if call is None:
            return
        flag = self.door.root / "held"
        hook = self._start(call, DURABLE_TEST_CRASH=f"{point}:hold={flag}")
        hook.wait_for(flag)
        mine = self._running(call.client)
        self._die(call.client)
        self._cut(mine, "before")
        flag.unlink()
        hook.finish()
        if point != "after-permit" and call.held == FREE:
            self.book.spend_grants(call.line, call.client)
        elif point != "after-permit" and call.held == HELD:
            self._told_on_record(call)

    # ---- persons and time -----------------------------------------------------------------------

    def do_person(self, number: str, verb: str) -> None:
        known = [made for made in self.book.made if made.step_id and made.claims]
        made = known[int(number) % len(known)] if known else None
        if made is None or (verb != "allow" and not self._can_tell(made)):
            return
        if verb != "allow":
            verb = "happened" if made.happened else "not-happened"
        prompt = recorded("UserPromptSubmit", session_id="person", prompt=f"durable {verb} {made.step_id}")
        answer = self.door.lifecycle(prompt, CLAUDE_PROJECT_DIR=self._project(made.client), **PERSON)
        if verb == "allow" and "allowed already" in answer.json["reason"]:
            return
        if not re.search(r"counts as|may run", answer.json["reason"]):
            raise Violation(f"{verb} of {made}: {answer}")
        self.counted[verb] += 1
        if verb == "allow":
            for claim in made.claims:
                key = (claim, made.client.project)
                self.book.grants[key] = self.book.grants.get(key, 0) + 1
        elif made.happened:
            self.book.succeed(made)
        else:
            made.status = "freed"

    def _can_tell(self, made: Made) -> bool:
        probed = rules.rule_of(made.claims[0]).probe  # it may have settled it already
        return made.status == "doubt" and made.orphan is None and not probed

    def do_hour(self) -> None:
        """What waits in the spool is taken in first."""
        self.door.lifecycle(recorded("Stop", session_id="person"))
        self._move_an_hour_back()
        self.book.hour += 1
