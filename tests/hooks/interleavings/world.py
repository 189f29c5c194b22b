"""Plays a plan through the real executables: clients that live and die, tools that have effects or not.

A tool runs if, and only if, the hook let it. What is checked after each line stands in `book`.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import ledger_view
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.walk import Walk, walked

from ..door import Answer, Door, FakeClient, Running, recorded
from . import rules
from .book import EITHER, FREE, HELD, Book, Client, Made, Violation

STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
PERSON = {"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "cli"}


class Orphan:
    """A process of a tool that outlives its client. It ends with us, whatever ends us: its stdin closes."""

    def __init__(self, session: str) -> None:
        self._process = subprocess.Popen(
            ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={"CLAUDE_CODE_SESSION_ID": session}
        )

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Call:
    """One of a line's `call`s: who makes it, what it is, and how it was answered."""

    def __init__(self, words: str, world: World) -> None:
        client, self.agent, self.line, self.use_id, *more = words.split(",")
        self.client = world.client(client)
        self.twice = "twice" in more
        self.says_no = "no" in more
        self.standing: dict[str, tuple[str, str]] = {}
        self.claims = rules.claims_of(self.line)
        self.in_flight = False
        self.verdict = ""

    @property
    def held(self) -> str:
        return max((found for found, _ in self.standing.values()), key=(FREE, EITHER, HELD).index, default=FREE)

    def starts(self, made: Made) -> bool:
        """The same start once more, as the client may do: it is no other call."""
        return (made.client, made.agent, made.use_id, made.line, made.prompt) == self.start

    @property
    def start(self) -> tuple[Client, str, str, str, int]:
        return self.client, self.agent, self.use_id, self.line, self.client.prompt_of(self.agent)

    def __str__(self) -> str:
        return f"{self.line} as {self.use_id} of {self.client.name}/{self.agent}"


