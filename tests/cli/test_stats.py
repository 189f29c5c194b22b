"""durable stats --by …, between two times, in a directory; and the bars at a terminal."""

import os
import pty
import re
import shlex
import subprocess

import pytest
from cli_machine import FULL, ROOT, SESSION, cells, line_of
from usage_lines import answer, told

OTHER = "22222222-bbbb-4bbb-8bbb-222222222222"


def commands(page):
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines()]


def by(machine, what, *words, **more):
    return {one["name"]: one for one in machine.json("stats", "--by", what, *words, **more)["groups"]}


@pytest.fixture
def worked(machine):
    """Two calls of the main agent and one of a sub-agent, in two sessions."""
    machine.ran("Bash", command="ls")
    machine.ran("Read", file_path="/a", session=OTHER, env={"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"})
    inside = {"tool_name": "Bash", "tool_input": {"command": "pwd"}, "tool_use_id": "toolu_in"}
    machine._tell("pre_tool_use", "PreToolUse-Bash", {}, **inside, agent_id="a1b2", agent_type="Explore")
    told(machine, answer("m3", "claude-haiku"), agent="a1b2", end=False)
    told(machine, answer("m1"), answer("m2", at="2026-11-04T23:30:00.000Z"))
    return machine


def test_by_sub_agent_calls_and_tokens_stand_in_one_line(worked):
    found = by(worked, "agent")
    assert {name: (one["attempts"], one["tokens"]["messages"]) for name, one in found.items()} == {
        "main": (2, 2),
        "Explore": (1, 1),
    }


def test_by_model_there_are_tokens_and_no_calls(worked):
    found = by(worked, "model")
    counts = {name: (one["attempts"], one["tokens"]["input"]) for name, one in found.items()}
    assert counts == {"claude-opus": (None, 20), "claude-haiku": (None, 10)}
    assert cells(line_of(worked.said("stats", "--by", "model"), "claude-opus")) == ["claude-opus", "2", "20", "10"]


def test_by_workspace_and_by_way_in(worked):
    assert {name: one["attempts"] for name, one in by(worked, "workspace").items()} == {str(worked.project): 3}
    assert {name: one["attempts"] for name, one in by(worked, "entrypoint").items()} == {"cli": 2, "sdk-cli": 1}


def test_a_day_is_a_local_one(worked):
    days = [name for name, one in by(worked, "day").items() if one["tokens"]]
    assert days == ["2026-11-03", "2026-11-04"]
    days = [name for name, one in by(worked, "day", env={"TZ": "Asia/Kathmandu"}).items() if one["tokens"]]
    assert days == ["2026-11-03", "2026-11-05"]


def test_midnight_may_be_at_a_quarter_to_in_utc(machine):
    """In Nepal it is at 18:15."""
    machine.ran("Bash", command="ls")
    before, after = answer("m1", at="2026-11-03T18:14:00.000Z"), answer("m2", at="2026-11-03T18:16:00.000Z")
    told(machine, before, after)
    found = by(machine, "day", env={"TZ": "Asia/Kathmandu"})
    assert {name: one["tokens"]["messages"] for name, one in found.items() if one["tokens"]} == {
        "2026-11-03": 1,
        "2026-11-04": 1,
    }


def test_between_two_times_and_in_a_directory(worked):
    def attempts(*words):
        return worked.json("stats", *words)["total"]["attempts"]

    assert (attempts("--from", "1h"), attempts("--to", "1h"), attempts("--since", "1h")) == (3, 0, 3)
    assert (attempts("--workspace", "."), attempts("--workspace", "/nowhere")) == (3, 0)
    assert worked.json("stats", "--from", "2026-11-04", "--to", "2026-11-05")["tokens"]["messages"] == 1
    assert worked.cli("stats", "--from", "1h", "--since", "1h").returncode == 2
    assert worked.cli("stats", "--by", "colour").returncode == 2


def test_tokens_belong_to_no_tool_and_are_null_where_none_were_counted(worked):
    assert worked.json("stats")["tokens"]["messages"] == 3
    assert worked.json("stats", "--tool", "Bash")["tokens"] is None
    assert worked.json("stats", "--run", OTHER)["tokens"] is None
    assert worked.json("stats", "--run", SESSION)["tokens"]["messages"] == 3


def test_tools_may_be_chosen_by_what_they_are_not(worked):
    assert [one["tool_name"] for one in worked.json("stats", "--tool", "[!B]*")["tools"]] == ["Read"]


# ---- bars -------------------------------------------------------------------------------------


def screen(machine, *words, **env):
    """What a terminal of 120 columns gets."""
    ours, theirs = pty.openpty()
    more = {"TERM": "xterm", "COLUMNS": "120", "LANG": "C.UTF-8", **env}
    done = subprocess.Popen([*FULL, *words], env=machine.env(**more), cwd=machine.project, stdin=theirs, stdout=theirs)
    os.close(theirs)
    said = b""
    while part := _part(ours):
        said += part
    os.close(ours)
    assert done.wait(60) == 0
    return said.decode()


def _part(descriptor):
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Nobody writes to it any more.
        return b""


def test_a_terminal_gets_bars_and_a_pipe_gets_none(worked):
    assert "█" * 30 in line_of(screen(worked, "stats", "--by", "model"), "claude-opus")
    assert "█" not in line_of(worked.said("stats", "--by", "model"), "claude-opus")


def test_without_utf_8_they_are_plain(worked):
    said = screen(worked, "stats", "--by", "model", PYTHONIOENCODING="ascii")
    assert "#" * 30 in line_of(said, "claude-opus") and "\\u" not in said
    plain = worked.said("stats", env={"PYTHONIOENCODING": "ascii"})
    assert "." * 30 in line_of(plain, "% of calls")


def test_a_narrow_screen_has_fewer_columns_and_cuts_no_number(worked):
    def heading(width):
        return line_of(screen(worked, "stats", "--by", "agent", COLUMNS=width), "agent")

    assert "tokens" in heading("120") and "ran" in heading("120")
    assert "tokens" not in heading("44") and "calls" in heading("44")
    assert "…" not in screen(worked, "stats", "--by", "agent", COLUMNS="44")


@pytest.mark.parametrize("line", commands("docs/analytics.md"))
def test_every_command_of_the_page_does_what_it_says_there(machine, line):
    machine.ran("Bash", command="ls")
    assert machine.said(*shlex.split(line)[1:])
