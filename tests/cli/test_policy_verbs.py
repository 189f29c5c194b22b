"""durable policy check, explain, show, unknown, learn-mcp: what a person reads about the rules."""

import json
import sys

import pytest
from cli_machine import ROOT, SESSION, cells, line_of

LAB = ROOT / "tests" / "client" / "lab_mcp.py"
PAY = '[rules.pay]\nmatch = "mcp__pay__*"\neffect = "once"\nttl = "7d"\n'
PR = '[rules.pr]\nmatch = "Bash(gh pr create *)"\neffect = "once"\n'


def users(machine, text):
    machine.config.mkdir(parents=True, exist_ok=True)
    (machine.config / "policy.toml").write_text(text)


def projects(machine, text):
    folder = machine.project / ".durable"
    folder.mkdir(exist_ok=True)
    (folder / "policy.toml").write_text(text)


# ---- check ------------------------------------------------------------------------------------


def test_check_names_every_fault_by_file_line_and_field(machine):
    bad = machine.root / "bad.toml"
    bad.write_text('mode = "watch"\n[rules.pay]\nmatch = "mcp__pay__*"\nmax = 0\nmaxx = 1\n')
    done = machine.cli("policy", "check", str(bad))
    assert (done.returncode, done.stderr) == (1, "")
    for said in ("line 1: mode ", "line 4: rules.pay.max ", "line 5: rules.pay.maxx is no field of a policy"):
        assert f"problem: {bad}, {said}" in done.stdout
    data = machine.json("policy", "check", str(bad), code=1)
    assert [(fault["line"], fault["field"]) for fault in data["files"][0]["faults"]] == [
        (1, "mode"), (4, "rules.pay.max"), (5, "rules.pay.maxx"),
    ]  # fmt: skip


def test_check_without_a_file_looks_at_all_that_are_in_force_and_says_what_is_not_taken(machine):
    assert "there is no policy file" in machine.said("policy", "check")
    users(machine, PAY)
    projects(machine, 'mode = "observe"\n[rules.pay]\nmatch = "mcp__pay__*"\neffect = "repeatable"\n')
    told = machine.said("policy", "check")
    assert f"ok: {machine.config}/policy.toml: valid, 1 rule" in told
    assert f"ok: {machine.project}/.durable/policy.toml: valid, 1 rule" in told
    assert "warning: not taken: " in line_of(told, "mode: only the user's file may choose observe mode")
    assert "rule 'pay': effect would loosen 'pay' of user" in told


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = = 1", b"x"])
def test_check_of_what_is_no_toml_is_a_finding(machine, content):
    bad = machine.root / "bad.toml"
    bad.write_bytes(content)
    assert "problem: " in machine.cli("policy", "check", str(bad)).stdout


