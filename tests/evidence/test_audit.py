"""An audit over transcripts written for the purpose, beside a ledger that the real hooks wrote."""

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from claude_lines import NOT_TAKEN, Lines
from durable.evidence.audit import audit
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN
from durable.ledger.reading import Reader
from hooks.door import Door, FakeClient, bash, ran, recorded

SESSION = "11111111-aaaa-4aaa-8aaa-111111111111"
OTHER = "22222222-aaaa-4aaa-8aaa-222222222222"
AGENT = "a0123456789abcdef"
RECORDED = sorted((Path(__file__).parents[1] / "fixtures" / "transcripts").glob("*.jsonl"))
LONG_AGO = "2026-01-01T10:00:00.000Z"
OFF = {"by": "ada", "reason": "moving house", "since": "2026-01-01T00:00:00.000000Z", "id": "ab12"}


@pytest.fixture(scope="module")
def client():
    found = FakeClient()
    yield found
    found.kill()


class Desk:
    """A session, told to the hooks and to its transcript."""

    def __init__(self, root, client, monkeypatch):
        self.door = Door(root / "machine", CLAUDE_PID=str(client.pid))
        self.path = root / f"{SESSION}.jsonl"
        self.lines, self.inside = Lines(SESSION), Lines(SESSION)
        self.lines.prompt("go")
        self.inside.prompt("go")
        for name in ("HOME", "DURABLE_HOME"):
            monkeypatch.setenv(name, self.door.env[name])

    def told(self, use_id, command=None, agent="", **fields):
        """What the payloads of this call have in common."""
        more = {"agent_id": agent} if agent else {}
        return {"command": command or f"echo {use_id}", "use_id": use_id, "session_id": SESSION,
                "transcript_path": str(self.path), "cwd": str(self.door.project), **more, **fields}  # fmt: skip

    def before(self, use_id, env=(), **how):
        answer = self.door.pre(bash(**self.told(use_id, **how)), **dict(env))
        assert answer.code == 0, answer

    def after(self, use_id, stdout="hi", env=(), **how):
        assert self.door.post(ran(stdout=stdout, **self.told(use_id, **how)), **dict(env)).code == 0

    def recorded(self, use_id, **how):
        self.before(use_id, **how)
        self.after(use_id, **how)

    def written(self, use_id, command=None, stdout="hi", at=None, response=None):
        response = response or {**recorded("PostToolUse-Bash")["tool_response"], "stdout": stdout}
        self.lines.ran("Bash", use_id, {"command": command or f"echo {use_id}"}, response, at)

    def call(self, use_id, **how):
        self.lines.call("Bash", use_id, {"command": how.get("command") or f"echo {use_id}"})
        self.before(use_id, **how)
        self.after(use_id, **how)
        self.lines.result(use_id, "hi", {**recorded("PostToolUse-Bash")["tool_response"], "stdout": "hi"})

    def call_inside(self, use_id, said="hi", **marks):
        self.inside.call("Bash", use_id, {"command": f"echo {use_id}"})
        self.before(use_id, agent=AGENT)
        self.after(use_id, agent=AGENT)
        self.inside.result(use_id, said, **marks)

    @property
    def inside_path(self):
        return self.path.with_suffix("") / "subagents" / f"agent-{AGENT}.jsonl"

    def audited(self, text=None, run_id=SESSION):
        self.lines.write(self.path)
        if len(self.inside.lines) > 1:
            self.inside.write(self.inside_path)
        if text is not None:
            self.path.write_bytes(text)
        with Reader(str(self.door.state)) as reader:
            return audit(reader, run_id)

    def shell(self, *statements):
        with sqlite3.connect(self.door.state / "ledger.db", isolation_level=None) as ledger:
            for statement in statements:
                ledger.execute(statement)
        ledger.close()


@pytest.fixture
def desk(tmp_path, client, monkeypatch):
    return Desk(tmp_path, client, monkeypatch)


def named(found):
    return [(one.verdict, one.code, one.where.get("tool_use_id")) for one in found.findings]


# ---- clean ------------------------------------------------------------------------------------


