"""The rules that the plans are played under, and what the test itself knows of each.

A claim is written `rule:whom`; a line may hold several, joined by `+`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..door import bash, failed, ran, recorded

NOTHING_DONE = "nothing was done"


@dataclass(frozen=True)
class Known:
    once: bool = True
    scope: str = "run"
    most: int = 1
    ttl: bool = False
    key: bool = False
    probe: bool = False


RULES = {
    "pay": Known(),
    "ship": Known(scope="project"),
    "wire": Known(scope="global"),
    "mcp": Known(key=True),
    "rent": Known(ttl=True),
    "vote": Known(most=2),
    "book": Known(probe=True),
    "make": Known(once=False),
}
WHOM = ("bob", "eve")


def policy(probe: str) -> str:
    no_effect = f'no_effect_output = ["{NOTHING_DONE}"]\n'
    more = {
        "ship": 'scope = "project"\n',
        "wire": 'scope = "global"\n',
        "mcp": 'key = ["to"]\n',
        "rent": 'ttl = "1h"\n',
        "vote": "max = 2\n",
        "book": f'probe = "{probe}"\nsettle = 0\n',
    }
    once = [name for name in RULES if RULES[name].once]
    return "".join(
        f'[rules.{name}]\nmatch = "{_match(name)}"\neffect = "once"\n{no_effect}{more.get(name, "")}' for name in once
    )


def rule_of(claim: str) -> Known:
    return RULES[claim.partition(":")[0]]


def same_rule(one: str, other: str) -> bool:
    return one.partition(":")[0] == other.partition(":")[0]


def claims_of(line: str) -> tuple[str, ...]:
    return tuple(claim for claim in line.split("+") if rule_of(claim).once)


def is_mcp(line: str) -> bool:
    return line.startswith("mcp:")


# ---- payloads -----------------------------------------------------------------------------------


def asks(line: str, use_id: str, **fields: Any) -> dict[str, Any]:
    """What a model rewords differs from id to id: it must not count."""
    if is_mcp(line):
        return recorded("PreToolUse-mcp__lab__send", tool_use_id=use_id, tool_input=_sent(line, use_id), **fields)
    payload = bash(_command(line), use_id, **fields)
    payload["tool_input"]["description"] = f"said anew in {use_id}"
    return payload


def succeeds(line: str, use_id: str, **fields: Any) -> dict[str, Any]:
    if is_mcp(line):
        return recorded("PostToolUse-mcp__lab__send", tool_use_id=use_id, tool_input=_sent(line, use_id), **fields)
    return _described(ran(_command(line), use_id, stdout=f"receipt of {line}", **fields), use_id)


def fails(line: str, use_id: str, error: str, **fields: Any) -> dict[str, Any]:
    if is_mcp(line):
        given = _sent(line, use_id)
        return recorded(
            "PostToolUseFailure-mcp__lab__send", tool_use_id=use_id, tool_input=given, error=error, **fields
        )
    return _described(failed(_command(line), use_id, error=f"Exit code 3\n{error}", **fields), use_id)


def _described(payload: dict[str, Any], use_id: str) -> dict[str, Any]:
    payload["tool_input"]["description"] = f"said anew in {use_id}"
    return payload


def _match(name: str) -> str:
    return "mcp__lab__send" if name == "mcp" else f"Bash({name} *)"


def _command(line: str) -> str:
    words = (claim.split(":") for claim in line.split("+"))
    return " && ".join(f"{name} --to {whom} 5" for name, whom in words)


def _sent(line: str, use_id: str) -> dict[str, Any]:
    return {"to": line.partition(":")[2], "note": use_id}
