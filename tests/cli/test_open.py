"""`open` and `reconcile`: what needs a person, and what evidence settles."""

import json
import os
import subprocess
import sys

from cli_machine import SESSION, cells

from durable.cli import reconcile
from durable.ledger.sqlite import SqliteLedger
from durable.recovery import up_to_date

OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


def test_open_lists_what_needs_a_person_each_with_the_line_that_helps(machine):
    use_id = machine.before("mcp__pay__charge", amount=5)
    step_id = machine.permitted(use_id, effect="once")
    assert machine.said("open") == "ok: nothing needs you\n"
    machine.kill_client()
    interrupted = machine.said("open")
    assert "Interrupted: the client is gone" in interrupted and "→ durable reconcile 11111111" in interrupted
    machine.cli("reconcile")
    screen = machine.said("open")
    assert screen.startswith("In doubt: it may have happened\n")
    assert f"{step_id}  pay.charge  amount=5  (" in screen
    assert f"→ look first (durable step {step_id}), then durable resolve {step_id}" in screen
    assert "Interrupted" not in screen


def test_open_does_not_say_that_nothing_is_to_be_done_under_a_call_to_be_looked_at(machine):
    machine.before("Bash", command="deploy")
    machine.kill_client()
    machine.cli("reconcile")
    screen = machine.said("open")
    assert "1 interrupted call may have happened" in screen
    assert "nothing needs you" not in screen


def test_open_names_what_could_not_be_folded_in_and_why(machine):
    machine.ran("Read", file_path="/a")
    (machine.state / "spool" / "00000000000000000001-aa.json").write_text("{}")
    assert machine.json("open")["waiting_receipts"] == 1
    assert "1 receipt waits" in machine.said("open")
    assert "can't be folded in and is set aside" in machine.said("reconcile")
    (item,) = machine.json("open", code=1)["items"]
    assert item["kind"] == "set_aside" and item["what"].endswith("spool/bad/00000000000000000001-aa.json")
    assert "KeyError" in item["why"]
    os.unlink(item["what"])
    assert machine.json("open")["items"] == []


def test_open_names_a_broken_policy_file_even_before_there_is_a_ledger(machine):
    machine.config.mkdir(parents=True)
    (machine.config / "policy.toml").write_text("mode = 7\n")
    (item,) = machine.json("open", code=1)["items"]
    assert item["kind"] == "policy" and "policy.toml" in item["why"] and "mode" in item["why"]


def test_reconcile_says_what_it_closed_and_by_which_evidence(machine):
    use_id = machine.before("Bash", command="make")
    told = {"type": "tool_result", "tool_use_id": use_id, "content": "built", "is_error": False}
    line = {"type": "user", "sessionId": SESSION, "message": {"role": "user", "content": [told]}}
    line["toolUseResult"] = {"stdout": "built", "stderr": "", "interrupted": False}
    (machine.root / "transcript.jsonl").write_text(json.dumps(line) + "\n")
    screen = machine.said("reconcile")
    assert cells(screen.splitlines()[1])[1:] == ["Bash", "make", "succeeded", "transcript"]
    assert machine.steps()[0]["closed_by"] == "transcript"
    assert machine.said("reconcile") == "ok: nothing new: no evidence was found for any open step\n"


def test_reconcile_settles_the_named_run_and_leaves_the_others(machine):
    machine.before("Bash", command="one")
    machine.before("Bash", command="two", session=OTHER)
    machine.kill_client()
    machine.cli("reconcile", "2222")
    assert [machine.json("show", run)["steps"][0]["status"] for run in (SESSION, OTHER)] == ["running", "in_doubt"]
    machine.cli("reconcile")
    assert machine.json("show", SESSION)["steps"][0]["status"] == "in_doubt"


def test_reconcile_leaves_what_a_living_client_still_runs(machine):
    machine.before("Bash", command="sleep 9")
    screen = machine.said("reconcile")
    assert "nothing new" in screen and "Still open" in screen and "running for" in screen
    assert machine.steps()[0]["status"] == "running"


def test_reconcile_reads_a_long_transcript_in_turns_to_its_end(machine, monkeypatch):
    use_id = machine.before("Bash", command="make")
    noise = '{"type":"system","text":"' + "x" * 1000 + '"}\n'
    told = f'{{"type":"tool_result","tool_use_id":"{use_id}","content":"built"}}'
    result = f'{{"type":"user","message":{{"role":"user","content":[{told}]}},"toolUseResult":{{"stdout":"built"}}}}\n'
    (machine.root / "transcript.jsonl").write_text(noise * 50 + result)
    turns = []
    turn = up_to_date._turn

    def counted(*given):
        more = turn(*given)
        turns.append(more)
        return more

    monkeypatch.setattr(up_to_date, "BYTES_A_TURN", 4000)
    monkeypatch.setattr(up_to_date, "_turn", counted)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.setenv("DURABLE_HOME", str(machine.state))
    assert reconcile.run().exit_code == 0
    assert len(turns) > 5 and turns[-1] is False and all(turns[:-1])
    assert machine.steps()[0]["status"] == "succeeded"


def test_reconcile_closes_the_ledger_itself(machine, monkeypatch):
    """Closing checkpoints, and every checkpoint must happen under the lock: not in the interpreter's end."""
    machine.ran("Bash", command="make")
    opened, closed = set(), set()
    begin, close = SqliteLedger.begin, SqliteLedger.close
    monkeypatch.setattr(SqliteLedger, "begin", lambda ledger: [opened.add(id(ledger)), begin(ledger)][1])
    monkeypatch.setattr(SqliteLedger, "close", lambda ledger: [closed.add(id(ledger)), close(ledger)][1])
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.setenv("DURABLE_HOME", str(machine.state))
    reconcile.run()
    assert closed == opened != set()


def test_what_a_project_wants_redacted_is_taken_out_of_its_records_wherever_they_are_read_from(machine):
    (machine.project / ".durable").mkdir()
    (machine.project / ".durable" / "policy.toml").write_text('[redact]\npatterns = ["corp-[0-9]+"]\n')
    use_id = machine.before("Bash", command="make")
    told = {"type": "tool_result", "tool_use_id": use_id, "content": "corp-4711", "is_error": False}
    line = {"type": "user", "sessionId": SESSION, "message": {"role": "user", "content": [told]}}
    (machine.root / "transcript.jsonl").write_text(json.dumps(line) + "\n")
    argv = [sys.executable, "-P", "-m", "durable", "reconcile"]
    subprocess.run(argv, env=machine.env(), cwd=machine.root, check=True, capture_output=True, timeout=60)
    assert machine.steps()[0]["closed_by"] == "transcript"
    assert b"corp-4711" not in b"".join(file.read_bytes() for file in machine.state.rglob("*") if file.is_file())
