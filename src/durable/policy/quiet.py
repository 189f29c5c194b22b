"""Most calls are spoken of by no rule at all. That is seen from the indexes alone, at next to no cost."""

from __future__ import annotations

from durable.policy.effects import effect_of
from durable.policy.index import GLOBS, PATHS, TOOLS, WHOLE, rules_for_line, unquoted
from durable.policy.ruling import Ruling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.event import Call
    from durable.policy.index import Index
    from durable.policy.policy import Policy


def unruled(call: Call, policy: Policy) -> Ruling | None:
    """None if a rule may speak of the call: policy/match.py knows."""
    line = call.input.get("command") if call.tool == "Bash" else None
    if any(_may_speak(layer.index, call.tool, line if isinstance(line, str) else "") for layer in policy.layers):
        return None
    return Ruling(*effect_of(call.tool))


def _may_speak(index: Index, tool: str, line: str) -> bool:
    if tool in index[TOOLS] or tool in index[PATHS]:
        return True
    if tool != "Bash":
        return any(tool.startswith(name.partition("*")[0]) for name, _ in index[GLOBS])
    # A pattern of names that Bash fits stands in WHOLE as well.
    if index[WHOLE] or rules_for_line(index, line):
        return True
    bare = unquoted(line)
    return bare is not line and bool(rules_for_line(index, bare))
