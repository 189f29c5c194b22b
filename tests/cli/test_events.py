"""durable events: what was recorded, chosen in the ledger, the newest last, however much there is."""

import json
import subprocess

import pytest
from cli_machine import FULL, SESSION, line_of
from usage_lines import answer, cost, told

OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


@pytest.fixture
def worked(machine):
    machine.ran("Bash", command="npm test")
    machine.ran("mcp__shop__pay", to="bob")
    machine.ran("Read", file_path="/a", session=OTHER)
    return machine


def types(machine, *words):
    return [one["type"] for one in machine.json("events", *words)]


def test_they_come_in_the_ledgers_order_with_all_that_was_recorded(worked):
    found = worked.json("events")
    assert [one["seq"] for one in found] == list(range(1, len(found) + 1))
    assert set(found[0]) == {"seq", "at", "type", "run_id", "run_seq", "subject", "body", "hash"}
    assert found[0]["type"] == "ledger.created" and found[-1]["type"] == "step.succeeded"
    assert found[-1]["body"]["closed_by"] == "PostToolUse"


def test_they_are_chosen_by_type_tool_subject_and_session(worked):
    steps = ["step.prepared", "step.running", "step.succeeded"]
    assert types(worked, "--type", "step.*") == steps * 3
    assert types(worked, "--tool", "mcp__*") == types(worked, "--tool", "Bash", "--type", "step.*") == steps
    step_id = worked.json("events", "--tool", "Read")[0]["subject"]
    assert types(worked, "--subject", step_id[:8]) == steps
    assert types(worked, OTHER[:4], "--type", "step.*") == steps
    assert types(worked, "--session", OTHER, "--type", "step.*") == steps
    assert types(worked, "--session", SESSION[:6]) == ["run.opened", "session.joined", "owner.seen", *steps, *steps]


def test_between_two_times(worked):
    assert types(worked, "--until", "1h") == []
    assert types(worked, "--since", "1h") == types(worked)
    assert types(worked, "--since", "2026-01-01", "--until", "2026-01-02") == []


def test_a_limit_keeps_the_latest_and_a_count_says_how_many(worked):
    every = worked.json("events")
    assert worked.json("events", "--limit", "3") == every[-3:]
    latest = worked.json("events", SESSION, "--type", "step.*", "--limit", "1")
    assert latest == [one for one in every if one["run_id"] == SESSION][-1:]
    assert worked.json("events", "--limit", "9999") == every
    assert worked.json("events", "--count") == {"count": len(every)}
    assert worked.json("events", "--session", OTHER, "--type", "step.*", "--count") == {"count": 3}
    assert worked.json("events", "--count", "--limit", "2") == {"count": 2}
    assert worked.said("events", "--type", "step.*", "--count") == "9\n"


def test_a_line_says_when_what_of_which_call_and_how(worked):
    told(worked, answer("m1"), answer("m2"), cost(0.5))
    screen = worked.said("events", "--session", SESSION)
    paid = [line for line in screen.splitlines() if "shop.pay  to=bob" in line]
    assert [kind in line for kind, line in zip(("prepared", "running", "succeeded"), paid, strict=True)] == [True] * 3
    assert paid[-1].endswith("(PostToolUse)")
    assert line_of(screen, "usage.counted").endswith("(2 messages, 30 tokens)")
    assert line_of(screen, "cost.stated").endswith("($0.5000)")


def test_nothing_found_is_no_fault(worked):
    assert worked.json("events", "--type", "step.flown") == []
    assert worked.said("events", "--type", "step.flown") == "no event here matches\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuchrun",), "no run or session begins with 'nosuchrun'"),
        (("--session", "x"), "'x' begins not one session but none"),
        (("--limit", "-1"), "--limit can't be -1"),
        (("--limit", str(2**63)), "--limit can't be '9223372036854775808'"),
        (("--since", "yesterday"), "'yesterday' is no time"),
    ],
)
def test_a_senseless_line_exits_2(worked, words, said):
    done = worked.cli("events", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_a_ledger_there_are_none(machine):
    assert machine.json("events") == []
    assert machine.json("events", "--count") == {"count": 0}


# ---- many -------------------------------------------------------------------------------------

MANY = 30_000
PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, len(done.stdout.splitlines()), done.returncode)
"""


def grown(machine, number):
    from durable.ledger.sqlite import SqliteLedger

    ledger = SqliteLedger(str(machine.state))
    try:
        with ledger.begin() as tx:
            for _ in range(number):
                tx.append("turn.started", SESSION, SESSION, {"prompt_id": "p" * 300})
            tx.commit()
    finally:
        ledger.close()


def measured(machine, *words):
    command = [FULL[0], "-c", PEAK, *FULL, *words]
    done = subprocess.run(command, env=machine.env(), capture_output=True, text=True, check=True, timeout=120)
    peak, lines, code = map(int, done.stdout.split())
    assert code == 0
    return peak, lines


def test_of_many_no_more_than_some_hundreds_are_held_at_once(machine):
    machine.ran("Bash", command="ls")
    few, _ = measured(machine, "events", "--json")
    grown(machine, MANY)
    many, documents = measured(machine, "events", "--json")
    assert documents == -(-(MANY + 7) // 500)
    assert many < few + 12_000  # KB; all of them at once would take ten times that
    done = machine.cli("events", "--json")
    every = [one["seq"] for line in done.stdout.splitlines() for one in json.loads(line)["data"]]
    assert every == list(range(1, MANY + 8))
