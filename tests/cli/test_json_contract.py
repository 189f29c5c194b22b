"""What scripts rely on: the envelope, the names, the order, the exit codes."""

import hashlib
import json
import os
import re

import pytest
from cli_machine import SESSION

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
STEP_TIMES = ("prepared_at", "running_at", "asked_at", "returned_at", "doubted_at", "closed_at")
PROMISED_OF_A_STEP = {
    "step_id", "run_id", "session_id", "seq", "tool_use_id", "tool_name", "effect", "status", "attempt",
    "fingerprint", "idempotency_key", "nonce", "duplicate_of", "prepared_at", "running_at", "closed_at", "closed_by",
    "duration_ms", "input", "output", "error", "agent_id", "cwd", "rule",
}  # fmt: skip
MORE_OF_A_STEP = {
    "asked_at", "returned_at", "doubted_at", "doubt", "flag", "mode", "would", "exit_code", "exit_known", "task_id",
    "hook_us", "policy", "permission_mode", "agent_type", "prompt_id", "effective_input", "redacted", "liveness",
    "verdict", "deferred_at", "approval", "approval_by", "approval_at", "released_at",
}  # fmt: skip
PROMISED_OF_A_RUN = {"run_id", "status", "started_at", "sessions", "steps", "open"}
MORE_OF_A_RUN = {
    "ended_at", "project", "client", "epoch", "doubts", "approvals", "flagged", "observed", "last_at", "session_ids",
    "models", "agents", "entrypoints", "tokens",
}  # fmt: skip
OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


def test_runs_are_a_list_newest_first_with_their_counts(machine):
    machine.ran("Read", file_path="/a")
    machine.before("Bash", command="sleep 9", session=OTHER)
    newest, oldest = machine.json("runs")
    assert set(newest) == PROMISED_OF_A_RUN | MORE_OF_A_RUN
    assert (newest["run_id"], oldest["run_id"]) == (OTHER, SESSION)
    assert [newest[name] for name in ("status", "sessions", "steps", "open")] == ["open", 1, 1, 1]
    assert [oldest[name] for name in ("status", "sessions", "steps", "open")] == ["open", 1, 1, 0]
    assert newest["session_ids"] == [OTHER]
    assert STAMP.fullmatch(newest["started_at"]) and STAMP.fullmatch(newest["last_at"])


def test_show_gives_the_run_and_its_steps_in_ledger_order(machine):
    calls = [machine.ran("Bash", command=f"echo {n}") for n in range(3)]
    data = machine.json("show", SESSION)
    assert set(data) == {"run", "steps"}
    assert [step["tool_use_id"] for step in data["steps"]] == calls
    assert sorted(data["steps"], key=lambda step: step["seq"]) == data["steps"]
    assert data["run"] == machine.json("runs")[0]


def test_a_step_has_exactly_these_names(machine):
    machine.ran("Read", file_path="/a")
    (step,) = machine.steps()
    assert set(step) == PROMISED_OF_A_STEP | MORE_OF_A_STEP
    single = machine.json("step", step["step_id"])
    assert {name: single[name] for name in step} == step
    assert set(single) - set(step) == {"events"}
    assert [event["type"] for event in single["events"]] == ["step.prepared", "step.running", "step.succeeded"]


def test_contents_are_the_json_values_that_went_through_the_call(machine):
    machine.ran("mcp__lab__touch", {"sent": [1, None]}, to="bob", amount=5)
    use_id = machine.before("Bash", command="false")
    machine.failed("Bash", use_id, "Exit code 1\noops", command="false")
    sent, broken = machine.steps()
    assert (sent["input"], sent["output"], sent["error"]) == ({"to": "bob", "amount": 5}, {"sent": [1, None]}, None)
    assert (broken["output"], broken["error"], broken["exit_code"]) == (None, "Exit code 1\noops", 1)
    assert (sent["status"], sent["closed_by"], sent["effect"]) == ("succeeded", "PostToolUse", "repeatable")
    assert (sent["agent_id"], sent["agent_type"]) == (None, None)
    assert (broken["status"], broken["closed_by"]) == ("failed", "PostToolUseFailure")


