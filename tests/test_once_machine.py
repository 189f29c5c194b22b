"""Any sequence of calls, endings, deaths and decisions: what is answered, and what stands in the ledger, is
what a model of a few lines says.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import ledger_view
from conformance.past import all_events
from conformance.record import keys_of
from conformance.sqlite_backend import Sqlite
from durable.agents import claude_code
from durable.clock import stamp
from durable.event import Event
from durable.ledger import transaction
from durable.ledger.walk import Walk, walked
from durable.lifecycle import Lifecycle
from durable.person import Said, carry_out
from durable.policy.decide import PROBE
from durable.policy.files import load_policy
from durable.prepare import Preparation, Prepared
from durable.probe import CANT_TELL, HAPPENED, NOT_HAPPENED, Verdict
from durable.receipt import Receipt
from durable.redact import Redactor
from durable.step import IN_DOUBT, RUNNING, SUCCEEDED
from hooks.door import FakeClient, bash, failed, ran, recorded
from once_model import CALLS, HOUR, MICROSECOND, NOTHING_DONE, POLICY, SECOND, SETTLE, Call, Model, Owner

SETTINGS = settings(max_examples=50, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
picks = st.integers(0, 1000)
agents = st.sampled_from(["", "", "a1"])
endings = st.sampled_from(["succeeds", "succeeds", "succeeds", "goes on", "who knows", NOTHING_DONE])
answers = st.sampled_from([HAPPENED, NOT_HAPPENED, NOT_HAPPENED, CANT_TELL])


class OnceMachine(RuleBasedStateMachine):
    """`root` and `clock` are set by the test."""

    root: Path
    clock: list[int]

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(dir=self.root))
        self.project = str(self.place / "project")
        self.backend = Sqlite(self.place / "state")
        self.ledger = self.backend.make_ledger()
        config = self.place / ".config" / "durable"
        config.mkdir(parents=True)
        (config / "policy.toml").write_text(POLICY)
        self.policy = load_policy(str(self.backend.place), self.project, {"HOME": str(self.place)})
        self.redactor = Redactor()
        self.model = Model()
        self.clients: dict[int, FakeClient] = {}
        self.uses = 0
        self.pool = CALLS

    @initialize(rules=st.sets(st.sampled_from(["pay", "ship", "rent", "vote", "book", "send"]), min_size=1, max_size=2))
    def few_rules_so_that_calls_meet(self, rules: set[str]) -> None:
        self.pool = [call for call in CALLS if call.split()[0] in rules]
        self._join(f"session-{len(self.model.owners)}", "", attended=False)

    # ---- clients --------------------------------------------------------------------------------

    @rule(pick=picks, attended=st.booleans(), how=st.sampled_from(["new", "same run", "same session"]))
    def a_client_starts(self, pick: int, attended: bool, how: str) -> None:
        before = self._one(self.model.owners, pick)
        session = before.session if how == "same session" else f"session-{len(self.model.owners)}"
        self._join(session, "" if how == "new" else before.run, attended)

    @precondition(lambda self: self._living())
    @rule(pick=picks, how=st.sampled_from(["dies", "dies", "ends its session", "is given a prompt"]))
    def a_client(self, pick: int, how: str) -> None:
        owner = self._one(self._living(), pick)
        if how == "dies":
            self.clients[owner.pid].kill()
            owner.alive = False
        elif how == "ends its session":
            self._lifecycle(recorded("SessionEnd-other"), owner)
            self.model.end(owner)
        else:
            owner.prompt += 1

    # ---- calls ----------------------------------------------------------------------------------

    @precondition(lambda self: self._living())
    @rule(made=st.lists(st.tuples(picks, picks, agents, answers, endings), min_size=1, max_size=4))
    def calls(self, made: list[tuple[int, int, str, str, str]]) -> None:
        for which, by, agent, says, ends in made:
            self._make(self._one(self.pool, which), self._one(self._living(), by), agent, says, ends)

    def _make(self, call: str, owner: Owner, agent: str, says: str, ends: str) -> None:
        self.uses += 1
        expected = self.model.answer(call, owner, agent, says)
        found = self._prepare(call, owner, agent, f"toolu_{self.uses}", says)
        assert (found.decision.verdict, *found.decision.whys, found.decision.code) == said(*expected)
        if expected[0] != "deny":
            assert found.step is not None
            asked = expected[0] == "ask"
            made = Call(found.step.step_id, f"toolu_{self.uses}", call, owner, agent, owner.prompt, asked)
            self.model.calls.append(made)
            self._end(made, ends)

    @precondition(lambda self: self._under_way())
    @rule(pick=picks, ends=endings)
    def a_call_ends(self, pick: int, ends: str) -> None:
        self._end(self._one(self._under_way(), pick), ends)

    def _end(self, made: Call, ends: str) -> None:
        if ends == "succeeds":
            self._receipt(made, ran(made.call, made.use_id))
            self.model.close(made, SUCCEEDED)
        elif ends != "goes on":
            self._receipt(made, failed(made.call, made.use_id, error=f"Exit code 3\n{ends}"))
            self.model.fail(made, ends)

    @precondition(lambda self: self._under_way())
    @rule(pick=picks, says=answers)
    def the_same_hook_starts_again(self, pick: int, says: str) -> None:
        made = self._one(self._under_way(), pick)
        if made.prompt == made.owner.prompt:
            found = self._prepare(made.call, made.owner, made.agent, made.use_id, says)
            assert (found.decision.verdict, found.step) == ("ask" if made.asked else "permit", None)

    # ---- persons and time -----------------------------------------------------------------------

    @precondition(lambda self: self.model.calls)
    @rule(pick=picks, verb=st.sampled_from(["happened", "not-happened", "allow", "retry"]))
    def a_person_decides(self, pick: int, verb: str) -> None:
        fits = {
            "allow": lambda made: made.call not in self.model.grants,
            "retry": lambda made: made.status == SUCCEEDED and not made.released,
        }
        known = [made for made in self.model.calls if fits.get(verb, lambda made: made.status == IN_DOUBT)(made)]
        if known:
            made = self._one(known, pick)
            self._person(verb, made)
            self.model.decided(made, verb)
            for owner in self._living()[:1] * 2:  # what follows from it, and for how long
                self._make(made.call, owner, "", CANT_TELL, "succeeds")

    @rule(span=st.sampled_from([SECOND, SETTLE, HOUR]))
    def time_passes(self, span: int) -> None:
        self.model.now += span

    # ---- what must hold -------------------------------------------------------------------------

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        if not self.model.calls:
            return
        rows = {row["step_id"]: row["status"] for row in ledger_view.steps(self.backend.place)}
        assert [rows[made.step_id] for made in self.model.calls] == [made.status for made in self.model.calls]

    def teardown(self) -> None:
        for owner in self.model.owners:
            if owner.alive:
                self.clients[owner.pid].kill()
        events = all_events(self.ledger)
        assert walked(Walk(keys_of(self.ledger)), events, self.ledger.key.key_id).faults == []
        assert self.backend.tables() == self.backend.rebuilt(events)

    # ---- the edges ------------------------------------------------------------------------------

    def _join(self, session: str, run: str, attended: bool) -> None:
        client = FakeClient()
        owner = Owner(client.pid, session, run or session, attended)
        self.clients[client.pid] = client
        self.model.owners.append(owner)
        self._lifecycle(recorded("SessionStart-startup"), owner)
        self.model.bury()

    def _prepare(self, call: str, owner: Owner, agent: str, use_id: str, says: str) -> Prepared:
        verdicts: dict[str, Verdict] = {}
        payload = bash(call, use_id, description=f"said anew as {use_id}")
        event = self._event(payload, "pre_tool_use", owner, agent, owner.prompt)
        while True:
            with self._begin() as tx:
                env = self._env(owner)
                found = Preparation(tx, event, self.policy, self.redactor, env, verdicts).prepare(1)
                tx.commit()
            if found.decision.verdict != PROBE:
                return found
            assert found.question is not None and found.question.step_id not in verdicts
            verdicts[found.question.step_id] = Verdict(says, "found" if says == HAPPENED else "")

    def _receipt(self, made: Call, payload: dict[str, object]) -> None:
        event = self._event(payload, "post_tool_use", made.owner, made.agent, made.prompt)
        with self._begin() as tx:
            Receipt(tx, self.redactor, self._env(made.owner), self.policy).record(event)
            tx.commit()

    def _lifecycle(self, payload: dict[str, object], owner: Owner) -> None:
        event = self._event(payload, "lifecycle", owner, "", owner.prompt)
        with self._begin() as tx:
            Lifecycle(tx, self.redactor, self._env(owner)).record(event)
            tx.commit()

    def _person(self, verb: str, made: Call) -> None:
        with self._begin() as tx:
            carry_out(tx, Said(verb, made.step_id, "", "a person"), self.redactor)
            tx.commit()

    def _begin(self) -> transaction.Transaction:
        self.model.now += MICROSECOND
        self.clock[0] = self.model.now
        return self.ledger.begin()

    def _event(self, payload: dict[str, object], door: str, owner: Owner, agent: str, prompt: int) -> Event:
        told = {
            "session_id": owner.session,
            "cwd": self.project,
            "transcript_path": str(self.place / "none.jsonl"),
            "prompt_id": f"{owner.pid}-{prompt}",
            "agent_id": agent or None,
        }
        return claude_code.parse(json.dumps(payload | told), door, self._env(owner))

    def _env(self, owner: Owner) -> dict[str, str]:
        return {
            "CLAUDE_PID": str(owner.pid),
            "CLAUDE_PROJECT_DIR": self.project,
            "CLAUDE_CODE_SESSION_ATTENDED": str(int(owner.attended)),
            "DURABLE_RUN_ID": owner.run,
        }

    def _one(self, found, pick: int):
        return found[pick % len(found)]

    def _living(self) -> list[Owner]:
        return [owner for owner in self.model.owners if not owner.gone]

    def _under_way(self) -> list[Call]:
        return [made for made in self.model.calls if made.status == RUNNING and not made.owner.gone]


def said(verdict: str, code: str) -> tuple[str, str, str]:
    """As a decision puts it: what lets a duplicate run goes into its nonce."""
    why = {"permit": code, "ask": "asked"}.get(verdict, "")
    return verdict, why, code


def test_any_sequence_is_answered_as_the_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0]
    monkeypatch.setattr(transaction, "now", lambda: stamp(clock[0]))
    with tempfile.TemporaryDirectory() as folder:

        class Machine(OnceMachine):
            root = Path(folder)

        Machine.clock = clock
        run_state_machine_as_test(Machine, settings=SETTINGS)
