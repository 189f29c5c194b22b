"""A recorded result as the text that its tool showed the model."""

from __future__ import annotations

from durable.native import loads
from durable.policy.claimed import Receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.step import Step

LONGEST = 20_000
_CUT = "\n[… {} characters left out; the whole result: durable step {} …]\n"


def receipt_of(tx: Transaction, step: Step) -> Receipt:
    kept = tx.content(step.output) if step.output is not None else None
    text = text_of(None if kept is None else loads(kept))
    sure = not step.row.get("exit_hidden") or step.closed_by in ("probe", "operator")
    gone = gone_of(tx, step.output) if kept is None else ""
    return Receipt(_shortened(text, step.step_id), sure, len(text) <= LONGEST, gone)


def gone_of(tx: Transaction, digest: str | None) -> str:
    """What is said in the place of a content that is not there; nothing of one that never was."""
    if digest is None:
        return ""
    row = tx.one("let_go", digest=digest)
    if row is None:
        return f"lost; its hash stays on record (sha256:{digest})"
    return f"let go on {row['at'][:10]}, having been kept long enough; its hash stays on record (sha256:{digest})"


def text_of(response: Any) -> str:
    if response is None:
        return ""
    if isinstance(response, str):
        return response
    if isinstance(response, list):
        return "\n".join(text_of(part) for part in response)
    if isinstance(response, dict):
        return _of_fields(response)
    return str(response)


def _of_fields(response: dict[str, Any]) -> str:
    if "stdout" in response or "stderr" in response:
        parts = (response.get("stdout"), response.get("stderr"))
        return "\n".join(part for part in parts if isinstance(part, str) and part)
    if response.get("type") == "text" and isinstance(response.get("text"), str):
        return str(response["text"])
    if isinstance(response.get("content"), list | str):
        return text_of(response["content"])
    from durable.native import dumps

    return dumps(response)


def _shortened(text: str, step_id: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return text[:half] + _CUT.format(len(text) - 2 * half, step_id) + text[-half:]