def test_times_are_utc_with_microseconds_whatever_the_local_zone(machine):
    machine.ran("Read", file_path="/a")
    data = machine.json("show", env={"TZ": "Asia/Tokyo"})
    times = [data["steps"][0][name] for name in STEP_TIMES]
    assert all(STAMP.fullmatch(time) for time in times if time) and sum(map(bool, times)) == 4
    assert data == machine.json("show")


def test_a_large_value_is_a_reference_unless_asked_for_in_full(machine):
    just_fits, too_large = "x" * (65_536 - len('{"out":""}')), "x" * (65_537 - len('{"out":""}'))
    machine.ran("Bash", {"out": just_fits}, command="one")
    machine.ran("Bash", {"out": too_large}, command="two")
    whole, reference = (step["output"] for step in machine.steps())
    stored = json.dumps({"out": too_large}, separators=(",", ":")).encode()
    assert whole == {"out": just_fits}
    assert reference == {"blob": f"sha256:{hashlib.sha256(stored).hexdigest()}", "bytes": 65_537}
    assert machine.steps("--full")[1]["output"] == {"out": too_large}


def test_a_repeated_call_names_its_twin_and_its_nonce(machine):
    machine.ran("Bash", command="npm test")
    machine.ran("Bash", command="npm test")
    first, second = machine.steps()
    assert (first["nonce"], first["duplicate_of"]) == (None, None)
    assert second["duplicate_of"] == first["step_id"] and second["nonce"]
    assert second["fingerprint"] == first["fingerprint"]
    assert second["idempotency_key"] == f"{first['fingerprint']}-1-{second['nonce']}"


def test_the_other_verbs_keep_their_names(machine):
    machine.before("mcp__lab__touch", to="bob")
    machine.kill_client()
    stats = machine.json("stats")
    assert set(stats) == {
        "total", "tokens", "by", "groups", "tools", "duplicate_rate", "from", "to", "workspace", "enforcement_off",
    }  # fmt: skip
    assert set(stats["total"]) == {
        "attempts", "executed", "duplicates", "held_back", "refused", "failed", "in_doubt", "observed",
        "hook_us", "duration_ms",
    }  # fmt: skip
    waits = machine.json("open", code=1)
    assert set(waits) == {"items", "interrupted", "waiting_receipts", "enforcement_off"}
    assert [set(item) for item in waits["items"]] == [{"kind", "what", "why", "help", "step"}]
    (unknown,) = machine.json("policy", "unknown")
    assert set(unknown) == {"tool_name", "steps", "runs", "first_at", "last_at", "effect"}
    settled = machine.json("reconcile")
    assert set(settled) == {"closed", "spool", "open"}
    assert [(one["status"], one["tool_name"]) for one in settled["closed"]] == [("in_doubt", "mcp__lab__touch")]


# ---- before there is a ledger -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "empty"),
    [
        (("runs",), []),
        (("show",), {"run": None, "steps": []}),
        (("show", "nosuchrun"), {"run": None, "steps": []}),
        (("step", "s1"), None),
        (("policy", "unknown"), []),
        (("reconcile",), {"closed": [], "spool": [], "open": []}),
        (("approvals",), []),
        (("open",), {"items": [], "interrupted": 0, "waiting_receipts": 0, "enforcement_off": None}),
        (("migrate",), None),
        (("restore", "--reason", "x"), None),
    ],
)
def test_without_a_ledger_the_answer_is_empty_and_nothing_is_made(machine, words, empty):
    assert machine.json(*words) == empty
    said = machine.said(*words)
    assert f"no ledger yet at {machine.state}/ledger.db; it is made by the first hook" in said
    assert not machine.state.exists()


def test_statistics_of_no_ledger_are_zeros(machine):
    total = machine.json("stats")["total"]
    assert total["attempts"] == 0 and total["hook_us"] == {"p50": None, "p95": None}


# ---- ids and exit codes -----------------------------------------------------------------------