def test_calls_that_have_their_rows_are_complete(desk):
    desk.call("toolu_1")
    desk.call_inside("toolu_2")
    found = desk.audited()
    assert (found.verdict, found.findings) == (PASS, [])
    assert (found.counted["compared"], found.counted["results"], found.counted["transcripts"]) == (2, 2, 2)


def test_what_the_client_turned_away_is_no_hole(desk):
    desk.call("toolu_1")
    desk.lines.call("Bash", "toolu_2", {})
    desk.lines.result("toolu_2", NOT_TAKEN, "Error: it is missing", is_error=True, sourceToolUseID="x")
    found = desk.audited()
    assert (found.verdict, found.counted["never_ran"]) == (PASS, 1)


def test_an_id_that_is_used_again_is_told_apart_by_what_was_asked(desk):
    desk.call("toolu_1", command="echo a")
    desk.lines.call("Bash", "toolu_1", {})
    desk.lines.result("toolu_1", NOT_TAKEN, "Error: it is missing", is_error=True, sourceToolUseID="x")
    desk.call("toolu_1", command="echo b")
    found = desk.audited()
    assert (found.verdict, found.counted["compared"], found.counted["never_ran"]) == (PASS, 2, 1)
    desk.written("toolu_1", command="echo c")
    assert named(desk.audited()) == [(FAIL, "ran_without_row", "toolu_1")]


def test_a_call_that_was_cut_off_has_its_row_and_no_result(desk):
    desk.call("toolu_1")
    desk.before("toolu_2")
    desk.lines.call("Bash", "toolu_2", {"command": "echo toolu_2"})
    assert desk.audited().verdict == PASS


# ---- calls without a row ------------------------------------------------------------------------


def test_a_stretch_of_calls_without_rows_is_told_as_one(desk):
    desk.call("toolu_1")
    desk.written("toolu_2")
    desk.written("toolu_3")
    desk.call("toolu_4")
    desk.written("toolu_5")
    found = desk.audited()
    assert named(found) == [(FAIL, "ran_without_row", f"toolu_{number}") for number in (2, 3, 5)]
    assert [one.where["stretch"][2] for one in found.findings] == [2, 2, 1]


def test_lifted_enforcement_explains_a_call(desk):
    desk.call("toolu_1")
    desk.written("toolu_2")
    folder = desk.door.config
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / "off.json"
    marker.write_text(
        json.dumps({**OFF, "since": "2026-01-01T00:00:00.000000Z", "until": "2026-01-02T00:00:00.000000Z"})
    )
    marker.chmod(0o600)
    assert named(desk.audited()) == [(FAIL, "ran_without_row", "toolu_2")]
    today = desk.lines.lines[-1].partition('"timestamp":"')[2][:10]
    span = {"since": f"{today}T00:00:00.000000Z", "until": f"{today}T23:59:59.999999Z"}
    marker.write_text(json.dumps({**OFF, **span}))
    found = desk.audited()
    assert (found.verdict, named(found)) == (WARN, [(WARN, "enforcement_off", "toolu_2")])
    assert "lifted by ada: moving house" in found.findings[0].says


def test_so_does_a_time_that_a_hook_has_put_on_record(desk):
    desk.call("toolu_1")
    desk.written("toolu_2", at="2026-01-01T10:00:00.000Z")
    desk.door.config.mkdir(parents=True, exist_ok=True)
    marker = desk.door.config / "off.json"
    marker.write_text(json.dumps({**OFF, "until": "2026-01-02T00:00:00.000000Z"}))
    marker.chmod(0o600)
    desk.call("toolu_3")
    assert not marker.exists()
    assert named(desk.audited()) == [(WARN, "enforcement_off", "toolu_2")]


def test_observe_mode_explains_a_call(desk):
    desk.door.policy('mode = "observe"\n')
    desk.call("toolu_1")
    desk.written("toolu_2")
    assert named(desk.audited()) == [(WARN, "observe_unrecorded", "toolu_2")]


def test_what_may_have_run_where_no_hook_was_seen_at_work_is_unknown(desk):
    desk.call("toolu_1")
    desk.lines.prompt("more")
    desk.lines.call("Bash", "toolu_2", {"command": "sleep 9"})
    found = desk.audited()
    assert (found.verdict, named(found)) == (UNKNOWN, [(UNKNOWN, "may_have_run", "toolu_2")])


