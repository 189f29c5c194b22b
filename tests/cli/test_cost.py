"""durable cost: tokens by model and sub-agent, and what the client states. What nobody knows is null, never 0."""

import json

from cli_machine import SESSION, cells, line_of
from usage_lines import answer, cost, told

OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"
THIRD = "33333333-cccc-4ccc-8ccc-333333333333"


def test_models_and_sub_agents_are_told_apart_and_the_cache_as_well(machine):
    use_id = machine.before("Bash", command="ls")
    machine.after("Bash", use_id, {"stdout": ""}, command="ls")
    inside = {"tool_name": "Bash", "tool_input": {"command": "pwd"}, "tool_use_id": "toolu_in"}
    machine._tell("pre_tool_use", "PreToolUse-Bash", {}, **inside, agent_id="a1b2", agent_type="Explore")
    told(machine, answer("m3", "claude-haiku", output=7), agent="a1b2", end=False)
    told(machine, answer("m1", cache_read=900, cache_write=40), answer("m2"), cost(1.5))
    data = machine.json("cost")
    tokens = data["tokens"]
    assert [tokens[name] for name in ("messages", "input", "output", "cache_read", "cache_write")] == [
        3,
        30,
        17,
        900,
        40,
    ]
    assert [(one["model"], one["messages"]) for one in tokens["models"]] == [("claude-opus", 2), ("claude-haiku", 1)]
    agents = [(one["agent_id"], one["agent_type"], one["output"]) for one in tokens["agents"]]
    assert agents == [(None, None, 10), ("a1b2", "Explore", 7)]
    assert data["cost"] == {"micro_usd": 1_500_000, "at_least": False, "stated": 1, "sessions": 1}
    screen = machine.said("cost")
    assert "$1.50, as the client states it" in line_of(screen, "cost:")
    assert len({line.index(cells(line)[1]) for line in screen.splitlines()[:2]}) == 1
    assert cells(line_of(screen, "Explore a1b2")) == ["Explore a1b2", "1", "10", "7", "0", "0"]


def test_what_nobody_knows_is_null(machine):
    machine.ran("Bash", command="ls")
    data = machine.json("cost")
    assert data["tokens"] == {
        "messages": 0, "input": None, "output": None, "cache_read": None, "cache_write": None,
        "models": [], "agents": [],
    }  # fmt: skip
    assert data["cost"]["micro_usd"] is None
    screen = machine.said("cost")
    assert "the client gives no cost" in screen and "no answer of a model was counted" in screen and "$" not in screen


def test_a_fork_states_its_parents_cost_as_well_and_it_counts_once(machine):
    machine.ran("Bash", command="ls", env={"DURABLE_RUN_ID": "R"})
    told(machine, answer("m1"), cost(1), run_id="R")
    for session, dollars in ((OTHER, 1.25), (THIRD, 3)):
        joined = {"session_id": session, "source": "fork", "transcript_path": str(machine.root / f"{session}.jsonl")}
        machine._tell("lifecycle", "SessionStart-startup", {"DURABLE_RUN_ID": "R"}, **joined)
        told(machine, answer(f"m{session}"), cost(dollars), session=session)
    continues(machine, OTHER, SESSION)
    continues(machine, THIRD, SESSION)
    assert machine.json("cost", "R")["cost"]["micro_usd"] == 1_000_000 + 250_000 + 2_000_000


def continues(machine, session, parent):
    """As the hooks note it where a fork's command line, or its transcript, names its parent."""
    from durable.ledger.sqlite import SqliteLedger

    ledger = SqliteLedger(str(machine.state))
    try:
        with ledger.begin() as tx:
            row = tx.one("session", session_id=session)
            same = {"transcript_path": row["transcript_path"], "cwd": "", "entrypoint": "cli", "attended": None}
            body = {**same, "source": "fork", "permission_mode": "default", "continues": parent}
            tx.append("session.joined", row["run_id"], session, body)
            tx.commit()
    finally:
        ledger.close()


