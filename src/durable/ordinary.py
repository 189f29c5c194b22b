"""What an ordinary event loads, door by door, each module after those that it needs.

tests/hooks/test_start.py holds the lists to what such a hook really loads: each module more is paid for by
every tool call of every session.
"""

from __future__ import annotations


def _modules(names: str) -> tuple[str, ...]:
    return tuple(f"durable.{name}" for name in names.split())


_COMMON = _modules("""
    clock errors home ledger ledger.files native switch alarm crash agents event agents.claude_code
    agents.registry ledger.chain ledger.head ledger.database ledger.interface ledger.keys ledger.lock
    ledger.statements ledger.projection step ledger.transaction ledger.sqlite policy policy.built_in
    policy.built_in.index policy.index policy.layer policy.policy policy.files redaction redaction.names
    redaction.smell redact waiting hook closing owner join
""")
MODULES = {
    "pre_tool_use": _COMMON + _modules("""
        policy.effects policy.decide row fingerprint policy.claimed marks policy.ruling policy.quiet prepare
        protection protection.tampering
"""),
    "post_tool_use": _COMMON + _modules("""
        policy.effects policy.decide row ending fingerprint report reconcile receipt
"""),
    "lifecycle": _COMMON + _modules("""
        ending report reconcile usage lifecycle prompts agents.claude_usage
"""),
}  # fmt: skip