def test_but_not_where_a_call_of_the_same_turn_has_its_row(desk):
    desk.call("toolu_1")
    desk.lines.call("Bash", "toolu_2", {"command": "sleep 9"})
    assert desk.audited().verdict == PASS


def test_a_call_that_failed_ran_as_well(desk):
    desk.call("toolu_1")
    for use_id, said in (("toolu_2", "it says no"), ("toolu_3", "Exit code 2")):
        desk.lines.call("mcp__lab__send", use_id, {"to": "bob"})
        desk.lines.result(use_id, said, f"Error: {said}", is_error=True)
    assert named(desk.audited()) == [(FAIL, "ran_without_row", "toolu_2"), (FAIL, "ran_without_row", "toolu_3")]


def test_of_two_equal_calls_under_one_id_the_row_is_that_of_its_time(desk):
    desk.written("toolu_1", at=LONG_AGO)
    desk.call("toolu_1")
    found = desk.audited()
    assert named(found) == [(FAIL, "ran_without_row", "toolu_1")]
    assert found.findings[0].where["at"] == LONG_AGO


def test_a_hole_belongs_to_the_run_that_its_session_worked_for(desk):
    desk.call("toolu_1")
    desk.written("toolu_2")
    desk.call("toolu_3", env={"DURABLE_RUN_ID": "R"})
    desk.recorded("toolu_5", env={"DURABLE_RUN_ID": "R"})
    desk.written("toolu_4")
    assert named(desk.audited()) == [(FAIL, "ran_without_row", "toolu_2")]
    assert named(desk.audited(run_id="R")) == [
        (FAIL, "row_without_call", "toolu_5"),
        (FAIL, "ran_without_row", "toolu_4"),
    ]


def test_a_fork_whose_parent_is_not_at_hand_is_not_accused(desk):
    desk.written("toolu_1", at=LONG_AGO)
    desk.call("toolu_2")
    assert named(desk.audited()) == [(FAIL, "ran_without_row", "toolu_1")]
    desk.shell("UPDATE sessions SET source = 'fork'")
    assert named(desk.audited()) == [(UNKNOWN, "from_elsewhere", "toolu_1")]


def test_what_a_fork_repeats_of_another_runs_session_is_not_its_own(desk):
    parent = desk.path.with_name("parent.jsonl")
    desk.written("toolu_1", at=LONG_AGO)
    desk.lines.write(parent)
    desk.call("toolu_2")
    desk.shell(
        "PRAGMA foreign_keys = OFF",
        f"INSERT INTO sessions SELECT 'parent', 'other', 0, source, '{parent}', cwd, entrypoint, permission_mode,"
        " attended, joined_at, ended_at, end_reason, NULL FROM sessions",
        "UPDATE sessions SET continues = 'parent' WHERE session_id <> 'parent'",
    )
    found = desk.audited()
    assert (found.verdict, found.counted["repeated"]) == (PASS, 1)


# ---- rows that are not as they should be ----------------------------------------------------------


def test_a_receipt_that_no_hook_prepared_is_a_failure(desk):
    desk.call("toolu_1")
    desk.lines.call("Bash", "toolu_2", {"command": "echo toolu_2"})
    desk.after("toolu_2")
    desk.lines.result("toolu_2", "hi", {**recorded("PostToolUse-Bash")["tool_response"], "stdout": "hi"})
    assert named(desk.audited()) == [(FAIL, "unprepared", "toolu_2")]


def test_a_row_that_is_younger_than_its_result_is_a_failure(desk):
    desk.call("toolu_1")
    desk.written("toolu_2", at="2026-01-01T10:00:00.000Z")
    desk.recorded("toolu_2")
    assert named(desk.audited()) == [(FAIL, "prepared_late", "toolu_2")]


def test_a_row_that_is_refused_while_its_call_ran_is_a_failure(desk):
    desk.call("toolu_1")
    desk.shell("INSERT INTO moves VALUES ('succeeded', 'refused')", "UPDATE steps SET status = 'refused'")
    assert named(desk.audited()) == [(FAIL, "ran_though_refused", "toolu_1")]


