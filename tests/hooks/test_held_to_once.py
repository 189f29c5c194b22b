"""Near ways round "once": a second project of the same run, and one line that does it several times."""

from __future__ import annotations

from typing import Any

from .door import Door, bash, ran, recorded
from .test_once import OTHER, PAY, RULES, cut_off, denied

CHARGED = '[rules.charge]\nmatch = "mcp__pay__*"\neffect = "once"\n'


def charge(use_id: str, kind: str = "PreToolUse", **given: Any) -> dict[str, Any]:
    call = recorded(f"{kind}-Bash", tool_name="mcp__pay__charge", tool_input={"to": "bob", **given}, tool_use_id=use_id)
    return call | ({"tool_response": [{"type": "text", "text": "charged"}]} if kind == "PostToolUse" else {})


def test_a_run_that_goes_on_in_another_project_does_not_do_it_again(door: Door) -> None:
    door.policy(CHARGED)
    one_run, elsewhere = {"DURABLE_RUN_ID": "release"}, {"CLAUDE_PROJECT_DIR": str(door.root)}
    assert door.pre(charge("toolu_1"), **one_run).permits
    there = {**charge("toolu_2"), "session_id": OTHER}
    assert "in flight" in denied(door.pre(there, **one_run, **elsewhere))
    assert door.post(charge("toolu_1", "PostToolUse"), **one_run).permits
    assert "Already done" in denied(door.pre(there, **one_run, **elsewhere))
    assert door.pre({**there, "session_id": "of another run"}, **elsewhere).permits


def test_a_line_that_does_it_several_times_does_not_get_round_max(door: Door) -> None:
    door.policy(RULES + "max = 2\n")
    assert "twice or more" in denied(door.pre(bash(f"{PAY}; {PAY}; {PAY}", "toolu_1")))
    for use_id in ("toolu_2", "toolu_3"):
        assert door.pre(bash(PAY, use_id)).permits
        assert door.post(ran(PAY, use_id)).permits
    assert "Already done" in denied(door.pre(bash(PAY, "toolu_4")))


def test_where_duplicates_are_allowed_a_line_may_hold_several(door: Door) -> None:
    door.policy(RULES + 'on_duplicate = "allow"\n')
    assert door.pre(bash(f"{PAY}; {PAY}", "toolu_1")).permits


def test_a_line_is_replayed_only_if_nothing_of_it_is_left_to_do(door: Door) -> None:
    vote = '[rules.vote]\nmatch = "Bash(vote *)"\non_duplicate = "allow"\n'
    door.policy(RULES + 'on_duplicate = "replay"\n' + vote)
    line = f"{PAY} && vote eve"
    assert door.pre(bash(line, "toolu_1")).permits
    assert door.post(ran(line, "toolu_1")).permits
    said = denied(door.pre(bash(line, "toolu_2")))
    assert "Already done" in said and "Left to do, each alone: `vote eve`" in said


def test_who_only_knows_that_it_happened_is_not_quoted_on_what_it_printed(door: Door) -> None:
    door.policy(RULES + 'probe = "exit 0"\n')
    here = {"cwd": str(door.project)}
    cut_off(door, **here)
    assert "not known" in denied(door.pre(bash(PAY, "toolu_2", **here)))


def test_a_directory_by_another_name_is_the_same_directory(door: Door) -> None:
    door.policy(RULES)
    project, link = door.home / "work", door.root / "link"
    project.mkdir()
    link.symlink_to(project)
    assert door.pre(bash(PAY, "toolu_1", cwd=str(project))).permits
    names = [(str(link), PAY), (f"{project}/", PAY), ("/", f"cd {link} && {PAY}"), ("/", f"cd ~/work && {PAY}")]
    for cwd, line in names:
        assert "in flight" in denied(door.pre(bash(line, "toolu_2", cwd=cwd)))
    assert door.pre(bash(PAY, "toolu_3", cwd="/")).permits


def test_a_probe_is_not_asked_about_a_line_of_several_calls(door: Door) -> None:
    """It would speak for all, and sees one."""
    door.policy(RULES + 'settle = 0\nprobe = "exit 1"\n')
    here = {"cwd": str(door.project)}
    cut_off(door, command=f"{PAY} || pay --to eve 7", **here)
    assert "holds other calls" in denied(door.pre(bash("pay --to eve 7", "toolu_2", **here)))
