"""What a call does to the world, as far as the tool's name tells."""

from __future__ import annotations

from durable.step import READ, REPEATABLE

LOOK_UPS = frozenset(
    (
        "AskUserQuestion",
        "BashOutput",
        "Glob",
        "Grep",
        "LS",
        "ListMcpResourcesTool",
        "LSP",
        "NotebookRead",
        "Read",
        "ReadMcpResourceTool",
        "TaskGet",
        "TaskList",
        "TaskOutput",
        "ToolSearch",
        "WebFetch",
        "WebSearch",
    )
)
# The tools the built-in rules know. Any other is `repeatable` until a rule names it.
NAMED = LOOK_UPS | {
    "Agent",
    "Bash",
    "Edit",
    "EnterPlanMode",
    "ExitPlanMode",
    "KillShell",
    "MultiEdit",
    "NotebookEdit",
    "Skill",
    "TaskCreate",
    "TaskStop",
    "TaskUpdate",
    "TodoWrite",
    "Write",
}
WRITES_A_FILE = {"Edit": "file_path", "MultiEdit": "file_path", "Write": "file_path"}


def effect_of(tool: str) -> tuple[str, str]:
    """(effect, the rule that says so)."""
    if tool in LOOK_UPS:
        return READ, f"built-in {tool}"
    return REPEATABLE, f"built-in {tool}" if tool in NAMED else "built-in default"
