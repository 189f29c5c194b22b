"""Where a failure comes from. Pure: a step's columns and the words of its error go in, a source and a reason come out.

status     what decides                                                     source
refused    by our hook: the code of its answer                              policy, budget, twin, permission
           by our hook: a rule about calls that leave the client's sandbox  sandbox
           permitted, and the hook could not say so in time                 ledger
           by the client's rules, its classifier, or a person               permission
           by nobody: its client ended before the permit                    interrupted
failed     the client's list of what its sandbox stopped                    sandbox
in doubt   the client would not take the arguments                          agent
not done   nobody answered, or no longer                                    connection
           a signal, an end of the client or of the turn, a person's stop   interrupted
           an exit code, an error that the tool gave                        tool

What a program prints is its own affair: of a command only the exit code speaks, and the client's own marks.
"""

from __future__ import annotations

from durable.brief.quoting import plain
from durable.ending import exit_code_of
from durable.step import FAILED, IN_DOUBT, NOT_DONE, REFUSED, REPLAYED, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

POLICY, BUDGET, SANDBOX, PERMISSION, LEDGER = "policy", "budget", "sandbox", "permission", "ledger"
TWIN, AGENT, TOOL, CONNECTION, INTERRUPTED = "twin", "agent", "tool", "connection", "interrupted"
SOURCES = (POLICY, BUDGET, SANDBOX, PERMISSION, LEDGER, TWIN, AGENT, TOOL, CONNECTION, INTERRUPTED)
FAILING = (REFUSED, FAILED, IN_DOUBT, NOT_DONE)
LONGEST_WHY = 160

_OF_VERDICT = {
    "broken_policy": POLICY, "gate": POLICY, "tampering": POLICY, "strict": POLICY, "strict_stop": POLICY,
    "budget": BUDGET, "cancelled": PERMISSION, "approval": PERMISSION, "twice": TWIN, "awaiting": TWIN,
    "in_flight": TWIN, "elsewhere": TWIN, "in_doubt": TWIN, "duplicate": TWIN, "reworded": TWIN,
}  # fmt: skip
_OF_CLOSER = {"PermissionDenied": PERMISSION, "operator": PERMISSION, "transcript": PERMISSION, "spool": LEDGER}
# What the client writes where it refuses by its own permissions.
_NO_PERMISSION = ("Permission to use ", "The user doesn't want to proceed")
_IN_SANDBOX = "<sandbox_violations>"
# The client's words, or those of its MCP library, for arguments that were never taken.
_NOT_TAKEN = (
    "<tool_use_error>", "InputValidationError", "String to replace not found", "File does not exist",
    "File has not been read yet", "File has been modified since", "No such tool available", "MCP error -32602",
    "MCP error -32601",
)  # fmt: skip
_ARGUMENTS = " validation error for "
_NO_ANSWER = (
    "connection closed", "connection refused", "connection reset", "connection timed out", "request timed out",
    "econnrefused", "econnreset", "etimedout", "enotfound", "getaddrinfo", "could not resolve host", "fetch failed",
    "name resolution", "network is unreachable", "socket hang up", "unable to verify if domain", "mcp error -32000",
    "mcp error -32001",
)  # fmt: skip
# What a doubt says when the call itself said nothing: else it names an exit code or a tool's error.
_TOOL_SPOKE = ("exit code", "the MCP call ended in an error", "the background task ended as failed")
_KILLED = range(129, 193)


class Failure:
    __slots__ = ("source", "why")

    def __init__(self, source: str, why: str) -> None:
        self.source = source
        self.why = plain(why, LONGEST_WHY)


def failure_of(step: Mapping[str, Any], error: str, sandbox_rules: Collection[str] = ()) -> Failure | None:
    """None if nothing failed. `sandbox_rules`: those that speak of calls which leave the client's sandbox."""
    if step["status"] not in FAILING:
        return None
    if step["status"] == REFUSED:
        return _refused(step, error, sandbox_rules)
    doubt = step["doubt"] or ""
    if doubt and not doubt.startswith(_TOOL_SPOKE):
        return Failure(INTERRUPTED, doubt)
    return _of_tool(step, error, doubt)


def _refused(step: Mapping[str, Any], error: str, sandbox_rules: Collection[str]) -> Failure:
    if step["closed_by"] == "PreToolUse":
        source = _OF_VERDICT.get(step["verdict"] or "", POLICY)
        if any(error.startswith(f"The rule {name} forbids") for name in sandbox_rules):
            source = SANDBOX
        return Failure(source, error or step["verdict"] or "denied")
    return Failure(_OF_CLOSER.get(step["closed_by"], INTERRUPTED), error or "it never ran")


def _of_tool(step: Mapping[str, Any], error: str, doubt: str) -> Failure:
    said = error or doubt
    if _IN_SANDBOX in error:
        return Failure(SANDBOX, error.partition(_IN_SANDBOX)[2].partition("</")[0] or _IN_SANDBOX)
    if error.startswith(_NO_PERMISSION):
        return Failure(PERMISSION, error)
    if error.startswith(_NOT_TAKEN):
        return Failure(AGENT, error)
    code = step["exit_code"] if step["exit_code"] is not None else exit_code_of(error)
    if code is not None:
        return Failure(INTERRUPTED if code in _KILLED else TOOL, _first_words(code, error))
    if step["tool_name"] == "Bash":
        return Failure(TOOL, said or "it failed")
    if _ARGUMENTS in error.partition("\n")[0]:
        return Failure(AGENT, error)
    lost = any(word in error[:300].lower() for word in _NO_ANSWER)
    return Failure(CONNECTION if lost else TOOL, said or "it failed")


def _first_words(code: int, error: str) -> str:
    """The code, and the last line that says anything: commands end with what went wrong."""
    lines = [line for line in error.splitlines() if line.strip() and exit_code_of(line) is None]
    return f"exit code {code}: {lines[-1]}" if lines else f"exit code {code}"


# ---- chains -----------------------------------------------------------------------------------


def roots(steps: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Step → the first failure of its chain, for each that failed after another: the same tool with the same
    arguments and no success in between, or a call that was held back for one that had failed. `steps` are all of
    the run, in ledger order."""
    first: dict[tuple[str, str], str] = {}
    found: dict[str, str] = {}
    failing: set[str] = set()
    for step in steps:
        mark = (step["tool_name"], step["fingerprint"])
        if step["status"] in (SUCCEEDED, REPLAYED):
            first.pop(mark, None)
        if step["status"] not in FAILING:
            continue
        failing.add(step["step_id"])
        twin = step["duplicate_of"] if step["duplicate_of"] in failing else None
        root = first.get(mark) or (found.get(twin, twin) if twin else None)
        if root is not None:
            found[step["step_id"]] = root
        first.setdefault(mark, root or step["step_id"])
    return found
