"""What an answer must look like when something is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import ledger_view

from .door import Answer, Door

DEADLINE_S = 5.0
COMMAND = re.compile(r"(/\S*?/durable) (off|doctor|key|restore|migrate)\b")


def assert_denies(answer: Answer, *words: str, within: float = DEADLINE_S) -> None:
    """Exit 2, nothing on stdout, one sentence on stderr with what to do, in time."""
    assert (answer.code, answer.out) == (2, ""), answer
    assert_one_sentence(answer.err)
    assert answer.err.startswith("durable denied this call, nothing was run: ")
    problem, remedy = answer.err.split(" (a person")[0].split("; ", 1)
    assert problem
    assert remedy
    for word in words:
        assert word in answer.err, answer.err
    assert answer.seconds < within + 3.0


def assert_one_sentence(text: str) -> None:
    assert text.endswith(".\n"), text
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    assert len(text) < 2_000
    for command, _ in COMMAND.findall(text):
        assert Path(command).exists(), command


def assert_lets_through_unrecorded(answer: Answer) -> None:
    """Observe mode: the call runs, and the person hears that it went unrecorded."""
    assert (answer.code, answer.err) == (0, ""), answer
    assert list(answer.json) == ["systemMessage"]
    assert "unrecorded" in answer.json["systemMessage"]


def assert_tells_it_ran(answer: Answer, event: str = "PostToolUse") -> None:
    """Exit 0, and the model hears that the call did run."""
    assert (answer.code, answer.err) == (0, ""), answer
    assert answer.json["hookSpecificOutput"]["hookEventName"] == event
    assert "this call DID run" in answer.told
    assert "Traceback" not in answer.out


def statuses(door: Door) -> dict[str, str]:
    return {row["tool_use_id"]: row["status"] for row in ledger_view.steps(door.state)}