def test_ids_may_be_shortened_while_they_are_unique(machine):
    machine.ran("Read", file_path="/a")
    machine.ran("Read", file_path="/b", session=OTHER)
    step_id = machine.json("show", "2222")["steps"][0]["step_id"]
    assert machine.json("step", step_id[:6])["step_id"] == step_id
    assert machine.json("show", SESSION[:3])["run"]["run_id"] == SESSION


def test_a_session_stands_for_its_run(machine):
    machine.ran("Read", file_path="/a", env={"DURABLE_RUN_ID": "nightly"})
    assert machine.json("show", SESSION[:4])["run"]["run_id"] == "nightly"


def test_the_latest_run_is_meant_where_none_is_named(machine):
    machine.ran("Read", file_path="/a")
    machine.ran("Read", file_path="/b", session=OTHER)
    assert machine.json("show")["run"]["run_id"] == OTHER


def test_a_whole_id_wins_over_those_it_begins(machine):
    for run_id, session in (("night", SESSION), ("nightly", OTHER)):
        machine.ran("Read", file_path=f"/{run_id}", session=session, env={"DURABLE_RUN_ID": run_id})
    assert machine.json("show", "night")["run"]["run_id"] == "night"
    done = machine.cli("show", "nigh")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'nigh' begins more than one: nightly, night; give more of it" in done.stderr


def test_an_unknown_or_ambiguous_id_exits_2_and_says_what_there_is(machine):
    machine.ran("Read", file_path="/a")
    machine.ran("Bash", command="ls")
    unknown = machine.cli("show", "nope")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "durable: no run or session begins with 'nope'; the latest are 11111111\n"
    ambiguous = machine.cli("step", "s")
    assert ambiguous.returncode == 2
    for step in machine.steps():
        assert step["step_id"] in ambiguous.stderr
    assert "(Bash ls)" in ambiguous.stderr and ambiguous.stderr.count("\n") == 1
    assert machine.cli("step", "s_no").stderr.startswith("durable: no step begins with 's_no'; ")


@pytest.mark.parametrize(
    "words", [("runs",), ("show",), ("open",), ("approvals",), ("stats",), ("tail", "--once"), ("reconcile",)]
)
def test_a_ledger_that_cannot_be_read_exits_3_with_one_line_that_helps(machine, words):
    machine.ran("Read", file_path="/a")
    for suffix in ("", "-wal", "-shm"):
        path = machine.state / f"ledger.db{suffix}"
        if path.exists():
            path.write_bytes(b"\xff" * 8192)
    done = machine.cli(*words)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"durable: {machine.state}/ledger.db can't be used (")
    assert done.stderr.endswith("doctor --repair\n") and done.stderr.count("\n") == 1


def test_a_ledger_that_is_gone_is_no_young_ledger(machine):
    machine.ran("Read", file_path="/a")
    for path in machine.state.glob("ledger.db*"):
        os.unlink(path)
    done = machine.cli("runs")
    assert done.returncode == 3
    assert "is gone, but its head is still there" in done.stderr and "restore --reason TEXT" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("runs", "--since", "yesterday"), "'yesterday' is no time"),
        (("runs", "--status", "odd"), "--status can't be 'odd'; choose open, waiting, "),
        (("show", "--status", "odd"), "--status can't be 'odd'; choose prepared, running, "),
        (("policy", "known"), "ACTION can't be 'known'; choose check, explain, learn-mcp, show or unknown"),
        (("step",), "ID"),
    ],
)
def test_a_senseless_line_exits_2(machine, words, said):
    done = machine.cli(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_doubt_that_needs_a_person_exits_1_everywhere_it_is_said(machine):
    use_id = machine.before("mcp__lab__touch", amount=5)
    machine.permitted(use_id, effect="once")
    machine.kill_client()
    assert machine.cli("reconcile").returncode == 1
    assert machine.cli("open").returncode == 1
    (run,) = machine.json("runs")
    assert (run["status"], run["doubts"], run["open"]) == ("waiting", 1, 1)