def test_a_row_without_a_permit_is_a_failure(desk):
    desk.call("toolu_1")
    desk.shell("UPDATE steps SET running_at = NULL")
    assert named(desk.audited()) == [(FAIL, "ran_without_permit", "toolu_1")]


def test_a_row_that_came_afterwards_may_be_explained(desk):
    desk.call("toolu_1")
    desk.shell("UPDATE steps SET flag = 'unprepared', would = 'permit'")
    assert named(desk.audited()) == [(WARN, "observe_unrecorded", "toolu_1")]
    desk.shell("UPDATE steps SET would = NULL, prepared_at = '2026-01-01T10:00:00.000000Z'")
    desk.door.config.mkdir(parents=True, exist_ok=True)
    marker = desk.door.config / "off.json"
    marker.write_text(json.dumps({**OFF, "until": "2026-01-02T00:00:00.000000Z"}))
    marker.chmod(0o600)
    assert named(desk.audited()) == [(WARN, "enforcement_off", "toolu_1")]


def test_a_second_result_that_is_another_one_is_a_failure(desk):
    desk.call("toolu_1")
    desk.lines.result("toolu_1", "ho", {**recorded("PostToolUse-Bash")["tool_response"], "stdout": "ho"})
    desk.lines.result("toolu_1", "hi", {**recorded("PostToolUse-Bash")["tool_response"], "stdout": "hi"})
    assert named(desk.audited()) == [(FAIL, "result_differs", "toolu_1")]


def test_what_the_model_read_is_held_against_the_answer_as_well(desk):
    desk.call("toolu_1")
    desk.lines.lines[-1] = desk.lines.lines[-1].replace('"content":"hi"', '"content":"ho"')
    assert named(desk.audited()) == [(FAIL, "result_differs", "toolu_1")]


def test_another_tool_under_the_same_id_is_another_call(desk):
    desk.call("toolu_1")
    desk.shell("UPDATE steps SET tool_name = 'Write'")
    assert named(desk.audited()) == [(FAIL, "input_differs", "toolu_1")]


def test_the_input_is_known_by_the_key_or_by_its_content(desk):
    desk.call("toolu_1")
    desk.shell("UPDATE steps SET input_hash = 'another'")
    assert desk.audited().verdict == PASS
    known = "(SELECT json_extract(body, '$.input_hash') FROM events WHERE type = 'step.prepared')"
    desk.shell(f"UPDATE steps SET input = output, input_hash = {known}")
    assert desk.audited().verdict == PASS
    desk.shell("UPDATE steps SET input_hash = 'another'")
    assert named(desk.audited()) == [(FAIL, "input_differs", "toolu_1")]


def test_what_durable_executed_itself_stands_in_no_transcript(desk):
    desk.call("toolu_1")
    desk.recorded("toolu_2")
    desk.call("toolu_3")
    desk.shell("UPDATE steps SET closed_by = 'resume' WHERE tool_use_id = 'toolu_2'")
    found = desk.audited()
    assert (found.verdict, found.counted["by_durable"]) == (PASS, 1)


def test_a_call_that_started_again_has_two_rows_and_one_line(desk):
    desk.call("toolu_1")
    desk.recorded("toolu_1")
    desk.call("toolu_2")
    assert named(desk.audited()) == [(FAIL, "row_without_call", "toolu_1")]
    last = "(SELECT max(seq) FROM steps WHERE tool_use_id = 'toolu_1')"
    desk.shell("INSERT INTO moves VALUES ('succeeded', 'refused')",
               f"UPDATE steps SET status = 'refused', running_at = NULL WHERE seq = {last}")  # fmt: skip
    assert desk.audited().verdict == PASS


def test_a_receipt_of_a_call_that_never_ran_is_a_failure(desk):
    desk.recorded("toolu_1")
    desk.lines.call("Bash", "toolu_1", {"command": "echo toolu_1"})
    rejected = {"permissionDecision": {"decision": "reject"}, "toolDenialKind": "permission-rule"}
    desk.lines.result("toolu_1", "denied", is_error=True, **rejected)
    assert named(desk.audited()) == [(FAIL, "receipt_without_run", "toolu_1")]


def test_a_row_of_a_call_that_the_transcript_does_not_know_is_a_failure(desk):
    desk.call("toolu_1")
    desk.recorded("toolu_2")
    desk.call("toolu_3")
    assert named(desk.audited()) == [(FAIL, "row_without_call", "toolu_2")]


