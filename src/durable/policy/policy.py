"""What the policy files say, put together. Pure."""

from __future__ import annotations

from durable.native import dumps, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENFORCE = "enforce"
OBSERVE = "observe"

BUILT_IN = "built-in"
USER = "user"
PROJECT = "project"
CHOSEN = "DURABLE_POLICY"


class Policy:
    """`broken` is the sentence about an invalid file; what stands beside it is the last valid policy.

    `blind` if a file has none: what it wants redacted is unknown.
    """

    __slots__ = ("blind", "broken", "broken_file", "digest", "mode", "redact", "redact_patterns")

    def __init__(self) -> None:
        self.mode = ENFORCE
        self.redact = True
        self.redact_patterns: tuple[str, ...] = ()
        self.digest = BUILT_IN
        self.blind = False
        self.broken = ""
        self.broken_file = ""


def merged(layers: list[tuple[str, dict[str, Any]]]) -> Policy:
    """Later layers win. A project's file may add redaction, but neither end it nor choose observe mode:
    a repository one has just cloned must not be able to switch the ledger off."""
    policy = Policy()
    for origin, layer in layers:
        redact = layer.get("redact", {})
        policy.redact_patterns += tuple(redact.get("patterns", ()))
        if origin != PROJECT:
            policy.mode = layer.get("mode", policy.mode)
            policy.redact = redact.get("enabled", policy.redact)
        elif redact.get("enabled") is True:
            policy.redact = True
    if layers:
        policy.digest = sha256(dumps(layers).encode())[:16]
    return policy