def test_sums_are_put_together_by_what_they_are_sums_of():
    from durable.evidence.usage import cost as cost_of

    def stated(micro_usd, counter, before=None, partial=0):
        return {"micro_usd": micro_usd, "counter": counter, "before": before, "partial": partial}

    assert cost_of([stated(5, "a"), stated(7, "b")], 2)["micro_usd"] == 12
    assert cost_of([stated(5, "a"), stated(7, "a", before=5)], 2)["micro_usd"] == 7
    assert cost_of([stated(9, "a"), stated(7, "a", before=9)], 2)["micro_usd"] == 9
    assert cost_of([stated(5, "a"), stated(7, "a")], 2)["micro_usd"] == 7
    assert cost_of([stated(5, ""), stated(7, "")], 2)["micro_usd"] == 12
    assert cost_of([stated(5, "a")], 2)["at_least"] and cost_of([stated(5, "a", partial=1)], 1)["at_least"]
    assert cost_of([], 2) == {"micro_usd": None, "at_least": False, "stated": 0, "sessions": 2}


def test_between_two_times_and_in_a_directory(machine):
    machine.ran("Bash", command="ls")
    told(machine, answer("m1", at="2026-11-03T23:30:00.000Z"), answer("m2", at="2026-11-05T12:00:00.000Z"))

    def messages(*words, **more):
        return machine.json("cost", *words, **more)["tokens"]["messages"]

    assert messages("--from", "2026-11-03", "--to", "2026-11-04") == 1
    assert messages("--from", "2026-11-04") == 1
    assert messages("--from", "2026-11-04", "--to", "2026-11-05", env={"TZ": "Asia/Tokyo"}) == 1
    assert messages("--workspace", ".") == messages("--workspace", str(machine.root)) == 2
    assert messages("--workspace", str(machine.project) + "-other") == 0
    (run,) = machine.json("cost", "--workspace", ".")["runs"]
    assert (run["run_id"], run["messages"], run["micro_usd"]) == (SESSION, 2, None)
    assert machine.cli("cost", "--from", "2026-11-04", "--to", "2026-11-03").returncode == 2
    assert machine.cli("cost", SESSION, "--from", "1h").returncode == 2


def test_that_more_was_said_than_counted_is_told_and_how_to_count_it(machine):
    machine.ran("Bash", command="ls")
    told(machine, answer("m1"))
    assert "warning" not in machine.said("cost")
    told(machine, answer("m2"), end=False)
    assert "1 session of it said more than was counted" in line_of(machine.said("cost"), "warning: ")
    machine.cli("reconcile")
    assert "warning" not in machine.said("cost") and machine.json("cost")["tokens"]["messages"] == 2


def test_a_transcript_that_another_took_the_place_of_is_told_and_counted_anew(machine):
    machine.ran("Bash", command="ls")
    told(machine, answer("m1"), answer("m2"))
    (machine.root / "transcript.jsonl").unlink()
    told(machine, answer("m3"), answer("m4"), end=False)
    assert "1 session of it said more than was counted" in line_of(machine.said("cost"), "warning: ")
    machine.cli("reconcile")
    assert "warning" not in machine.said("cost") and machine.json("cost")["tokens"]["messages"] == 4


def test_half_a_line_that_a_killed_client_left_is_nothing_to_count(machine):
    machine.ran("Bash", command="ls")
    told(machine, answer("m1"))
    with (machine.root / "transcript.jsonl").open("a") as file:
        file.write(json.dumps(answer("m2"))[:40])
    assert "warning" not in machine.said("cost")


def test_on_a_report_less_than_a_cent_is_not_nothing(machine):
    machine.ran("Bash", command="ls")
    told(machine, answer("m1"), cost(0.0042))
    assert '"cost":"$0.0042"' in machine.said("report", "-o", "-")


def test_a_bundle_tells_the_same(machine):
    machine.ran("Bash", command="ls")
    told(machine, answer("m1"), cost(0.25))
    bundle = machine.root / "bundle.json"
    assert machine.cli("export", SESSION, "-o", str(bundle)).returncode == 0
    there, here = machine.json("cost", str(bundle)), machine.json("cost")
    assert there == here and here["cost"]["micro_usd"] == 250_000


def test_without_a_ledger_nothing_is_known(machine):
    assert machine.json("cost")["cost"]["micro_usd"] is None
    assert json.loads(machine.cli("cost", "--from", "1h", "--json").stdout)["data"]["tokens"]["messages"] == 0
