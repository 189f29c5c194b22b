"""Who lives: looked up when a screen is drawn, said without a guess."""

import re
import subprocess

from cli_machine import SESSION, line_of

# A process tells by its session whose it is: tests beside these would take it for theirs.
OWN = "52525252-eeee-4eee-8eee-525252525252"


def test_a_running_step_of_a_living_client_is_running(machine):
    machine.before("Bash", command="sleep 9")
    (step,) = machine.steps()
    assert step["liveness"]["verdict"] == "alive"
    assert re.search(r"\w{8}: +running for \d+ s$", machine.said("show"), re.M)
    assert machine.json("open")["items"] == []


def test_a_step_of_a_dead_client_whose_process_lives_on_names_that_process(machine):
    machine.before("Bash", session=OWN, command="sleep 9")
    orphan = subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, env=machine.env(CLAUDE_CODE_SESSION_ID=OWN), start_new_session=True
    )
    try:
        machine.kill_client()
        (step,) = machine.steps()
        screen = machine.said("show")
    finally:
        orphan.kill()
        orphan.wait()
        orphan.stdin.close()
    assert step["liveness"]["verdict"] == "dead"
    assert step["liveness"]["processes"] == [{"pid": orphan.pid, "command": "cat"}]
    assert line_of(screen, "sleep 9").endswith(f"process {orphan.pid} runs")
    assert re.search(
        rf"client gone \(.*\), last heard of \d+ s ago; process {orphan.pid} \(cat\) still runs$", screen, re.M
    )
    assert line_of(machine.said("show"), "no process of it is left here")


def test_a_command_line_is_shown_without_its_secrets(machine):
    machine.before("Bash", session=OWN, command="sleep 9")
    secret = "ghp_" + "a1B2" * 9
    orphan = subprocess.Popen(
        ["sh", "-c", f"read x; : {secret}"], stdin=subprocess.PIPE, env=machine.env(CLAUDE_CODE_SESSION_ID=OWN)
    )
    try:
        machine.kill_client()
        shown = machine.cli("show", "--json").stdout + machine.said("show") + machine.cli("open").stdout
    finally:
        orphan.kill()
        orphan.wait()
        orphan.stdin.close()
    assert f"process {orphan.pid}" in shown and secret not in shown and "[redacted:" in shown


def test_a_client_on_another_machine_is_not_judged(machine):
    use_id = machine.before("Bash", command="deploy")
    step_id = machine.permitted(use_id, effect="once", owner_id=elsewhere(machine))
    step = machine.json("step", step_id)
    assert step["liveness"]["verdict"] == "unknown"
    assert f"{step_id[:8]}:  can't be judged from this machine: it belongs to host faraway" in machine.said("show")
    (item,) = machine.json("open", code=1)["items"]
    assert (item["kind"], item["step"]["step_id"]) == ("unjudged", step_id)


def elsewhere(machine):
    """An owner on a host that can't be seen from here."""
    from durable.ledger.sqlite import SqliteLedger

    ledger = SqliteLedger(str(machine.state))
    try:
        with ledger.begin() as tx:
            body = {"session_id": SESSION, "pid": 5, "started": 5, "boot": "a.b", "host": "faraway", "pidns": "1"}
            tx.append("owner.seen", SESSION, "faraway/5", body)
            tx.commit()
    finally:
        ledger.close()
    return "faraway/5"


def test_a_background_call_says_that_it_runs_on(machine):
    use_id = machine.before("Bash", command="make", run_in_background=True)
    machine.after("Bash", use_id, {"stdout": "", "backgroundTaskId": "b42"}, command="make", run_in_background=True)
    screen = machine.said("show")
    assert line_of(screen, "Bash  make").endswith("background")
    assert re.search(r"running in the background for \d+ s \(task b42\)", screen)