def test_a_row_behind_the_end_of_the_transcript_is_unknown(desk):
    desk.call("toolu_1")
    desk.recorded("toolu_2")
    assert named(desk.audited()) == [(UNKNOWN, "transcript_cut", "toolu_2")]


def test_a_row_whose_client_was_killed_is_explained(desk, client):
    desk.call("toolu_1")
    desk.before("toolu_2")
    desk.call("toolu_3")
    desk.shell("UPDATE owners SET end_reason = 'found dead: its process is gone'")
    desk.shell("UPDATE steps SET closed_by = NULL WHERE tool_use_id = 'toolu_2'")
    assert named(desk.audited()) == [(WARN, "cut_off", "toolu_2")]


def test_a_sub_agents_text_is_held_against_the_receipt(desk):
    desk.call_inside("toolu_1", said="hi\n[it is now noon]")
    desk.call_inside("toolu_2", said="something else")
    assert named(desk.audited()) == [(FAIL, "result_differs", "toolu_2")]


# ---- transcripts that prove nothing ---------------------------------------------------------------


def test_a_sub_agents_transcript_that_is_gone_is_unknown(desk):
    desk.call("toolu_1")
    desk.call_inside("toolu_2")
    desk.audited()
    desk.inside_path.unlink()
    desk.inside.lines.clear()
    assert [(one.code, one.where["agent"]) for one in desk.audited().findings] == [("transcript_gone", AGENT)]


def test_a_result_that_was_cut_off_is_unknown(desk):
    desk.call("toolu_1")
    desk.lines.lines.pop()
    assert named(desk.audited()) == [(UNKNOWN, "no_result", "toolu_1")]


def test_a_last_line_that_was_not_finished_is_unknown(desk):
    desk.call("toolu_1")
    desk.lines.say("done")
    assert named(desk.audited(desk.lines.text.encode()[:-9])) == [(UNKNOWN, "transcript_broken", None)]


def test_lines_in_another_order_are_unknown(desk):
    desk.call("toolu_1")
    desk.call("toolu_2")
    desk.lines.lines[1:3], desk.lines.lines[3:5] = desk.lines.lines[3:5], desk.lines.lines[1:3]
    found = desk.audited()
    assert (found.verdict, named(found)) == (UNKNOWN, [(UNKNOWN, "transcript_broken", None)])


def test_a_transcript_that_begins_behind_a_compaction_is_no_beginning(desk):
    desk.call("toolu_1")
    first = json.loads(desk.lines.lines[0])
    desk.lines.lines[0] = json.dumps({**first, "logicalParentUuid": "gone"})
    assert [one.code for one in desk.audited().findings] == ["transcript_broken"]


def test_a_job_has_no_transcript_to_compare_with(desk):
    desk.call("toolu_1")
    desk.shell("PRAGMA foreign_keys = OFF", f"UPDATE sessions SET session_id = '{SESSION}.job'",
               f"UPDATE steps SET session_id = '{SESSION}.job'")  # fmt: skip
    assert [(one.verdict, one.code) for one in desk.audited().findings] == [(UNKNOWN, "job")]


def begun(desk, session_id=SESSION, kind="SessionStart-startup"):
    path = desk.path.with_name(f"{session_id}.jsonl")
    assert desk.door.lifecycle(recorded(kind, session_id=session_id, transcript_path=str(path))).code == 0


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_of_a_run_in_which_nobody_spoke_nothing_was_compared(desk, left):
    begun(desk)
    desk.lines.lines.clear()
    if left == "nothing":
        desk.path = desk.path.with_name("elsewhere.jsonl")
    found = desk.audited()
    assert [(one.verdict, one.code, one.where["session"]) for one in found.findings] == [
        (UNKNOWN, "nothing_compared", SESSION)
    ]
    assert (found.counted["silent"], found.counted["sessions"]) == (1, 0)


def test_a_session_in_which_nobody_spoke_is_no_fault_of_a_run_that_worked_in_another(desk):
    desk.call("toolu_1")
    begun(desk, OTHER)
    desk.shell(f"UPDATE sessions SET run_id = '{SESSION}' WHERE session_id = '{OTHER}'")
    found = desk.audited()
    assert (found.verdict, found.findings) == (PASS, [])
    assert (found.counted["silent"], found.counted["sessions"]) == (1, 1)


