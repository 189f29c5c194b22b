"""A comparison for scripts, and what a call was given, from its account."""

from __future__ import annotations

from collections import Counter

from durable.cli.blocks import visible
from durable.cli.words import call
from durable.errors import InputError
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.evidence.compare import Comparison, Pair
    from durable.evidence.comparing.account import Account, Call


def data_of(compared: Comparison, a: Account, b: Account) -> dict[str, Any]:
    counts = Counter(pair.kind for pair in compared.pairs)
    differing = compared.differing
    return {
        "a": _side(a), "b": _side(b), "same": compared.same, "counts": dict(counts),
        "first": _pair(differing[0]) if differing else None,
        "effects": [_pair(pair) for pair in compared.effects], "differences": [_pair(pair) for pair in differing],
    }  # fmt: skip


def _side(account: Account) -> dict[str, Any]:
    return {"name": account.name, "status": account.status, "calls": len(account.calls), "missing": account.missing,
            "tokens": account.tokens, "micro_usd": account.micro_usd}  # fmt: skip


def _pair(pair: Pair) -> dict[str, Any]:
    changes = {name: {"a": was, "b": is_} for name, (was, is_) in pair.changes.items()}
    return {"kind": pair.kind, "a": _call(pair.a), "b": _call(pair.b), "changes": changes}


def _call(one: Call | None) -> dict[str, Any] | None:
    if one is None:
        return None
    names = ("number", "step_id", "tool", "lane", "effect", "status", "exit_code")
    return {name: getattr(one, name) or None for name in names} | {"exit_code": one.exit_code, "call": text_of(one)}


def text_of(one: Call) -> str:
    return visible(call(one.tool, "(gone)" if one.gone else given_to(one), ".")).replace("\t", " ")


def given_to(one: Call) -> Any:
    try:
        return loads(one.given)
    except InputError:  # It was longer than what is kept of it.
        return one.given
