"""What a report about a call says of it. Pure; used for hooks, transcripts and notifications alike.

No receipt: a launch in the background, and a command that outlived its timeout. No failure: an
interrupt, a lost connection, an MCP error, a killed process; the effect may have happened.
"""

from __future__ import annotations

from durable.step import FAILED, IN_DOUBT, ONCE, READ, RUNNING, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EXIT = "Exit code "


class Ending:
    """`exit_hidden`: the code that came back need not be the command's own."""

    __slots__ = ("exit_code", "exit_hidden", "status", "task_id", "why")

    def __init__(
        self,
        status: str,
        why: str = "",
        exit_code: int | None = None,
        task_id: str | None = None,
        exit_hidden: bool = False,
    ) -> None:
        self.status = status
        self.why = why
        self.exit_code = exit_code
        self.task_id = task_id
        self.exit_hidden = exit_hidden


def may_launch(tool: str) -> bool:
    """Only the client's own tools go on in the background. What an MCP server answers is its own affair."""
    return not tool.startswith("mcp__")


def of_response(tool: str, response: Any) -> Ending:
    """The tool answered without an error."""
    if not isinstance(response, dict) or not may_launch(tool):
        return Ending(SUCCEEDED)
    if response.get("status") == "async_launched":
        return Ending(RUNNING, "launched", task_id=_text(response.get("agentId")))
    if "backgroundTaskId" in response or "timedOutAfterMs" in response:
        return Ending(RUNNING, "in the background", task_id=_text(response.get("backgroundTaskId")))
    if response.get("interrupted") is True:
        return Ending(IN_DOUBT, "interrupted")
    return Ending(SUCCEEDED)


def of_error(tool: str, effect: str, error: str, interrupted: bool = False) -> Ending:
    code = exit_code_of(error)
    if interrupted and effect != READ:
        return Ending(IN_DOUBT, "interrupted", code)
    if effect == READ:
        return Ending(FAILED, "", code)
    if tool.startswith("mcp__"):
        return Ending(IN_DOUBT, "the MCP call ended in an error; its effect may have happened")
    if tool == "Bash" and (code is None or effect == ONCE or _was_killed(code)):
        return Ending(IN_DOUBT, "the command's end is not known" if code is None else f"exit code {code}", code)
    return Ending(FAILED, "", code)


def of_task(status: str, effect: str, code: int | None) -> Ending:
    """The end of a background task, by the status that the client gives it."""
    if status == "completed" and code in (None, 0):
        return Ending(SUCCEEDED, exit_code=code)
    if status in ("completed", "failed") and code is not None and effect != ONCE:
        return Ending(FAILED, "", code)
    return Ending(IN_DOUBT, f"the background task ended as {status or 'unknown'}", code)


def _was_killed(code: int) -> bool:
    """A shell says 128 + signal. A timeout looks like that as well: the client sends SIGTERM."""
    return 128 < code <= 128 + 64


def exit_code_of(error: str) -> int | None:
    if not error.startswith(_EXIT):
        return None
    digits = error[len(_EXIT) :].split("\n", 1)[0].strip()
    return int(digits) if digits.isdecimal() and len(digits) < 6 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
