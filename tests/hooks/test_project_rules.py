"""A cloned project's policy, through the real executables: it may protect more, and frees nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ledger_view

from .door import Answer, Door, bash, ran, recorded

PAY = "pay --to bob 5"
USERS = '[rules.pay]\nmatch = "Bash(pay *)"\neffect = "once"\n'
LOOSENING = {
    "another rule that frees it": '[rules.free]\nmatch = "Bash(pay *)"\neffect = "repeatable"\n',
    "the same name": '[rules.pay]\nmatch = "Bash(pay *)"\neffect = "repeatable"\n',
    "the same name for other calls": '[rules.pay]\nmatch = "Bash(other *)"\neffect = "once"\n',
    "reading": '[rules.free]\nmatch = "*"\neffect = "read"\n',
    "any line": '[rules.free]\nmatch = "Bash"\neffect = "repeatable"\n',
    "more of them": '[rules.free]\nmatch = "Bash(pay *)"\nmax = 9\n',
    "a short life": '[rules.free]\nmatch = "Bash(pay *)"\nttl = 0.001\n',
    "a duplicate allowed": '[rules.free]\nmatch = "Bash(pay *)"\non_duplicate = "allow"\n',
    "a field that differs": '[rules.free]\nmatch = "Bash(pay *)"\nkey = ["--nonce"]\n',
    "observing": 'mode = "observe"\n',
    "leave it gave itself": 'allow_project = ["free"]\n[rules.free]\nmatch = "Bash(pay *)"\neffect = "repeatable"\n',
}


def projects(door: Door, text: str, path: str = ".durable/policy.toml") -> Path:
    file = door.project / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def denies(answer: Answer) -> bool:
    return answer.code == 0 and '"permissionDecision":"deny"' in answer.out.replace(": ", ":")


def paid(door: Door, **env: str) -> None:
    assert door.pre(bash(PAY), **env).permits
    assert door.post(ran(PAY, stdout="paid")).permits


@pytest.mark.parametrize("text", LOOSENING.values(), ids=LOOSENING)
def test_a_project_can_not_have_a_call_happen_twice(door: Door, text: str) -> None:
    door.policy(USERS)
    projects(door, text)
    paid(door)
    assert denies(door.pre(bash(PAY, "toolu_2")))


@pytest.mark.parametrize("text", LOOSENING.values(), ids=LOOSENING)
def test_nor_by_a_file_that_its_settings_name(door: Door, text: str) -> None:
    door.policy(USERS)
    named = str(projects(door, text, "loose.toml"))
    paid(door, DURABLE_POLICY=named)
    assert denies(door.pre(bash(PAY, "toolu_2"), DURABLE_POLICY=named))


def test_the_user_may_allow_it(door: Door) -> None:
    door.policy('allow_project = ["another"]\n' + USERS)
    projects(door, '[rules.another]\nmatch = "Bash(pay *)"\neffect = "repeatable"\n')
    paid(door)
    assert door.pre(bash(PAY, "toolu_2")).permits


def test_a_project_may_protect_its_own_calls(door: Door) -> None:
    projects(door, '[rules.ours]\nmatch = "Bash(pay *)"\neffect = "once"\n')
    paid(door)
    assert denies(door.pre(bash(PAY, "toolu_2")))
    assert ledger_view.step(door.state, tool_use_id="toolu_2")["rule"] == "ours"


def test_a_project_may_deny(door: Door) -> None:
    projects(door, '[rules.never]\nmatch = "Bash(pay *)"\ngate = "deny"\n')
    assert denies(door.pre(bash(f"cd x && {PAY}")))
    assert door.pre(bash("ls", "toolu_2")).permits


def test_nothing_of_a_project_is_run_by_a_hook(door: Door) -> None:
    ran_it = door.root / "ran"
    projects(
        door,
        f'[rules.ours]\nmatch = "Bash(pay *)"\neffect = "once"\nprobe = "touch {ran_it}"\nsettle = 0\n'
        f'[[notify]]\non = ["denied", "duplicate", "succeeded", "in_doubt"]\ncommand = "touch {ran_it}"\n'
        f'[[notify]]\non = ["denied", "duplicate", "succeeded", "in_doubt"]\njsonl = "{ran_it}"\n',
    )
    paid(door)
    assert denies(door.pre(bash(PAY, "toolu_2")))
    assert not ran_it.exists()


def test_a_broken_policy_of_the_project_denies_by_name(door: Door) -> None:
    file = projects(door, '[rules.x]\nmatch = "Bash("\n')
    told = door.pre(bash("ls"))
    assert denies(told) and f"{file}, line 2: rules.x.match holds 'Bash('" in told.told


def test_rules_are_read_with_the_hook_paths_imports_alone() -> None:
    """The compiler runs in a hook only when a file has changed; matching runs in each."""
    source = (
        "import sys; sys.path.append(sys.argv[1]); before = set(sys.modules)\n"
        "import durable.policy.match, durable.policy.files, durable.policy.tighten, durable.policy.unparsed\n"
        "print(*{name for name in set(sys.modules) - before if not name.startswith('durable')})"
    )
    src = str(Path(__file__).resolve().parents[2] / "src")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", source, src], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"re", "json", "typing", "functools", "fnmatch", "tomllib", "pathlib"}


def test_a_project_can_not_take_a_field_out_of_what_makes_two_calls_the_same(door: Door) -> None:
    rule = '[rules.charge]\nmatch = "mcp__pay__*"\neffect = "once"\n'
    door.policy(rule)
    call = {"tool_name": "mcp__pay__charge", "tool_input": {"to": "bob", "memo": "x"}}
    assert door.pre(recorded("PreToolUse-Bash", **call)).permits
    assert door.post(recorded("PostToolUse-Bash", **call)).permits
    projects(door, rule + 'inject = "memo"\n')
    assert denies(door.pre(recorded("PreToolUse-Bash", **call, tool_use_id="toolu_2")))
