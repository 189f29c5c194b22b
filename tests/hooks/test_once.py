"""Exactly once, through the real executables: what a twin's state makes of a second call."""

from __future__ import annotations

import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ledger_view

from .door import ROOT, Answer, Door, FakeClient, bash, failed, ran, recorded

PAY = "pay --to bob 5"
RECORDED_CWD = "/home/user/project"
OTHER = "33333333-cccc-4ccc-8ccc-333333333333"

RULES = """
[rules.pay]
match = "Bash(pay *)"
effect = "once"
"""


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(RULES)
    return door


def denied(answer: Answer) -> str:
    assert answer.code == 0, answer
    answered = answer.json["hookSpecificOutput"]
    assert answered["permissionDecision"] == "deny", answer
    reason: str = answered["permissionDecisionReason"]
    return reason


def asked(answer: Answer) -> str:
    answered = answer.json["hookSpecificOutput"]
    assert answered["permissionDecision"] == "ask", answer
    reason: str = answered["permissionDecisionReason"]
    return reason


def paid(door: Door, use_id: str = "toolu_1", stdout: str = "paid, receipt 77", **fields: object) -> None:
    assert door.pre(bash(PAY, use_id, **fields)).permits
    assert door.post(ran(PAY, use_id, stdout=stdout, **fields)).permits


def cut_off(door: Door, use_id: str = "toolu_1", command: str = PAY, **fields: object) -> dict[str, object]:
    """A client that was killed in the middle of the call."""
    client = FakeClient()
    assert door.pre(bash(command, use_id, **fields), CLAUDE_PID=str(client.pid)).permits
    client.kill()
    return ledger_view.step(door.state, tool_use_id=use_id)


# ---- done already -------------------------------------------------------------------------------


def test_a_call_that_succeeded_is_denied_the_second_time_with_its_receipt(door: Door) -> None:
    paid(door)
    reason = denied(door.pre(bash(PAY, "toolu_2")))
    first, second = ledger_view.steps(door.state)
    assert "paid, receipt 77" in reason and first["step_id"] in reason
    assert f"durable allow {second['step_id']}" in reason
    assert (second["status"], second["closed_by"], second["verdict"]) == ("refused", "PreToolUse", "duplicate")
    assert second["duplicate_of"] == first["step_id"]


def test_a_result_that_is_empty_is_a_result(door: Door) -> None:
    paid(door, stdout="")
    assert "printed nothing" in denied(door.pre(bash(PAY, "toolu_2")))


def test_what_a_model_rewords_is_the_same_call(door: Door) -> None:
    paid(door)
    reworded = bash(PAY, "toolu_2")
    reworded["tool_input"] |= {"description": "again", "timeout": 1000}
    denied(door.pre(reworded))


def test_other_arguments_are_another_call(door: Door) -> None:
    paid(door)
    assert door.pre(bash("pay --to eve 5", "toolu_2")).permits


def test_another_directory_is_another_call(door: Door) -> None:
    paid(door)
    assert door.pre(bash(PAY, "toolu_2", cwd="/elsewhere")).permits


def test_what_no_rule_names_stays_free_to_repeat(door: Door) -> None:
    for use_id in ("toolu_1", "toolu_2"):
        assert door.pre(bash("pytest -q", use_id)).permits
        assert door.post(ran("pytest -q", use_id)).permits