class World:
    def __init__(self, root: Path) -> None:
        self.name = f"w{os.getpid()}-{root.parent.name}"  # orphans are known by the session's name
        self.door = Door(root, DURABLE_DEADLINE_S="25")
        self.book = Book()
        self.counted: Counter[str] = Counter()
        self.happened = root / "happened"
        self.happened.mkdir()
        probe = root / "probe"
        probe.write_text(f'#!/bin/sh\ntest -e {self.happened}/"$DURABLE_STEP_ID" || exit 1\necho found\n')
        probe.chmod(0o755)
        self.door.policy(rules.policy(str(probe)))

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

    # ---- clients --------------------------------------------------------------------------------

    def client(self, number: str) -> Client:
        alive = [client for client in self.book.clients if client.alive]
        return alive[int(number) % len(alive)] if alive else self._opened("P", False)

    def do_open(self, project: str, how: str) -> None:
        self._opened(project, how == "attended")

    def do_continue(self, number: str) -> None:
        before = self._any_client(number)
        self._opened(before.project, before.attended, run=before.run, env={"DURABLE_RUN_ID": before.run})

    def do_resume(self, number: str) -> None:
        gone = [client for client in self.book.clients if not client.alive]
        if gone:
            self._again(gone[int(number) % len(gone)])

    def do_second(self, number: str) -> None:
        self._again(self.client(number))

    def do_move(self, number: str) -> None:
        before = self._any_client(number)
        if any(client.alive and client.session == before.session for client in self.book.clients):
            return
        run = f"run-{len(self.book.clients)}"
        self._opened(before.project, before.attended, session=before.session, run=run, env={"DURABLE_RUN_ID": run})

    def _any_client(self, number: str) -> Client:
        return self.book.clients[int(number) % len(self.book.clients)]

    def _again(self, before: Client) -> Client:
        return self._opened(before.project, before.attended, session=before.session, run=before.run, env=before.env)

    def _opened(
        self, project: str, attended: bool, session: str = "", run: str = "", env: dict[str, str] | None = None
    ) -> Client:
        name = f"c{len(self.book.clients)}"
        session = session or f"{self.name}-{name}"
        client = Client(name, FakeClient(), session, run or session, project, attended, env or {})
        self.book.clients.append(client)
        source = "startup" if session.endswith(f"-{name}") else "resume"
        self._heard(client, "lifecycle", recorded(f"SessionStart-{source}", **self._fields(client)))
        return client

    def do_kill(self, number: str, how: str) -> None:
        busy = [client for client in self.book.clients if self._running(client)]
        client = busy[int(number) % len(busy)] if busy else self.client(number)
        if how == "orphan":
            for made in self._running(client):
                made.orphan = None if rules.is_mcp(made.line) else Orphan(client.session)
        self._die(client)
        self._cut(self._running(client), how)

    def _die(self, client: Client) -> None:
        client.process.kill()
        client.alive, client.killed = False, True
        self.counted["kills"] += 1
        for made in self.book.made:
            if made.client is client and made.status == "silent":
                self.book.doubt(made)

    def do_leave(self, number: str, how: str) -> None:
        client = self.client(number)
        self._effects(self._running(client), how)
        self._heard(client, "lifecycle", recorded("SessionEnd-other", **self._fields(client)))
        client.process.kill()
        client.alive = False
        for made in self.book.made:
            if made.client is client and made.status in ("running", "silent"):
                self.book.doubt(made)

    def do_escape(self, number: str, how: str) -> None:
        client = self.client(number)
        mine = [made for made in self._running(client) if made.agent == "main"]
        self._effects(mine, how)
        for made in mine:
            made.status = "silent"
        client.prompts += 1

    def _running(self, client: Client) -> list[Made]:
        return [made for made in self.book.made if made.client is client and made.status == "running"]

    def _cut(self, cut: list[Made], how: str) -> None:
        self._effects(cut, how)
        for made in cut:
            self.book.doubt(made)

    def _effects(self, cut: list[Made], how: str) -> None:
        for made in cut if how == "after" else ():
            self._effect(made)

    def do_orphan(self, number: str, how: str) -> None:
        left = [made for made in self.book.made if made.orphan is not None]
        if not left:
            return
        made = left[int(number) % len(left)]
        if how == "effect":
            self._effect(made)
        made.orphan.end()
        made.orphan = None

    def _effect(self, made: Made) -> None:
        if made.step_id:
            (self.happened / made.step_id).touch()
        self.counted["effects"] += 1
        self.book.happen(made)

    # ---- calls ----------------------------------------------------------------------------------

    def do_call(self, *words: str) -> None:
        calls: list[Call] = []
        for call in (Call(each, self) for each in words):
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

    def _asks(self, call: Call) -> dict[str, object]:
        return rules.asks(call.line, call.use_id, **self._fields(call.client, call.agent))

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
            if call.verdict != "permit" and call.held == FREE and not rivals:
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
            if met and made.client.project == call.client.project and "in flight" in call.told:
                made.told_to_wait.add(call.client.run)

    def _made(self, call: Call, step_id: str = "") -> Made:
        prompt = call.client.prompt_of(call.agent)
        made = Made(call.line, call.client, call.agent, call.use_id, prompt, self.book.hour, step_id)
        self.book.made.append(made)
        return made

    def _rows(self) -> set[str]:
        return {row["step_id"] for row in ledger_view.steps(self.door.state)} if self.book.clients else set()

    def _row(self, call: Call, before: set[str]) -> str:
        """Prepared before it was let through, or this fails."""
        known = before | {made.step_id for made in self.book.made}
        agent = "" if call.agent == "main" else call.agent
        rows = ledger_view.steps(
            self.door.state, session_id=call.client.session, tool_use_id=call.use_id, agent_id=agent
        )
        given = self._asks(call)["tool_input"]
        rows = [row for row in rows if row["step_id"] not in known and row["input"] == given and row["running_at"]]
        if len(rows) != 1 or not rows[0]["prepared_at"]:
            raise Violation(f"{call} was let through, and its rows are {rows}")
        return str(rows[0]["step_id"])

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
            self._told_to_wait_perhaps(call)
            return
        spent = self.book.spend_grants(call.line, call.client) if call.held == FREE else False
        made = self._made(call)
        made.licensed = spent
        made.status = "silent" if how == "kill" else "freed"
        made.unsure = call.held == EITHER

    def _told_to_wait_perhaps(self, call: Call) -> None:
        call.told = "in flight"
        self._told_to_wait(call)

    def _alone(self, words: str) -> Call | None:
        call = Call(words, self)
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
        """Beginnings and ends move back, since the clock can't be moved: not so the times that processes are
        compared with. What waits in the spool is taken in first."""
        self.door.lifecycle(recorded("Stop", session_id="person"))
        ledger = sqlite3.connect(self.door.state / "ledger.db", timeout=30)
        ledger.create_function("hour_before", 1, _hour_before)
        with ledger:
            ledger.execute(
                "UPDATE steps SET prepared_at = hour_before(prepared_at), closed_at = hour_before(closed_at)"
            )
        ledger.close()
        self.book.hour += 1

    # ---- the edges ------------------------------------------------------------------------------

    def _heard(self, client: Client, door: str, payload: dict[str, object], **env: str) -> None:
        answer = self.door.run(door, payload, **self._env(client), **env)
        if "DURABLE_TEST_CRASH" not in env and not answer.permits:
            raise Violation(f"{payload['hook_event_name']} of {client.name}: {answer}")

    def _env(self, client: Client) -> dict[str, str]:
        return {
            "CLAUDE_PID": str(client.process.pid),
            "CLAUDE_PROJECT_DIR": self._project(client),
            "CLAUDE_CODE_SESSION_ATTENDED": "1" if client.attended else "0",
            "CLAUDE_CODE_ENTRYPOINT": "cli" if client.attended else "sdk-cli",
            **client.env,
        }

    def _project(self, client: Client) -> str:
        return str(self.door.project / client.project)

    def _fields(self, client: Client, agent: str = "main", prompt: int = 0) -> dict[str, object]:
        fields: dict[str, object] = {
            "session_id": client.session,
            "cwd": str(self.door.project),
            "transcript_path": f"{self.door.root}/{client.session}.jsonl",
            "prompt_id": f"{client.name}-{prompt or client.prompt_of(agent)}",
        }
        return fields if agent == "main" else fields | {"agent_id": agent, "agent_type": "general-purpose"}

    def _check_record(self) -> None:
        """What ran was prepared before, and the chain is whole."""
        ledger = SqliteLedger(str(self.door.state), patience=30.0, busy_s=30.0)
        with ledger.begin():
            events = ledger.all("events_after", {"seq": 0})
        faults = walked(Walk({ledger.key.key_id: ledger.key.chain}), events, ledger.key.key_id).faults
        if faults:
            raise Violation(f"the chain is not whole: {faults}")
        order = {(event["type"], event["subject"]): event["seq"] for event in reversed(events)}
        for made in self.book.made:
            if made.step_id and not (order["step.prepared", made.step_id] < order["step.running", made.step_id]):
                raise Violation(f"{made} was let through before it was prepared")


def _hour_before(at: str | None) -> str | None:
    return at and (datetime.strptime(at, STAMP) - timedelta(hours=1)).strftime(STAMP)
