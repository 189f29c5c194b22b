"""With the real client: what its models said is counted once, however often its transcripts repeat it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import ledger_view

from .client import REPOSITORY, Client
from .scripted_model import USAGE, bash, delegate, say

ONE = USAGE["input_tokens"] + USAGE["output_tokens"]


def durable(client: Client, *words: str, code: int = 0) -> Any:
    env = {**client.environment(), "PYTHONPATH": str(REPOSITORY / "src"), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "durable", *words, "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (code, ""), done
    return json.loads(done.stdout)["data"]


def counted(client: Client) -> list[str]:
    with ledger_view.connect(client.state) as ledger:
        return [row["message_id"] for row in ledger.execute("SELECT message_id FROM messages ORDER BY message_id")]


def dollars(client: Client, session_id: str) -> float:
    """The last that the client's own transcript says."""
    lines = client.transcript_path(session_id).read_text(encoding="utf-8").splitlines()
    stated = [json.loads(line) for line in lines if '"cost-state"' in line]
    return float(stated[-1]["totalCostUSD"])


def test_resumed_and_forked_every_message_counts_once_and_so_does_its_cost(guarded: Client) -> None:
    first = guarded.run([[bash("ls")], [say("first")]])
    resumed = [[say("unused")]] * 2 + [[say("second")]]
    guarded.run(resumed, prompt="more", resume=first.session_id)
    forked = [[say("unused")]] * 3 + [[bash("ls -l")], [say("third")]]
    fork = guarded.run(forked, prompt="more", resume=first.session_id, args=["--fork-session"]).result["session_id"]
    assert fork != first.session_id
    data = durable(guarded, "cost")
    assert len(counted(guarded)) == data["tokens"]["messages"] == 5
    assert data["tokens"]["input"] + data["tokens"]["output"] == 5 * ONE
    # The fork's own statement holds its parent's already.
    assert dollars(guarded, fork) > dollars(guarded, first.session_id) > 0
    assert data["cost"] == {
        "micro_usd": round(dollars(guarded, fork) * 1_000_000), "at_least": False, "stated": 2, "sessions": 2,
    }  # fmt: skip


def test_a_sub_agent_has_its_own_line(guarded: Client) -> None:
    guarded.run([[delegate("sub", run_in_background=False)]], sub=[[bash("pwd")], [say("over")]])
    agents = durable(guarded, "cost")["tokens"]["agents"]
    found = {one["agent_type"]: (one["messages"], one["input"] + one["output"]) for one in agents}
    assert found == {None: (2, 2 * ONE), "general-purpose": (2, 2 * ONE)}
    (run,) = durable(guarded, "runs")
    assert run["models"] and run["agents"] == ["general-purpose"] and run["tokens"]["messages"] == 4
    assert durable(guarded, "runs", "--agent", "general-*", "--model", run["models"][0], "--count") == {"count": 1}


def test_what_a_killed_client_had_said_is_counted_at_reconcile(guarded: Client) -> None:
    gate = guarded.gate()
    running = guarded.start([[say("on it"), bash(gate.command("true"))]])
    gate.wait_until_reached()
    running.kill()
    gate.open()
    before = durable(guarded, "cost")
    assert (before["tokens"]["messages"], before["tokens"]["input"], before["cost"]["micro_usd"]) == (0, None, None)
    durable(guarded, "reconcile")
    after = durable(guarded, "cost")
    assert (after["tokens"]["messages"], after["cost"]["micro_usd"]) == (1, None)
    durable(guarded, "reconcile")
    assert durable(guarded, "cost") == after