@pytest.mark.parametrize("kind", ["UserPromptSubmit", "Stop", "StopFailure", "SubagentStart"])
def test_whatever_shows_that_somebody_spoke_asks_for_a_transcript(desk, kind):
    begun(desk)
    begun(desk, kind=kind)
    with Reader(str(desk.door.state)) as reader:
        assert named(audit(reader, SESSION)) == [(UNKNOWN, "transcript_gone", None)]


def test_sub_agents_whose_session_left_no_transcript_are_heard(desk):
    begun(desk)
    desk.inside.call("Bash", "toolu_1", {"command": "ls"})
    desk.inside.result("toolu_1", "hi")
    desk.inside.write(desk.inside_path)
    with Reader(str(desk.door.state)) as reader:
        found = named(audit(reader, SESSION))
    assert sorted(found, key=str) == [(FAIL, "ran_without_row", "toolu_1"), (UNKNOWN, "transcript_gone", None)]


def test_a_path_that_names_no_file_proves_nothing(desk):
    desk.call("toolu_1")
    desk.shell("UPDATE sessions SET transcript_path = '/a' || char(0) || '/x.jsonl'")
    assert named(desk.audited()) == [(UNKNOWN, "transcript_unreadable", None)]


def test_a_transcript_that_was_emptied_proves_nothing(desk):
    """No row reaches beyond it where hooks were off, or rows taken out."""
    prompt = recorded("UserPromptSubmit", session_id=SESSION, transcript_path=str(desk.path))
    desk.door.lifecycle(prompt)
    assert named(desk.audited(b"")) == [(UNKNOWN, "transcript_broken", None)]
    desk.inside_path.parent.mkdir(parents=True)
    desk.inside_path.write_bytes(b"")
    assert [(one.code, one.where["agent"]) for one in desk.audited().findings] == [("transcript_broken", AGENT)]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_transcripts_are_read_to_their_end(desk, path):
    """Lines were left out of them when they were recorded: none of them may pass for whole."""
    desk.recorded("toolu_1")
    found = desk.audited(path.read_bytes())
    assert found.verdict in (FAIL, UNKNOWN)
    assert "transcript_broken" in {one.code for one in found.findings}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, client):
    with pytest.MonkeyPatch.context() as patch:
        desk = Desk(tmp_path_factory.mktemp("whole"), client, patch)
        for number in range(3):
            desk.call(f"toolu_{number}", command=f"echo {'x' * 20} {number}")
        desk.lines.say("done")
        assert desk.audited().verdict == PASS
        yield desk


cuts = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000))


@given(cuts=st.lists(cuts, min_size=1, max_size=3), noise=st.binary(max_size=8))
@example(cuts=[(0, 0)], noise=b"")
@example(cuts=[(132, 60)], noise=b"")  # a prompt whose message has another name
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_torn_out_of_a_transcript_it_never_passes_for_whole(whole, monkeypatch, cuts, noise):
    """What is taken away or put in its place anywhere before the last result: no error, and no PASS."""
    for name in ("HOME", "DURABLE_HOME"):
        monkeypatch.setenv(name, whole.door.env[name])
    text = whole.lines.text.encode()
    end = text.rindex(b"\n", 0, text.rindex(b"\n")) + 1  # The last line says nothing of a call.
    torn = text
    for start, length in cuts:
        start %= end
        torn = torn[:start] + noise + torn[start + 1 + length % (end - start) :]
    if says(torn) == says(text):
        return
    assert whole.audited(torn).verdict in (FAIL, UNKNOWN)


def says(text):
    """What it says of calls; None if it is not whole. A letter less in a prompt is not what an audit looks at."""
    try:
        messages = [json.loads(line).get("message", {}) for line in text.splitlines()]
        blocks = [block for message in messages for block in message.get("content", ())]
    except (ValueError, TypeError, AttributeError):
        return None
    calls = [block for block in blocks if isinstance(block, dict) and "tool" in block.get("type", "")]
    return calls if text.endswith(b"\n") else None