def test_check_of_no_file_exits_2(machine):
    done = machine.cli("policy", "check", "/no/such.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "/no/such.toml can't be read (No such file or directory)" in done.stderr


# ---- show -------------------------------------------------------------------------------------


def test_show_lists_the_rules_in_the_order_they_are_asked(machine):
    users(machine, PAY + PR + "[run]\ntokens = 5000\nwall_clock = 7200\n")
    projects(machine, '[rules.make]\nmatch = "Bash(make *)"\ngate = "ask"\n')
    data = machine.json("policy", "show")
    own = [(rule["name"], rule["origin"], rule["effect"]) for rule in data["rules"] if rule["origin"] != "built-in"]
    assert own == [("make", "project", None), ("pay", "user", "once"), ("pr", "user", "once")]
    assert data["budgets"] == {"tokens": 5000, "wall_clock": 7200}
    told = machine.said("policy", "show")
    assert cells(line_of(told, "mcp__pay__*"))[:4] == ["pay", "user", "once", "mcp__pay__*"]
    assert "project, tightens only" in line_of(told, "Bash(make *)")
    assert "2 h" in line_of(told, "wall_clock") and "5,000" in line_of(told, "tokens")


def test_show_of_a_broken_policy_is_a_finding(machine):
    users(machine, "x = 1\n")
    done = machine.cli("policy", "show")
    assert done.returncode == 1 and "a policy file is invalid" in done.stdout


# ---- explain ----------------------------------------------------------------------------------


def test_explain_names_the_rule_and_what_must_not_happen_twice(machine):
    users(machine, PR)
    data = machine.json("policy", "explain", "Bash(cd sub && gh -R o/r pr create --fill || true)")
    assert (data["effect"], data["rule"], data["gate"]) == ("once", "pr", None)
    (claim,) = data["claims"]
    assert (claim["words"], claim["cwd"], claim["exit_hidden"]) == ("gh pr create", f"{machine.project}/sub", True)
    told = machine.said("policy", "explain", "Bash(gh pr create)")
    assert "once: must not happen twice" in told and "pr (user)" in told
    assert "nothing like it is on record" in told


def test_explain_of_what_no_rule_names_says_so(machine):
    assert "No rule speaks of it" in machine.said("policy", "explain", "Read(/a)")
    data = machine.json("policy", "explain", "Read(/a)")
    assert (data["effect"], data["call"]["input"]) == ("read", {"file_path": "/a"})


def test_explain_says_what_is_on_record_of_the_same_call(machine):
    users(machine, PAY)
    machine.ran("mcp__pay__charge", {"id": 1}, amount=5)
    data = machine.json("policy", "explain", 'mcp__pay__charge({"amount": 5.0})')
    (twin,) = data["claims"][0]["twins"]
    assert (twin["status"], twin["run_id"]) == ("succeeded", SESSION)
    assert f"step {twin['step_id']} of run {SESSION[:8]} did it at" in data["claims"][0]["now"]
    assert "in that run a second one is denied, with its receipt" in data["claims"][0]["now"]
    other = machine.json("policy", "explain", 'mcp__pay__charge({"amount": 6})')
    assert other["claims"][0]["twins"] == []


def test_explain_says_that_the_same_call_is_in_flight(machine):
    users(machine, PAY)
    machine.before("mcp__pay__charge", amount=5)
    now = machine.json("policy", "explain", 'mcp__pay__charge({"amount": 5})')["claims"][0]["now"]
    assert "is running: " in now


def test_explain_says_what_a_project_changed_and_what_it_did_not_get(machine):
    users(machine, PAY)
    projects(machine, '[rules.theirs]\nmatch = "mcp__pay__*"\neffect = "once"\nscope = "project"\nmax = 3\n')
    told = machine.said("policy", "explain", "mcp__pay__charge")
    assert "made stricter by the project's rule 'theirs'" in told
    assert "not taken from the project's rule: max" in told


def test_explain_says_that_a_line_can_not_be_taken_apart(machine):
    users(machine, PR)
    assert "the line can't be taken apart" in machine.said("policy", "explain", "Bash(gh pr create 'x)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain",), "policy explain needs to know what; write durable policy explain 'TOOL(INPUT)'"),
        (("explain", "Bash(ls"), "'Bash(ls' is no call"),
        (("explain", "mcp__a__b(x)"), "the input of mcp__a__b is no JSON object"),
        (("explain", "mcp__a__b({x})"), "the input of mcp__a__b can't be read"),
        (("show", "x"), "policy show takes no 'x'"),
        (("show", "--config", "x"), "--config belongs to learn-mcp"),
        (("check", "--cwd", "x"), "--cwd belongs to explain"),
        (("learn-mcp",), "policy learn-mcp needs to know what"),
    ],
)
def test_a_senseless_line_exits_2_and_says_what_to_write(machine, words, said):
    done = machine.cli("policy", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


# ---- unknown ----------------------------------------------------------------------------------


def test_unknown_leaves_out_what_a_rule_names_and_keeps_what_only_a_rule_for_all_matches(machine):
    users(machine, PAY + '[rules.all]\nmatch = "*"\ngate = "ask"\n[rules.some]\nmatch = "Brand*"\neffect = "once"\n')
    for tool in ("mcp__pay__charge", "mcp__lab__touch", "BrandNew", "Bash"):
        machine.before(tool, command="ls")
    found = [one["tool_name"] for one in machine.json("policy", "unknown")]
    assert found == ["mcp__lab__touch"]


# ---- learn-mcp --------------------------------------------------------------------------------


def server(machine, script=LAB):
    return {"command": sys.executable, "args": [str(script)], "env": {"LAB_EFFECTS": "${HOME}/effects"}}


def config(machine, name="mcp.json", **servers):
    path = machine.root / name
    path.write_text(json.dumps({"mcpServers": servers}))
    return str(path)


def test_learn_mcp_prints_rules_that_check_accepts(machine):
    told = machine.said("policy", "learn-mcp", "lab", "--config", config(machine, lab=server(machine)))
    learnt = machine.root / "learnt.toml"
    learnt.write_text(told)
    assert "valid, 5 rules" in machine.said("policy", "check", str(learnt))
    users(machine, told)
    assert machine.json("policy", "explain", "mcp__lab__info({})")["effect"] == "read"
    assert machine.json("policy", "explain", "mcp__lab__send({})")["effect"] == "once"


def test_learn_mcp_finds_servers_where_the_client_does(machine):
    (machine.project / ".mcp.json").write_text(json.dumps({"mcpServers": {"here": server(machine)}}))
    of_project = {str(machine.project): {"mcpServers": {"mine": server(machine)}}}
    (machine.home / ".claude.json").write_text(
        json.dumps({"projects": of_project, "mcpServers": {"every where": server(machine)}})
    )
    for name, called in (("here", "here"), ("mine", "mine"), ("every where", "every_where")):
        data = machine.json("policy", "learn-mcp", name)
        assert data["tools"][0]["tool_name"] == f"mcp__{called}__send"
    done = machine.cli("policy", "learn-mcp", "nowhere")
    assert done.returncode == 2 and "there are every where, here, mine" in done.stderr


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ({"command": "/no/such/program"}, "the server can't be asked ("),
        ({"command": sys.executable, "args": ["-c", "pass"]}, "the server can't be asked ("),
        ({"type": "sse", "url": "http://127.0.0.1:1/"}, "in a way this verb does not know"),
        ({"type": "http", "url": "http://127.0.0.1:1/"}, "the server can't be asked ("),
    ],
)
def test_a_server_that_can_not_be_asked_is_one_line(machine, way, said):
    done = machine.cli("policy", "learn-mcp", "x", "--config", config(machine, x=way))
    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("hints", "effect"),
    [
        ({}, None),
        ({"readOnlyHint": True}, "read"),
        ({"readOnlyHint": True, "destructiveHint": True}, "read"),
        ({"readOnlyHint": False}, "once"),
        ({"destructiveHint": False}, "once"),
        ({"destructiveHint": True}, "once"),
        ({"idempotentHint": True}, "repeatable"),
        ({"destructiveHint": True, "idempotentHint": True}, "repeatable"),
        ({"openWorldHint": False}, "once"),
    ],
)
def test_hints_become_effects_with_the_specifications_defaults(hints, effect):
    from durable.cli.policy_learn_mcp import effect_of
    from durable.mcp_tools import HINTS

    assert effect_of({name: hints.get(name) for name in HINTS})[0] == effect


