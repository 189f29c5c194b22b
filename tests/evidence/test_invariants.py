"""Each invariant holds for a run that the real hooks recorded, and fails once its row or event was tampered with."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "cli"))

from cli_machine import SESSION, Machine

from durable.evidence import verify
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN
from durable.evidence.invariants import INVARIANTS, NAMES, Looked, check, examined, verdict_of
from durable.evidence.verifying.verdict import Verified
from durable.ledger.reading import Reader
from durable.ledger.replica import Replica
from durable.ledger.sqlite import SqliteLedger

POLICY = '[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\n'
PAID = "(SELECT step_id FROM steps WHERE effect = 'once')"
READ = "(SELECT step_id FROM steps WHERE tool_name = 'Read')"
EVENTS = "seq, prev, run_id, run_seq, run_prev, subject, type, at, body, hash, mac"
# What a run's own rows can show. The transcript lies elsewhere; that of this machine was never written.
ELSEWHERE = "tool_trace_consistency"


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """The state of a run that has ended: two equal calls, a payment, a look-up, a failure."""
    machine = Machine(tmp_path_factory.mktemp("clean"))
    machine.config.mkdir(parents=True)
    (machine.config / "policy.toml").write_text(POLICY)
    for command in ("npm test", "npm test", "pay 5"):
        machine.ran("Bash", command=command)
    machine.ran("Read", file_path="/a")
    machine.failed("Bash", machine.before("Bash", command="false"), "Exit code 1\noops", command="false")
    machine.ended()
    yield machine
    machine.close()


@pytest.fixture
def state(clean, tmp_path, monkeypatch):
    monkeypatch.setenv("DURABLE_HOME", str(tmp_path / "state"))
    return Path(shutil.copytree(clean.state, tmp_path / "state"))


def tamper(state, *statements):
    """As whoever has a database shell."""
    shell = sqlite3.connect(state / "ledger.db")
    for rule in ("only_legal_moves", "events_stay", "events_remain"):
        shell.execute(f"DROP TRIGGER {rule}")
    shell.execute("PRAGMA ignore_check_constraints = ON")
    for statement in statements:
        assert shell.execute(statement).rowcount > 0, statement
    shell.commit()
    shell.close()


def looked(state):
    with Reader(str(state)) as reader:
        return {one.invariant.name: one for one in examined(reader, SESSION)}


def column(name, value):
    return f"UPDATE steps SET {name} = {value} WHERE step_id = {PAID}"


def again(kind):
    """One more event, behind the last."""
    told = EVENTS.replace("type", f"'{kind}'").replace("run_seq", "run_seq + 1", 1).replace("seq", "seq + 1", 1)
    return f"INSERT INTO events ({EVENTS}) SELECT {told} FROM events ORDER BY seq DESC LIMIT 1"


def gone(kind):
    return f"DELETE FROM events WHERE type = '{kind}' AND subject IN ({PAID}, '{SESSION}')"


IN_DOUBT = "UPDATE steps SET status = 'in_doubt', doubted_at = '2026', doubt = 'cut off', closed_at = NULL"
WAITING = "UPDATE steps SET status = 'prepared', deferred_at = '2026', closed_at = NULL"
CANCELLED = (again("run.cancelled"), "UPDATE runs SET status = 'cancelled'")
CASES = [
    ("chain_valid", FAIL, "", ("UPDATE events SET body = '{}' WHERE type = 'step.running'",)),
    ("chain_valid", FAIL, "blob_changed", ("UPDATE blobs SET bytes = x'00'",)),
    ("chain_valid", FAIL, "blob_changed", ("UPDATE blobs SET bytes = CAST(bytes AS TEXT)",)),
    ("chain_valid", UNKNOWN, "no_events", (f"DELETE FROM events WHERE run_id = '{SESSION}'",)),
    ("receipt_completeness", FAIL, "receipt_missing", (column("closed_at", "NULL"),)),
    ("receipt_completeness", FAIL, "receipt_empty", (column("output", "NULL"),)),
    ("receipt_completeness", FAIL, "receipt_unfounded", (column("(output, closed_by)", "(NULL, 'operator')"),)),
    ("receipt_completeness", WARN, "receipt_without_output", (column("(output, closed_by)", "(NULL, 'transcript')"),)),
    ("evaluation_completeness", FAIL, "rule_missing", (column("rule", "''"),)),
    ("evaluation_completeness", FAIL, "policy_missing", (column("policy", "''"),)),
    ("evaluation_completeness", FAIL, "verdict_missing", (column("verdict", "NULL"),)),
    (
        "evaluation_completeness",
        UNKNOWN,
        "verdict_not_kept",
        ("UPDATE events SET body = json_remove(body, '$.verdict')", column("verdict", "NULL")),
    ),
    (
        "evaluation_completeness",
        FAIL,
        "verdict_missing",
        ("UPDATE events SET body = 'no json'", column("verdict", "NULL")),
    ),
    ("finalization_completeness", FAIL, "run_without_row", ("DELETE FROM runs",)),
    ("finalization_completeness", FAIL, "end_missing", ("UPDATE runs SET ended_at = NULL",)),
    ("finalization_completeness", FAIL, "end_missing", (gone("run.completed"),)),
    ("finalization_completeness", FAIL, "end_missing", ("UPDATE runs SET status = 'cancelled'",)),
    ("finalization_completeness", WARN, "session_open", (*CANCELLED, "UPDATE sessions SET ended_at = NULL")),
    ("finalization_completeness", WARN, "owner_open", (*CANCELLED, "UPDATE owners SET ended_at = NULL")),
    ("finalization_completeness", WARN, "step_open", (*CANCELLED, "UPDATE steps SET status = 'running'")),
    ("finalization_completeness", FAIL, "session_open", ("UPDATE sessions SET ended_at = NULL",)),
    ("finalization_completeness", WARN, "owner_open", ("UPDATE owners SET ended_at = NULL",)),
    ("finalization_completeness", FAIL, "step_open", (column("status", "'running'"),)),
    ("finalization_completeness", FAIL, "step_open", (f"{IN_DOUBT} WHERE step_id = {PAID}",)),
    ("finalization_completeness", UNKNOWN, "run_cut_off", ("UPDATE runs SET status = 'open'",)),
    (
        "finalization_completeness",
        WARN,
        "run_open",
        ("UPDATE runs SET status = 'open'", "UPDATE owners SET ended_at = NULL"),
    ),
    (
        "finalization_completeness",
        UNKNOWN,
        "run_not_judged",
        ("UPDATE runs SET status = 'open'", "UPDATE owners SET ended_at = NULL, host = 'elsewhere'"),
    ),
    ("single_finalize", FAIL, "ended_twice", (again("run.completed"),)),
    ("single_finalize", FAIL, "ended_twice", (again("run.failed"), "UPDATE runs SET status = 'failed'")),
    ("single_finalize", FAIL, "opened_twice", (again("run.opened"),)),
    ("single_finalize", FAIL, "never_opened", (gone("run.opened"),)),
    ("single_finalize", FAIL, "epoch_differs", ("UPDATE runs SET epoch = 2",)),
    ("single_finalize", FAIL, "end_differs", ("UPDATE runs SET status = 'failed'",)),
    ("stage_required_path", FAIL, "event_missing", (gone("step.running"),)),
    ("stage_required_path", FAIL, "illegal_move", (gone("step.running"),)),
    ("stage_required_path", FAIL, "not_prepared_first", (gone("step.prepared"),)),
    ("stage_required_path", FAIL, "status_differs", (column("status", "'failed'"),)),
    ("stage_required_path", FAIL, "step_without_row", (f"DELETE FROM steps WHERE step_id = {PAID}",)),
    ("tool_trace_consistency", FAIL, "row_removed", (f"DELETE FROM steps WHERE step_id = {PAID}",)),
    ("refs_closed_world", FAIL, "session_missing", (column("session_id", "'nobody'"),)),
    ("refs_closed_world", FAIL, "owner_missing", (column("owner_id", "'nobody'"),)),
    ("refs_closed_world", FAIL, "step_missing", (column("duplicate_of", "'nothing'"),)),
    ("refs_closed_world", FAIL, "content_missing", ("DELETE FROM blobs",)),
    ("refs_closed_world", FAIL, "session_missing", ("UPDATE sessions SET continues = 'nobody'",)),
    (
        "refs_closed_world",
        FAIL,
        "step_missing",
        (f"INSERT INTO grants VALUES ('g', 'nothing', 'f', 'p', 'ada', 'r', '2026', {PAID}, '2026')",),
    ),
    ("no_open_doubt", FAIL, "open_doubt", (f"{IN_DOUBT} WHERE step_id = {PAID}",)),
    ("no_open_doubt", FAIL, "cut_off", (column("status", "'running'"),)),
    (
        "no_open_doubt",
        WARN,
        "under_way",
        (column("status", "'running'"), "UPDATE owners SET ended_at = NULL"),
    ),
    (
        "no_open_doubt",
        UNKNOWN,
        "not_judged",
        (column("status", "'running'"), "UPDATE owners SET ended_at = NULL, host = 'elsewhere'"),
    ),
    ("no_contradiction", FAIL, "contradicted", (column("flag", "'contradicted'"),)),
    ("no_contradiction", FAIL, "unprepared", (column("flag", "'unprepared'"),)),
    ("no_contradiction", WARN, "let_through", (column("(flag, would)", "('unprepared', 'deny: why')"),)),
    ("approvals_decided", FAIL, "approval_waits", (f"{WAITING} WHERE step_id = {PAID}",)),
    ("approvals_decided", WARN, "approved_not_run", (f"{WAITING}, approval = 'approved' WHERE step_id = {PAID}",)),
    ("approvals_decided", FAIL, "ran_against_answer", (column("approval", "'denied'"),)),
    ("output_bound", FAIL, "content_changed", ("UPDATE blobs SET bytes = 'other'",)),
    ("output_bound", FAIL, "receipt_differs", (column("output", "input"),)),
    ("claims_bound", FAIL, "claim_missing", (f"DELETE FROM claims WHERE step_id = {PAID}",)),
    ("claims_bound", WARN, "claim_missing", (f"DELETE FROM claims WHERE step_id = {READ}",)),
    ("claims_bound", FAIL, "claim_differs", ("UPDATE claims SET status = 'running'",)),
]


@pytest.mark.parametrize("name", [name for name in NAMES if name != ELSEWHERE])
def test_it_holds_for_a_run_that_nobody_touched(state, name):
    one = looked(state)[name]
    assert (one.verdict, one.findings) == (PASS, [])


@pytest.mark.parametrize(("name", "verdict", "code", "statements"), CASES)
def test_what_was_spoiled_is_named(state, name, verdict, code, statements):
    tamper(state, *statements)
    one = looked(state)[name]
    assert one.verdict == verdict
    assert not code or code in {finding.code for finding in one.findings if finding.verdict == verdict}
    assert all(finding.says and (finding.where or code == "no_events") for finding in one.findings)


def test_every_invariant_is_spoiled_by_some_case():
    assert {case[0] for case in CASES} == set(NAMES)


def test_a_verdict_on_the_chain_that_comes_without_a_reason_is_kept(state, monkeypatch):
    monkeypatch.setattr(verify, "verify_run", lambda *_: Verified(PASS, UNKNOWN, [], {}))
    one = looked(state)["chain_valid"]
    assert (one.verdict, [finding.code for finding in one.findings]) == (UNKNOWN, ["chain_unknown"])


def test_what_a_bundle_names_of_another_run_can_not_be_looked_up(state):
    tamper(
        state,
        "UPDATE events SET body = json_set(body, '$.duplicate_of', 'of_another_run') "
        f"WHERE type = 'step.prepared' AND subject = {PAID}",
    )
    with Reader(str(state)) as reader:
        events = reader.all("events_of_run", run_id=SESSION)
        contents = [(row["digest"], row["bytes"]) for row in reader.all("contents")]
    with Replica("run.json", events, contents) as alone:
        found = {one.invariant.name: one for one in examined(alone, SESSION)}["refs_closed_world"]
    assert [(one.verdict, one.code) for one in found.findings] == [(UNKNOWN, "reference_elsewhere")]


def test_what_is_counted_behind_the_end_of_a_run_is_no_fault(state):
    """Its transcript is read once more by whoever reconciles."""
    ledger = SqliteLedger(str(state))
    with ledger.begin() as tx:
        tx.append("cost.stated", SESSION, SESSION, {"micro_usd": 1200, "said_at": tx.at})
        tx.commit()
    ledger.close()
    assert {one.verdict for name, one in looked(state).items() if name != ELSEWHERE} == {PASS}


def test_contents_that_were_let_go_are_no_loose_ends(state):
    tamper(state, "INSERT INTO expired SELECT digest, 1, 'read', '2026' FROM blobs", "DELETE FROM blobs")
    assert looked(state)["refs_closed_world"].verdict == PASS


@pytest.mark.parametrize("effect", ["read", "repeatable"])
def test_a_call_that_may_be_repeated_needs_nobody(state, effect):
    tamper(state, f"{IN_DOUBT}, effect = '{effect}' WHERE step_id = {PAID}")
    assert looked(state)["no_open_doubt"].verdict == PASS
    shell = sqlite3.connect(state / "ledger.db")
    shell.execute(column("status", "'running'"))
    shell.commit()
    assert looked(state)["no_open_doubt"].verdict == PASS


def test_without_a_transcript_nobody_knows_whether_it_agrees(state):
    assert looked(state)[ELSEWHERE].verdict == UNKNOWN


def test_an_invariant_that_can_not_be_looked_at_is_unknown_and_hides_no_other(state):
    shell = sqlite3.connect(state / "ledger.db")
    shell.execute("DROP TABLE expired")
    shell.close()
    found = looked(state)
    assert (found["refs_closed_world"].verdict, found["single_finalize"].verdict) == (UNKNOWN, PASS)
    (finding,) = found["refs_closed_world"].findings
    assert finding.code == "not_looked_at" and "expired" in finding.says


def test_an_event_whose_body_is_senseless_leaves_every_verdict_standing(state):
    tamper(state, "UPDATE events SET body = 'no json'")
    found = looked(state)
    assert set(found) == set(NAMES) and found["output_bound"].verdict == FAIL


# ---- the verdict on the whole -----------------------------------------------------------------


def seen(*verdicts):
    return [Looked(INVARIANTS[place], verdict, []) for place, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ((PASS, PASS), PASS),
        ((PASS, WARN), WARN),
        ((WARN, UNKNOWN), UNKNOWN),
        ((UNKNOWN, FAIL, PASS), FAIL),
        ((PASS, ""), WARN),
        ((FAIL, ""), FAIL),
        (("", ""), UNKNOWN),
        ((), UNKNOWN),
    ],
)
def test_the_whole_is_as_good_as_its_worst_and_no_better_than_warn_if_something_was_left_out(verdicts, whole):
    assert verdict_of(seen(*verdicts)) == whole


def test_an_optional_one_may_be_left_out():
    optional = [Looked(one, "", []) for one in INVARIANTS if one.optional]
    assert len(optional) == 2 and verdict_of([*seen(PASS), *optional]) == PASS


def test_as_findings_each_names_its_invariant_and_those_that_hold_are_there(state):
    with Reader(str(state)) as reader:
        found = check(reader, SESSION)
    assert {one.where["invariant"] for one in found} == set(NAMES)
    assert [one.code for one in found if one.where["invariant"] == "single_finalize"] == ["single_finalize"]
