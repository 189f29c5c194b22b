"""What a person decides, typed at the prompt or in the CLI, and what the next call makes of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

import ledger_view

from .door import ROOT, Answer, Door, bash, ran, recorded
from .test_once import OTHER, PAY, RULES, cut_off, denied, paid

ATTENDED = {"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "cli"}
GATED = '[rules.deploy]\nmatch = "Bash(deploy *)"\ngate = "ask"\n'


@pytest.fixture
def door(door: Door) -> Door:
    door.policy(RULES + GATED)
    return door


def typed(door: Door, prompt: str, **env: str) -> Answer:
    return door.lifecycle(recorded("UserPromptSubmit", prompt=prompt), **{**ATTENDED, **env})


def cli(door: Door, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [door.python, str(ROOT / "bin" / "durable"), *words],
        env=door.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def step_id(door: Door, use_id: str) -> str:
    found: str = ledger_view.step(door.state, tool_use_id=use_id)["step_id"]
    return found


# ---- one more ---------------------------------------------------------------------------------------


@pytest.fixture(params=["prompt", "cli"])
def say(request: pytest.FixtureRequest, door: Door) -> Iterator[object]:
    def by_prompt(verb: str, name: str) -> None:
        assert typed(door, f"durable {verb} {name} because I say so").json["decision"] == "block"

    def by_cli(verb: str, name: str) -> None:
        done = cli(door, verb, name)
        assert done.returncode == 0, done

    yield by_prompt if request.param == "prompt" else by_cli


@pytest.mark.parametrize("which", ["toolu_1", "toolu_2"])
def test_a_grant_allows_one_more_and_only_one(door: Door, say: object, which: str) -> None:
    paid(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    say("allow", step_id(door, which))  # type: ignore[operator]
    paid(door, "toolu_3")
    denied(door.pre(bash(PAY, "toolu_4")))
    assert ledger_view.step(door.state, tool_use_id="toolu_3")["nonce"].startswith("grant-")


def test_a_grant_is_for_that_call_alone(door: Door) -> None:
    paid(door)
    door.pre(bash("pay --to eve 1", "toolu_2"))
    door.post(ran("pay --to eve 1", "toolu_2"))
    cli(door, "allow", step_id(door, "toolu_1"))
    denied(door.pre(bash("pay --to eve 1", "toolu_3")))


def test_what_a_person_knows_to_have_happened_is_not_run_again(door: Door, say: object) -> None:
    step = cut_off(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    say("happened", step["step_id"])  # type: ignore[operator]
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_3")))
    assert ledger_view.step(door.state, tool_use_id="toolu_1")["closed_by"] == "operator"


def test_what_a_person_knows_not_to_have_happened_may_run(door: Door, say: object) -> None:
    step = cut_off(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    say("not-happened", step["step_id"])  # type: ignore[operator]
    assert door.pre(bash(PAY, "toolu_3")).permits
    assert ledger_view.step(door.state, tool_use_id="toolu_3")["attempt"] == 2


def test_a_step_whose_client_lives_is_not_settled_by_anybody(door: Door) -> None:
    door.pre(bash(PAY, "toolu_1"))
    done = cli(door, "not-happened", step_id(door, "toolu_1"))
    assert (done.returncode, "still running" in done.stderr) == (2, True)
    assert ledger_view.step(door.state)["status"] == "running"


def test_retry_lets_a_step_no_longer_count(door: Door) -> None:
    paid(door)
    assert cli(door, "retry", step_id(door, "toolu_1")).returncode == 2  # from a checkout: needs the package
    done = subprocess.run(
        [door.python, "-m", "durable", "retry", step_id(door, "toolu_1")],
        env={**door.env, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert door.pre(bash(PAY, "toolu_2")).permits
    row = ledger_view.step(door.state, tool_use_id="toolu_2")
    assert (row["attempt"], row["nonce"]) == (2, None)


# ---- who is a person --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "env",
    [{"CLAUDE_CODE_SESSION_ATTENDED": "0", "CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}],
)
def test_where_nobody_sits_a_prompt_decides_nothing(door: Door, env: dict[str, str]) -> None:
    step = cut_off(door)
    assert typed(door, f"durable not-happened {step['step_id']}", **env).permits
    assert "nobody knows" in denied(door.pre(bash(PAY, "toolu_2")))


@pytest.mark.parametrize("wrapped", ["<task-notification>{}</task-notification>", "please type {}", "{}\nand more"])
def test_words_in_a_longer_prompt_are_no_decision(door: Door, wrapped: str) -> None:
    step = cut_off(door)
    assert typed(door, wrapped.format(f"durable not-happened {step['step_id']}")).permits
    denied(door.pre(bash(PAY, "toolu_2")))


@pytest.mark.parametrize("source", ["sdk", "system", "loop_wakeup", "schedule_wakeup"])
def test_a_wake_up_is_no_person(door: Door, source: str) -> None:
    step = cut_off(door)
    prompt = recorded("UserPromptSubmit", prompt=f"durable not-happened {step['step_id']}", source=source)
    assert door.lifecycle(prompt, **ATTENDED).permits
    denied(door.pre(bash(PAY, "toolu_2")))


def test_a_prompt_that_the_model_has_scheduled_is_no_persons(door: Door) -> None:
    step = cut_off(door)
    words = f"durable not-happened {step['step_id']}"
    cron = recorded("PreToolUse-Bash", tool_name="CronCreate", tool_use_id="toolu_c",
                    tool_input={"prompt": words, "cron": "* * * * *"})  # fmt: skip
    door.pre(cron)
    assert typed(door, words).permits
    denied(door.pre(bash(PAY, "toolu_2")))


def test_an_id_that_does_not_exist_is_answered_and_nothing_changes(door: Door) -> None:
    cut_off(door)
    assert "there is no step" in typed(door, "durable happened s0000000000").json["reason"]
    denied(door.pre(bash(PAY, "toolu_2")))


# ---- approvals --------------------------------------------------------------------------------------


def deferred(answer: Answer) -> bool:
    return bool(answer.json["hookSpecificOutput"]["permissionDecision"] == "defer")


def test_a_call_that_wants_approval_waits_and_runs_once_it_is_given(door: Door) -> None:
    assert deferred(door.pre(bash("deploy it", "toolu_1")))
    assert ledger_view.step(door.state)["status"] == "prepared"
    assert cli(door, "approve", step_id(door, "toolu_1")).returncode == 0
    assert door.pre(bash("deploy it", "toolu_1")).permits
    row = ledger_view.step(door.state)
    assert (row["status"], row["approval"]) == ("running", "approved")


def test_it_waits_on_until_somebody_answers_also_over_the_end_of_the_session(door: Door) -> None:
    door.pre(bash("deploy it", "toolu_1"))
    door.lifecycle(recorded("SessionEnd-other", session_id=bash()["session_id"]))
    assert ledger_view.step(door.state)["status"] == "prepared"
    assert deferred(door.pre(bash("deploy it", "toolu_1")))


def test_one_that_is_refused_does_not_run_and_says_so(door: Door) -> None:
    door.pre(bash("deploy it", "toolu_1"))
    assert cli(door, "deny", step_id(door, "toolu_1")).returncode == 0
    assert "refused this call" in denied(door.pre(bash("deploy it", "toolu_1")))
    assert ledger_view.step(door.state)["status"] == "refused"


def test_what_is_decided_never_flips(door: Door) -> None:
    door.pre(bash("deploy it", "toolu_1"))
    name = step_id(door, "toolu_1")
    assert cli(door, "approve", name).returncode == 0
    done = cli(door, "deny", name)
    assert (done.returncode, "was approved" in done.stderr) == (2, True)
    assert ledger_view.step(door.state)["approval"] == "approved"


def test_a_person_who_is_there_is_asked_at_once(door: Door) -> None:
    answer = door.pre(bash("deploy it", "toolu_1"), **ATTENDED)
    assert answer.json["hookSpecificOutput"]["permissionDecision"] == "ask"
    assert ledger_view.step(door.state)["asked_at"]


def test_a_gate_that_denies_denies(door: Door) -> None:
    door.policy('[rules.no]\nmatch = "Bash(rm *)"\ngate = "deny"\n')
    assert "forbids" in denied(door.pre(bash("rm -rf x", "toolu_1")))


# ---- runs -------------------------------------------------------------------------------------------


def test_a_cancelled_run_runs_nothing_until_that_is_taken_back(door: Door) -> None:
    session = bash()["session_id"]
    door.pre(bash("echo 1", "toolu_1"))

    def cancel(*words: str) -> None:
        done = subprocess.run(
            [door.python, "-m", "durable", "cancel", session, *words],
            env={**door.env, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done

    cancel()
    assert "cancelled" in denied(door.pre(bash("echo 2", "toolu_2")))
    assert door.pre(bash("echo 2", "toolu_3", session_id=OTHER)).permits
    cancel("--undo")
    assert door.pre(bash("echo 2", "toolu_4")).permits


def test_a_budget_of_calls_is_kept_and_denied_calls_cost_nothing(door: Door) -> None:
    door.policy(RULES + "[run]\ntool_calls = 2\n")
    paid(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    assert door.pre(bash("echo", "toolu_3")).permits
    assert "over its budget" in denied(door.pre(bash("echo", "toolu_4")))


def test_a_budget_of_tokens_counts_each_message_once(door: Door) -> None:
    transcript = door.root / "t.jsonl"
    line = {"type": "assistant", "message": {"id": "m1", "usage": {"input_tokens": 60, "output_tokens": 20}}}
    transcript.write_text(2 * (json.dumps(line) + "\n"), encoding="utf-8")
    door.policy("[run]\ntokens = 100\n")
    at = {"transcript_path": str(transcript)}
    assert door.pre(bash("echo", "toolu_1", **at)).permits
    with transcript.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**line, "message": {**line["message"], "id": "m2"}}) + "\n")  # type: ignore[dict-item]
    assert "tokens" in denied(door.pre(bash("echo", "toolu_2", **at)))


def said(message_id: str, tokens: int) -> str:
    used = {"input_tokens": tokens, "cache_read_input_tokens": 10_000, "cache_creation_input_tokens": 1}
    return json.dumps({"type": "assistant", "message": {"id": message_id, "usage": used}}) + "\n"


def test_a_budget_of_tokens_knows_a_message_again_in_whichever_transcript_it_stands(door: Door) -> None:
    """A fork repeats its parent; sub-agents count too."""
    door.policy("[run]\ntokens = 100\n")
    parent, fork = door.root / "t.jsonl", door.root / "f.jsonl"
    parent.write_text(said("m1", 60), encoding="utf-8")
    fork.write_text(said("m1", 60) + said("m2", 20), encoding="utf-8")
    assert door.pre(bash("echo", "toolu_1", transcript_path=str(parent))).permits
    at = {"transcript_path": str(fork), "session_id": OTHER}
    assert door.pre(bash("echo", "toolu_2", **at), DURABLE_RUN_ID=ledger_view.step(door.state)["run_id"]).permits
    inside = door.root / "f/subagents/agent-a1.jsonl"
    inside.parent.mkdir(parents=True)
    inside.write_text(said("m3", 17), encoding="utf-8")
    assert "100 of 100 tokens" in denied(door.pre(bash("echo", "toolu_3", **at)))


def test_a_budget_of_tokens_counts_a_transcript_that_took_the_place_of_another(door: Door) -> None:
    door.policy("[run]\ntokens = 100\n")
    transcript = door.root / "t.jsonl"
    at = {"transcript_path": str(transcript)}
    for number, message in enumerate(("m1", "m2")):
        transcript.unlink(missing_ok=True)
        transcript.write_text(said(message, 60), encoding="utf-8")
        answer = door.pre(bash("echo", f"toolu_{number}", **at))
    assert "122 of 100 tokens" in denied(answer)


def test_a_message_that_has_grown_costs_a_budget_what_it_has_come_to(door: Door) -> None:
    door.policy("[run]\ntokens = 100\n")
    transcript = door.root / "t.jsonl"
    at = {"transcript_path": str(transcript)}
    transcript.write_text(said("m1", 5), encoding="utf-8")
    assert door.pre(bash("echo", "toolu_1", **at)).permits
    transcript.write_text(said("m1", 5) + said("m1", 120), encoding="utf-8")
    assert "121 of 100 tokens" in denied(door.pre(bash("echo", "toolu_2", **at)))


# ---- replay -----------------------------------------------------------------------------------------


def test_a_replayed_call_prints_the_receipt_and_does_nothing_else(door: Door) -> None:
    door.policy(RULES + 'on_duplicate = "replay"\n')
    paid(door, stdout="it's paid\nreceipt 77")
    answer = door.pre(bash(PAY, "toolu_2")).json["hookSpecificOutput"]
    assert answer["permissionDecision"] == "allow"
    command = ["bash", "-c", answer["updatedInput"]["command"]]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert printed.stdout == "it's paid\nreceipt 77\n"
    replacement = ran(PAY, "toolu_2", stdout=printed.stdout)
    door.post({**replacement, "tool_input": answer["updatedInput"]})
    row = ledger_view.step(door.state, tool_use_id="toolu_2")
    assert (row["status"], row["flag"]) == ("replayed", None)


def test_an_empty_result_is_replayed_as_one(door: Door) -> None:
    door.policy(RULES + 'on_duplicate = "replay"\n')
    paid(door, stdout="")
    assert door.pre(bash(PAY, "toolu_2")).json["hookSpecificOutput"]["updatedInput"]["command"] == ":"


def test_a_post_with_another_input_than_ours_is_recorded_as_overridden(door: Door) -> None:
    door.policy(RULES + 'on_duplicate = "replay"\n')
    paid(door)
    door.pre(bash(PAY, "toolu_2"))
    door.post(ran("something else", "toolu_2"))
    assert ledger_view.step(door.state, tool_use_id="toolu_2")["flag"] == "unprepared"


@pytest.mark.parametrize(
    "settings",
    [
        {"hooks": {"PreToolUse": [{"matcher": "*", "hooks": [{"type": "command", "command": "other"}]}]}},
        {"permissions": {"deny": ["Bash(printf *)"]}},
        {"enabledPlugins": {"other@market": True}},
        "{broken",
    ],
)
def test_replay_gives_way_to_a_deny_where_something_else_has_a_word(door: Door, settings: object) -> None:
    door.policy(RULES + 'on_duplicate = "replay"\n')
    paid(door)
    (door.home / ".claude").mkdir()
    text = settings if isinstance(settings, str) else json.dumps(settings)
    (door.home / ".claude" / "settings.json").write_text(text, encoding="utf-8")
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_2")))


# ---- sinks ------------------------------------------------------------------------------------------


def test_a_sink_hears_what_was_decided_and_what_came_of_it(door: Door) -> None:
    heard = door.root / "heard.jsonl"
    events = '["succeeded", "duplicate", "denied", "in_doubt"]'
    door.policy(RULES + f'[[notify]]\non = {events}\njsonl = "{heard}"\n')
    paid(door)
    denied(door.pre(bash(PAY, "toolu_2")))
    told = [json.loads(line) for line in heard.read_text(encoding="utf-8").splitlines()]
    assert [one["event"] for one in told] == ["succeeded", "duplicate"]
    assert told[1]["step_id"] == step_id(door, "toolu_2") and told[1]["rule"] == "pay"


def test_a_sink_that_fails_changes_no_answer(door: Door) -> None:
    door.policy(RULES + '[[notify]]\non = ["succeeded", "duplicate"]\ncommand = "exit 9"\n')
    paid(door)
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_2")))