def test_a_tool_that_says_nothing_of_itself_is_left_to_a_person(machine):
    from durable.cli.policy_learn_mcp import _described, _table

    text = _table(_described("lab", {"name": "do it", "hints": dict.fromkeys(("readOnlyHint", "idempotentHint"))}))
    assert all(line.startswith("#") for line in text.splitlines())
    assert '# match = "mcp__lab__do_it"' in text


def verdicts(machine, what):
    answers = machine.json("policy", "explain", what)["answers"]
    return [(one["attended"], one["verdict"], one["code"]) for one in answers]


CHARGE = 'mcp__pay__charge({"amount": 5})'


def test_explain_says_what_the_hook_would_answer_now(machine):
    users(machine, PAY)
    machine.ran("mcp__pay__ping", {"id": 0})
    assert verdicts(machine, CHARGE) == [(True, "run", None), (False, "run", None)]
    machine.ran("mcp__pay__charge", {"id": 1}, amount=5)
    assert verdicts(machine, CHARGE) == [(True, "deny", "duplicate"), (False, "deny", "duplicate")]
    assert "it would be denied (duplicate): Already done" in machine.said("policy", "explain", CHARGE)
    users(machine, PAY + "max = 2\n")
    assert verdicts(machine, CHARGE)[0] == (True, "run", "max")


def test_explain_weighs_gates_and_a_person_s_being_there(machine):
    users(machine, PAY + 'gate = "ask"\n')
    machine.ran("Bash", {"stdout": ""}, command="ls")
    assert verdicts(machine, CHARGE) == [(True, "ask", "approval"), (False, "defer", "approval")]
    told = machine.said("policy", "explain", CHARGE)
    assert "with a person there: a person would be asked" in told and "without one: it would wait" in told


def test_explaining_leaves_nothing_behind(machine):
    users(machine, PAY + 'gate = "ask"\n')
    machine.ran("Bash", {"stdout": ""}, command="ls")
    before = machine.json("runs"), machine.json("stats")
    machine.said("policy", "explain", CHARGE)
    assert (machine.json("runs"), machine.json("stats")) == before


def test_explain_needs_no_ledger(machine):
    users(machine, PAY)
    assert machine.json("policy", "explain", CHARGE)["answers"] == []