def test_a_denied_call_does_not_count_as_an_attempt(door: Door) -> None:
    paid(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    denied(door.pre(bash(PAY, "toolu_3")))
    assert {row["attempt"] for row in ledger_view.steps(door.state)} == {1}


def test_another_run_may_do_it_for_itself(door: Door) -> None:
    paid(door)
    assert door.pre(bash(PAY, "toolu_2", session_id=OTHER)).permits


def test_a_wider_scope_reaches_the_other_runs(door: Door) -> None:
    door.policy(RULES + 'scope = "project"\n')
    paid(door)
    denied(door.pre(bash(PAY, "toolu_2", session_id=OTHER)))
    assert door.pre(bash(PAY, "toolu_3", session_id=OTHER), CLAUDE_PROJECT_DIR=str(door.home)).permits


def test_the_widest_scope_reaches_other_projects(door: Door) -> None:
    door.policy(RULES + 'scope = "global"\n')
    paid(door)
    denied(door.pre(bash(PAY, "toolu_3", session_id=OTHER), CLAUDE_PROJECT_DIR=str(door.home)))


# ---- max, ttl, allow -----------------------------------------------------------------------------


def test_max_allows_as_many_and_each_has_a_nonce(door: Door) -> None:
    door.policy(RULES + "max = 2\n")
    paid(door)
    paid(door, "toolu_2")
    denied(door.pre(bash(PAY, "toolu_3")))
    first, second, _ = ledger_view.steps(door.state)
    assert first["nonce"] is None and second["nonce"].startswith("max-")
    assert first["idempotency_key"] != second["idempotency_key"]


def test_ttl_counts_from_the_end_of_the_call_and_asking_does_not_move_it(door: Door) -> None:
    door.policy(RULES + 'ttl = "1h"\n')
    paid(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    closed_before(door, "toolu_1", "2001-01-01T00:00:00.000000Z")
    assert door.pre(bash(PAY, "toolu_3")).permits
    assert ledger_view.step(door.state, tool_use_id="toolu_3")["nonce"].startswith("ttl-")


def test_with_a_ttl_only_what_still_counts_is_counted_towards_max(door: Door) -> None:
    door.policy(RULES + 'max = 2\nttl = "1h"\n')
    for use_id in ("toolu_1", "toolu_2"):
        paid(door, use_id)
    denied(door.pre(bash(PAY, "toolu_3")))
    closed_before(door, "toolu_1", "2001-01-01T00:00:00.000000Z")
    paid(door, "toolu_4")
    denied(door.pre(bash(PAY, "toolu_5")))


def closed_before(door: Door, use_id: str, at: str) -> None:
    ledger = sqlite3.connect(door.state / "ledger.db")
    with ledger:
        ledger.execute("UPDATE steps SET closed_at = ? WHERE tool_use_id = ?", (at, use_id))
    ledger.close()


def test_a_rule_may_allow_duplicates_and_they_are_linked(door: Door) -> None:
    door.policy(RULES + 'on_duplicate = "allow"\n')
    paid(door)
    paid(door, "toolu_2")
    first, second = ledger_view.steps(door.state)
    assert second["nonce"].startswith("allow-") and second["duplicate_of"] == first["step_id"]


def test_a_person_who_is_there_is_asked_where_the_rule_says_so(door: Door) -> None:
    door.policy(RULES + 'on_duplicate = "ask"\n')
    paid(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    assert "receipt 77" in asked(door.pre(bash(PAY, "toolu_3"), CLAUDE_CODE_SESSION_ATTENDED="1"))
    row = ledger_view.step(door.state, tool_use_id="toolu_3")
    assert (row["status"], row["nonce"][:6]) == ("running", "asked-") and row["asked_at"]


# ---- in flight ------------------------------------------------------------------------------------


def test_a_call_in_flight_is_not_started_a_second_time(door: Door) -> None:
    assert door.pre(bash(PAY, "toolu_1")).permits
    assert "in flight" in denied(door.pre(bash(PAY, "toolu_2")))
    door.post(ran(PAY, "toolu_1"))
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_3")))


def test_a_call_in_flight_in_another_session_of_the_project_holds_as_well(door: Door) -> None:
    assert door.pre(bash(PAY, "toolu_1")).permits
    assert "in flight" in denied(door.pre(bash(PAY, "toolu_2", session_id=OTHER)))
    # What it was denied for has been done meanwhile: that counts for it too.
    door.post(ran(PAY, "toolu_1"))
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_3", session_id=OTHER)))


def test_a_line_that_is_denied_for_two_calls_in_flight_waits_for_both(door: Door) -> None:
    other = "pay --to eve 7"
    for use_id, command in (("toolu_1", PAY), ("toolu_2", other)):
        assert door.pre(bash(command, use_id)).permits
    denied(door.pre(bash(f"{PAY} && {other}", "toolu_3", session_id=OTHER)))
    for use_id, command in (("toolu_1", PAY), ("toolu_2", other)):
        door.post(ran(command, use_id))
    for use_id, command in (("toolu_4", PAY), ("toolu_5", other)):
        denied(door.pre(bash(command, use_id, session_id=OTHER)))


def test_who_was_denied_a_part_of_a_line_in_flight_waits_for_the_line(door: Door) -> None:
    line = f"{PAY} && pay --to eve 7"
    assert door.pre(bash(line, "toolu_1")).permits
    denied(door.pre(bash(PAY, "toolu_2", session_id=OTHER)))
    door.post(ran(line, "toolu_1"))
    denied(door.pre(bash("pay --to eve 7", "toolu_3", session_id=OTHER)))


def test_what_was_denied_for_another_reason_waits_for_nothing(door: Door) -> None:
    door.policy(RULES + '[rules.never]\nmatch = "Bash(never *)"\ngate = "deny"\n')
    assert door.pre(bash(PAY, "toolu_1")).permits
    denied(door.pre(bash(f"{PAY} && never ever", "toolu_2", session_id=OTHER)))
    door.post(ran(PAY, "toolu_1"))
    assert door.pre(bash(PAY, "toolu_3", session_id=OTHER)).permits


def test_of_twins_that_start_at_once_one_runs(door: Door) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: door.pre(bash(PAY, f"toolu_{number}")), range(6)))
    assert sum(answer.permits for answer in answers) == 1
    assert sum(row["status"] == "running" for row in ledger_view.steps(door.state)) == 1


def test_sub_agents_are_held_by_one_another(door: Door) -> None:
    assert door.pre(bash(PAY, "toolu_1", agent_id="a1", agent_type="general")).permits
    assert "in flight" in denied(door.pre(bash(PAY, "toolu_2", agent_id="a2", agent_type="general")))


def test_an_owner_on_another_host_can_not_be_judged(door: Door) -> None:
    assert door.pre(bash(PAY, "toolu_1", session_id=OTHER)).permits
    ledger = sqlite3.connect(door.state / "ledger.db")
    with ledger:
        ledger.execute("UPDATE owners SET host = 'elsewhere'")
    ledger.close()
    reason = denied(door.pre(bash(PAY, "toolu_2")))
    assert "may be in flight" in reason and "elsewhere" in reason and "durable not-happened" in reason


# ---- cut off --------------------------------------------------------------------------------------


def test_a_call_that_was_cut_off_is_not_repeated_but_checked(door: Door) -> None:
    step = cut_off(door)
    reason = denied(door.pre(bash(PAY, "toolu_2")))
    assert "nobody knows whether it took effect" in reason
    assert f"durable happened {step['step_id']}" in reason
    assert ledger_view.step(door.state, tool_use_id="toolu_1")["status"] == "in_doubt"


def test_it_holds_in_a_new_session_of_the_project_too(door: Door) -> None:
    cut_off(door)
    assert "nobody knows" in denied(door.pre(bash(PAY, "toolu_2", session_id=OTHER)))


def test_whoever_is_there_is_asked_about_it(door: Door) -> None:
    cut_off(door)
    asked(door.pre(bash(PAY, "toolu_2"), CLAUDE_CODE_SESSION_ATTENDED="1"))
    row = ledger_view.step(door.state, tool_use_id="toolu_2")
    assert (row["status"], row["nonce"][:6]) == ("running", "asked-") and row["asked_at"]


def test_a_second_start_of_a_call_that_is_asked_about_is_asked_about_too(door: Door) -> None:
    cut_off(door)
    for _ in range(2):
        said = asked(door.pre(bash(PAY, "toolu_2"), CLAUDE_CODE_SESSION_ATTENDED="1"))
    assert ledger_view.step(door.state, tool_use_id="toolu_2")["step_id"] in said
    assert len(ledger_view.steps(door.state)) == 2


def test_a_retry_in_other_words_after_it_is_held_as_well(door: Door) -> None:
    cut_off(door)
    assert "in other words" in denied(door.pre(bash("pay --amount 5 --to bob", "toolu_2")))


def test_a_rule_with_a_key_knows_its_calls_apart(door: Door) -> None:
    door.policy(RULES + 'key = ["--to"]\n')
    cut_off(door)
    assert door.pre(bash("pay --to eve 5", "toolu_2")).permits
    denied(door.pre(bash("pay 5 --to bob --note again", "toolu_3")))


def test_what_a_cut_off_run_has_done_counts_for_the_next_one(door: Door) -> None:
    client = FakeClient()
    door.pre(bash(PAY, "toolu_1"), CLAUDE_PID=str(client.pid))
    door.post(ran(PAY, "toolu_1"), CLAUDE_PID=str(client.pid))
    client.kill()
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_2", session_id=OTHER)))


def test_a_doubt_that_is_settled_while_its_client_lives_cuts_no_run_off(door: Door) -> None:
    eve = "pay --to eve 7"
    assert door.pre(bash(eve, "toolu_1")).permits
    door.post(failed(eve, "toolu_1", error="Exit code 130"))
    step = ledger_view.step(door.state)
    assert step["status"] == "in_doubt"
    settle = [door.python, str(ROOT / "bin" / "durable"), "not-happened", step["step_id"]]
    subprocess.run(settle, env=door.env, check=True, timeout=60)
    paid(door, "toolu_2")
    assert door.pre(bash(PAY, "toolu_3", session_id=OTHER)).permits


def test_a_session_that_ends_with_a_doubt_is_cut_off(door: Door) -> None:
    paid(door, "toolu_1")
    assert door.pre(bash("pay --to eve 7", "toolu_2")).permits
    door.lifecycle(recorded("SessionEnd-other", session_id=bash()["session_id"]))
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_3", session_id=OTHER)))


def test_it_counts_for_its_own_session_under_another_run_too(door: Door) -> None:
    client = FakeClient()
    door.pre(bash(PAY, "toolu_1"), CLAUDE_PID=str(client.pid))
    door.post(ran(PAY, "toolu_1"), CLAUDE_PID=str(client.pid))
    client.kill()
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_2"), DURABLE_RUN_ID="another"))


def test_the_death_of_a_client_that_was_permitted_nothing_cuts_no_run_off(door: Door) -> None:
    client = FakeClient()
    door.lifecycle(recorded("SessionStart-startup", session_id=OTHER), CLAUDE_PID=str(client.pid))
    client.kill()
    paid(door, session_id=OTHER)
    assert door.pre(bash(PAY, "toolu_2")).permits


def test_an_id_that_is_used_again_is_another_call(door: Door) -> None:
    paid(door)
    denied(door.pre(bash(PAY, "toolu_1")))


# ---- what is no effect -----------------------------------------------------------------------------


def test_a_failure_that_may_have_had_its_effect_is_in_doubt(door: Door) -> None:
    door.pre(bash(PAY, "toolu_1"))
    door.post(failed(PAY, "toolu_1", error="Exit code 3\nbad"))
    assert ledger_view.step(door.state)["status"] == "in_doubt"
    denied(door.pre(bash(PAY, "toolu_2")))


@pytest.mark.parametrize("shown", ["no_effect_exits = [3]", 'no_effect_output = ["no such account"]',
                                   'no_effect_output = ["/no s.ch ac+ount/"]'])  # fmt: skip
def test_a_failure_that_shows_that_nothing_happened_frees_the_call(door: Door, shown: str) -> None:
    door.policy(RULES + shown + "\n")
    door.pre(bash(PAY, "toolu_1"))
    door.post(failed(PAY, "toolu_1", error="Exit code 3\nno such account"))
    assert ledger_view.step(door.state)["status"] == "failed"
    assert door.pre(bash(PAY, "toolu_2")).permits
    row = ledger_view.step(door.state, tool_use_id="toolu_2")
    assert (row["attempt"], row["nonce"]) == (2, None)


def test_an_exit_code_that_may_be_another_commands_shows_nothing(door: Door) -> None:
    door.policy(RULES + "no_effect_exits = [3]\n")
    door.pre(bash(f"{PAY} && deploy", "toolu_1"))
    door.post(failed(f"{PAY} && deploy", "toolu_1", error="Exit code 3\nbad"))
    assert ledger_view.step(door.state)["status"] == "in_doubt"


def test_where_the_line_hides_the_code_the_receipt_says_check_it(door: Door) -> None:
    door.pre(bash(f"{PAY} || true", "toolu_1"))
    door.post(ran(f"{PAY} || true", "toolu_1", stdout="timeout?"))
    assert ledger_view.step(door.state)["exit_known"] == 0
    reason = denied(door.pre(bash(PAY, "toolu_2")))
    assert "Check with a read-only command" in reason and "Already done" not in reason


def test_where_the_line_hides_the_code_its_words_may_still_show_that_nothing_happened(door: Door) -> None:
    door.policy(RULES + 'no_effect_output = ["no such account"]\n')
    door.pre(bash(f"{PAY} || true", "toolu_1"))
    door.post(ran(f"{PAY} || true", "toolu_1", stdout="no such account"))
    assert ledger_view.step(door.state)["status"] == "failed"
    assert door.pre(bash(PAY, "toolu_2")).permits


# ---- lines that hold several ------------------------------------------------------------------------


def test_a_line_is_denied_for_the_part_that_is_done_and_names_what_is_left(door: Door) -> None:
    paid(door)
    reason = denied(door.pre(bash(f"{PAY} && pay --to eve 7", "toolu_2")))
    assert "Already done: `pay --to bob 5`" in reason
    assert "Left to do, each alone: `pay --to eve 7`" in reason


def test_each_part_of_a_line_that_ran_is_held(door: Door) -> None:
    line = f"{PAY} && pay --to eve 7"
    door.pre(bash(line, "toolu_1"))
    door.post(ran(line, "toolu_1"))
    for number, part in enumerate((PAY, "pay --to eve 7", "cd . && sudo pay --to eve 7"), 2):
        denied(door.pre(bash(part, f"toolu_{number}")))


def test_a_line_that_does_it_twice_is_denied(door: Door) -> None:
    assert "twice" in denied(door.pre(bash(f"{PAY}; {PAY}", "toolu_1")))


# ---- probes -----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def where_the_payloads_stand(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe runs in the directory of the call, so that must exist."""
    real = door.run

    def run(name: str, payload: dict[str, object], **env: str | None) -> Answer:
        return real(name, {**payload, "cwd": str(door.project)} if payload["cwd"] == RECORDED_CWD else payload, **env)

    monkeypatch.setattr(door, "run", run)


def probe(door: Door, script: str, **more: str) -> None:
    path = door.root / "probe.sh"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    fields = "".join(f"{name} = {value}\n" for name, value in more.items())
    door.policy(f'{RULES}probe = "{path}"\n{fields}')


def test_a_probe_that_finds_the_effect_hands_over_its_receipt(door: Door) -> None:
    probe(door, "echo receipt 99")
    cut_off(door)
    assert "receipt 99" in denied(door.pre(bash(PAY, "toolu_2")))
    row = ledger_view.step(door.state, tool_use_id="toolu_1")
    assert (row["status"], row["closed_by"]) == ("succeeded", "probe")


def test_a_probe_that_finds_no_effect_frees_the_call_once_it_is_settled(door: Door) -> None:
    probe(door, "exit 1", settle="0")
    cut_off(door)
    assert door.pre(bash(PAY, "toolu_2")).permits
    first, second = ledger_view.steps(door.state)
    assert (first["status"], first["closed_by"], second["attempt"]) == ("not_done", "probe", 2)


def test_a_probe_that_finds_no_effect_yet_is_not_believed_before_its_time(door: Door) -> None:
    probe(door, "exit 1", settle='"10m"')
    cut_off(door)
    assert "may still be under way until" in denied(door.pre(bash(PAY, "toolu_2")))
    assert ledger_view.step(door.state, tool_use_id="toolu_1")["status"] == "in_doubt"


@pytest.mark.parametrize("script", ["exit 7", "kill -9 $$", "exec /nowhere"])
def test_a_probe_that_can_not_tell_changes_nothing(door: Door, script: str) -> None:
    probe(door, script, settle="0")
    cut_off(door)
    assert "nobody knows" in denied(door.pre(bash(PAY, "toolu_2")))


def test_a_probe_is_told_the_step(door: Door) -> None:
    probe(door, f'cat > {door.root}/told; echo "$DURABLE_STEP_ID" > {door.root}/id; exit 9')
    step = cut_off(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    assert (door.root / "id").read_text().strip() == step["step_id"]
    assert PAY in (door.root / "told").read_text()


def test_a_probe_speaks_where_the_line_hid_whether_it_succeeded(door: Door) -> None:
    probe(door, "exit 1", settle="0")
    door.pre(bash(f"{PAY} || true", "toolu_1"))
    door.post(ran(f"{PAY} || true", "toolu_1", stdout="?"))
    assert door.pre(bash(PAY, "toolu_2")).permits
    assert ledger_view.step(door.state, tool_use_id="toolu_2")["nonce"].startswith("disproved-")


def test_a_cut_off_call_in_other_words_is_probed_and_its_receipt_is_not_handed_over(door: Door) -> None:
    probe(door, "echo receipt 99")
    cut_off(door)
    assert door.pre(bash("pay --amount 5 --to bob", "toolu_2")).permits
    assert ledger_view.step(door.state, tool_use_id="toolu_1")["status"] == "succeeded"


# ---- other tools ------------------------------------------------------------------------------------


def send(use_id: str, **given: object) -> dict[str, object]:
    return recorded("PreToolUse-mcp__lab__send", tool_use_id=use_id, tool_input=given)


def test_an_mcp_call_is_known_by_its_canonical_input(door: Door) -> None:
    door.policy('[rules.send]\nmatch = "mcp__lab__send"\neffect = "once"\n')
    assert door.pre(send("toolu_1", to="bob", amount=1)).permits
    denied(door.pre(send("toolu_2", amount=1.0, to="bob")))
    assert door.pre(send("toolu_3", to="bob", amount="1")).permits
    assert door.pre(send("toolu_4", to="bob", amount=True)).permits
    assert door.pre(send("toolu_5", to="bob", amount=1e-9)).permits
    assert door.pre(send("toolu_6", to="bob", amount=0)).permits


def test_observe_mode_lets_the_twin_run_and_says_what_it_would_have_done(door: Door) -> None:
    door.policy('mode = "observe"\n' + RULES)
    paid(door)
    assert door.pre(bash(PAY, "toolu_2")).permits
    row = ledger_view.step(door.state, tool_use_id="toolu_2")
    assert row["would"].startswith("deny: Already done") and row["nonce"].startswith("observed-")
    assert row["status"] == "running"


def test_a_secret_in_a_receipt_is_not_handed_over(door: Door, tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    paid(door, stdout=f"token {secret}")
    assert secret not in denied(door.pre(bash(PAY, "toolu_2")))
