"""What a report says of a call: what is no receipt, and what is no failure."""

from __future__ import annotations

from typing import Any

import pytest

from durable.ending import of_error, of_response, of_task


@pytest.mark.parametrize(
    ("response", "status", "task"),
    [
        ({"stdout": "out", "interrupted": False}, "succeeded", None),
        ("text", "succeeded", None),
        ([], "succeeded", None),
        (None, "succeeded", None),
        ({"status": "completed", "agentId": "a1"}, "succeeded", None),
        ({"status": "async_launched", "agentId": "a1"}, "running", "a1"),
        ({"stdout": "", "backgroundTaskId": "b1"}, "running", "b1"),
        ({"stdout": "", "timedOutAfterMs": 1000, "backgroundTaskId": "b1"}, "running", "b1"),
        ({"stdout": "", "timedOutAfterMs": 1000}, "running", None),
        ({"stdout": "", "interrupted": True}, "in_doubt", None),
    ],
)
def test_a_launch_is_no_receipt(response: Any, status: str, task: str | None) -> None:
    found = of_response("Bash", response)
    assert (found.status, found.task_id) == (status, task)


@pytest.mark.parametrize(
    ("tool", "effect", "error", "interrupted", "status", "code"),
    [
        ("Bash", "repeatable", "Exit code 3\nbad", False, "failed", 3),
        ("Bash", "repeatable", "Exit code 1", False, "failed", 1),
        ("Bash", "once", "Exit code 1", False, "in_doubt", 1),
        ("Bash", "repeatable", "Exit code 143\nCommand timed out after 1s", False, "in_doubt", 143),
        ("Bash", "repeatable", "Exit code 137", False, "in_doubt", 137),
        ("Bash", "repeatable", "the shell went away", False, "in_doubt", None),
        ("Bash", "repeatable", "Exit code 3", True, "in_doubt", 3),
        ("Bash", "repeatable", "Exit code many", False, "in_doubt", None),
        ("mcp__lab__send", "repeatable", "Connection closed", False, "in_doubt", None),
        ("mcp__lab__send", "once", "Error executing tool", False, "in_doubt", None),
        ("mcp__lab__info", "read", "Connection closed", False, "failed", None),
        ("Read", "read", "File does not exist.", True, "failed", None),
        ("Edit", "repeatable", "String to replace not found", False, "failed", None),
    ],
)
def test_only_a_known_end_is_a_failure(
    tool: str, effect: str, error: str, interrupted: bool, status: str, code: int | None
) -> None:
    found = of_error(tool, effect, error, interrupted)
    assert (found.status, found.exit_code) == (status, code)


@pytest.mark.parametrize(
    ("said", "effect", "code", "status"),
    [
        ("completed", "repeatable", 0, "succeeded"),
        ("completed", "once", None, "succeeded"),
        ("completed", "repeatable", 2, "failed"),
        ("failed", "repeatable", 1, "failed"),
        ("failed", "once", 1, "in_doubt"),
        ("failed", "repeatable", None, "in_doubt"),
        ("killed", "repeatable", None, "in_doubt"),
        ("", "repeatable", None, "in_doubt"),
    ],
)
def test_a_background_task_ends_as_the_client_says(said: str, effect: str, code: int | None, status: str) -> None:
    assert of_task(said, effect, code).status == status
