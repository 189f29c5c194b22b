"""Exactly once, with the real client: what the model is told, and how often the effect happened."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ledger_view

from .client import Client
from .scripted_model import bash, call, say
from .terminal import Terminal
from .waiting import Gate, wait_for

PAY = "./pay bob 5"
RULE = '[rules.pay]\nmatch = ["Bash(./pay *)", "mcp__lab__send"]\neffect = "once"\n'
BIN = Path(__file__).resolve().parents[2] / "bin" / "durable"


def policy(client: Client, text: str) -> None:
    folder = client.home / ".config" / "durable"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def shop(guarded: Client) -> Client:
    """A project with something to pay, and a rule that it is paid once."""
    policy(guarded, RULE)
    pay = guarded.project / "pay"
    effects = shlex.quote(str(guarded.effects_file))
    pay.write_text(f'#!/bin/sh\necho "paid $*" >> {effects}\necho "receipt 77 for $*"\n', encoding="utf-8")
    pay.chmod(0o755)
    return guarded


def held(shop: Client) -> Gate:
    """From now on the payment stops before its effect."""
    gate = shop.gate()
    pay = shop.project / "pay"
    shebang, *rest = pay.read_text(encoding="utf-8").splitlines()
    pay.write_text("\n".join([shebang, gate.command("true"), *rest]) + "\n", encoding="utf-8")
    return gate


def result(client: Client, use_id: str) -> Any:
    return client.model.last.result_of(use_id)


def cli(client: Client, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(BIN), *words], env=client.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done


def test_a_second_payment_is_not_made_and_the_model_gets_the_receipt(shop: Client) -> None:
    shop.run([[bash(PAY, "toolu_1")], [bash(PAY, "toolu_2")], [say("done")]])
    assert shop.effects == ["paid bob 5"]
    assert "Already done" in result(shop, "toolu_2").text and "receipt 77 for bob 5" in result(shop, "toolu_2").text


def test_a_replayed_payment_looks_like_the_first_one(shop: Client) -> None:
    policy(shop, RULE + 'on_duplicate = "replay"\n')
    shop.run([[bash(PAY, "toolu_1")], [bash(PAY, "toolu_2")], [say("done")]])
    assert shop.effects == ["paid bob 5"]
    again = result(shop, "toolu_2")
    assert (again.text, again.is_error) == ("receipt 77 for bob 5", False)
    assert [row["status"] for row in ledger_view.steps(shop.state)] == ["succeeded", "replayed"]


def test_a_second_mcp_call_is_not_made(shop: Client) -> None:
    send = {"text": "mail"}
    turns = [[call("mcp__lab__send", send, "toolu_1")], [call("mcp__lab__send", send, "toolu_2")], [say("done")]]
    shop.run(turns, args=shop.lab())
    assert shop.effects == ["mail"]
    assert "Already done" in result(shop, "toolu_2").text


def test_a_server_is_given_the_key_of_the_row(shop: Client) -> None:
    policy(shop, '[rules.send]\nmatch = "mcp__lab__send"\neffect = "once"\ninject = "key"\n')
    shop.run([[call("mcp__lab__send", {"text": "mail"}, "toolu_1")], [say("done")]], args=shop.lab())
    assert shop.effects == ["mail " + ledger_view.step(shop.state)["idempotency_key"]]


def test_of_twins_in_one_batch_one_runs(shop: Client) -> None:
    shop.run([[bash(PAY, "toolu_1"), bash(PAY, "toolu_2"), bash(PAY, "toolu_3")], [say("done")]])
    assert shop.effects == ["paid bob 5"]
    assert sum(row["status"] == "succeeded" for row in ledger_view.steps(shop.state)) == 1


def test_after_the_worst_moment_the_model_repeats_everything_and_it_is_paid_once(shop: Client) -> None:
    gate = held(shop)
    running = shop.start([[bash(PAY, "toolu_1")]])
    gate.wait_until_reached()
    running.kill()
    again = [[bash(PAY, "toolu_1")], [bash(PAY, "toolu_2")], [bash("./pay --to bob 5", "toolu_3")], [say("done")]]
    shop.run(again, prompt="go on", resume=running.session_id)
    gate.open()
    shop.wait_for_effect("paid bob 5")
    shop.run([*again, [bash(PAY, "toolu_4")], [say("done")]], prompt="go on", resume=running.session_id)
    assert shop.effects == ["paid bob 5"]
    rows = ledger_view.steps(shop.state)
    assert [row["status"] for row in rows] == ["in_doubt"] + ["refused"] * (len(rows) - 1)
    assert len(rows) > 2


def test_a_call_that_waits_for_approval_runs_once_when_its_session_is_resumed(shop: Client) -> None:
    policy(shop, RULE + 'gate = "ask"\n')
    first = shop.run([[bash(PAY, "toolu_1")], [say("done")]])
    assert shop.effects == []
    step = ledger_view.step(shop.state)
    assert (step["status"], step["deferred_at"] is not None) == ("prepared", True)
    cli(shop, "approve", step["step_id"])
    shop.run(prompt="go on", resume=first.session_id)
    assert shop.effects == ["paid bob 5"]
    assert ledger_view.step(shop.state)["status"] == "succeeded"


def test_what_stands_beside_a_call_that_waits_runs_once(shop: Client) -> None:
    """The client starts only the last of those that wait again; the model asks for the other anew."""
    policy(shop, '[rules.ask]\nmatch = "Bash(./pay a* *)"\ngate = "ask"\neffect = "once"\n' + RULE)
    batch = [bash("./pay ann 1", "toolu_1"), bash(PAY, "toolu_2"), bash("./pay abe 3", "toolu_3")]
    first = shop.run([batch, [say("done")]])
    assert shop.effects == ["paid bob 5"]
    for row in ledger_view.steps(shop.state):
        if row["deferred_at"]:
            cli(shop, "approve", row["step_id"])
    shop.run([[say("done")]], prompt="go on", resume=first.session_id)
    assert shop.effects == ["paid bob 5", "paid abe 3"]
    had = [[say("done")]] * 3  # the turns that this conversation has behind it
    shop.run([*had, [bash("./pay ann 1", "toolu_7")], [say("done")]], prompt="and ann?", resume=first.session_id)
    assert sorted(shop.effects) == ["paid abe 3", "paid ann 1", "paid bob 5"]
    assert {row["status"] for row in ledger_view.steps(shop.state)} == {"succeeded"}


def test_a_project_that_wants_more_freedom_than_the_user_gives_does_not_get_it(shop: Client) -> None:
    (shop.project / ".durable").mkdir()
    loosened = RULE.replace('"once"', '"repeatable"')
    (shop.project / ".durable" / "policy.toml").write_text(loosened, encoding="utf-8")
    shop.run([[bash(PAY, "toolu_1")], [bash(PAY, "toolu_2")], [say("done")]])
    assert shop.effects == ["paid bob 5"]


# ---- somebody sits there ----------------------------------------------------------------------------


def test_a_person_allows_one_more_at_the_prompt(shop: Client, terminal: Terminal) -> None:
    first = [[bash(PAY, "toolu_1")], [bash(PAY, "toolu_2")], [say("first answer")]]
    second = [[bash(PAY, "toolu_3")], [say("second answer")]]
    terminal.start([*first, *second], permission_mode="bypassPermissions")
    terminal.submit("please pay")
    terminal.wait_for_text("first answer")
    assert shop.effects == ["paid bob 5"]
    denied = ledger_view.step(shop.state, tool_use_id="toolu_2")["step_id"]
    terminal.submit(f"durable allow {denied}")
    terminal.press_until("Enter", seen="may run")  # While the turn's last hooks run it does not answer.
    terminal.press("C-u")  # The client gives a blocked prompt back to be mended.
    terminal.submit("pay again")
    terminal.wait_for_text("second answer")
    assert shop.effects == ["paid bob 5"] * 2


@pytest.mark.parametrize(("key", "effects"), [("Enter", ["paid bob 5"] * 2), ("Escape", ["paid bob 5"])])
def test_a_person_is_asked_and_answers(shop: Client, terminal: Terminal, key: str, effects: list[str]) -> None:
    policy(shop, RULE + 'on_duplicate = "ask"\n')
    turns = [[bash(PAY, "toolu_1")], [bash(PAY, "toolu_2")], [say("the answer")]]
    terminal.start(turns, permission_mode="bypassPermissions")
    terminal.submit("please pay")
    terminal.wait_for_text("Do you want to proceed?")
    terminal.press_until(key, gone="Do you want to proceed?")
    wait_for(lambda: len(shop.effects) == len(effects), "the effects")
    assert shop.effects == effects
    assert ledger_view.step(shop.state, tool_use_id="toolu_2")["asked_at"]
