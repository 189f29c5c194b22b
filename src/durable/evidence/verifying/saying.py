"""What is wrong with a row or a content, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable.evidence.findings import FAIL, WARN, Finding
from durable.evidence.verifying import contents, rows

if TYPE_CHECKING:
    from typing import Any

    from durable.evidence.verifying.rows import Difference

_ROWS = {
    rows.CHANGED: "{row} of {table} is not what its events say: {columns}",
    rows.ADDED: "{row} of {table} follows from no event",
    rows.MISSING: "{row} of {table} follows from the events and is not there",
}


def row_finding(difference: Difference) -> Finding:
    row = ", ".join(str(value) for value in difference.key.values()) or "every row"
    says = _ROWS[difference.kind].format(row=row, table=difference.table, columns=", ".join(difference.columns))
    where: dict[str, Any] = {"table": difference.table, "row": difference.key}
    return Finding(FAIL, difference.kind, says, where | ({"columns": difference.columns} if difference.columns else {}))


def missing_content(digest: str, event: int) -> tuple[str, str, dict[str, Any]]:
    says = f"the content {digest[:16]}, which event {event:,} names, is gone"
    return contents.MISSING, says, {"blob": digest, "event": event}


def content_finding(code: str, digest: str) -> Finding:
    """A content that nobody names proves nothing, and nothing is shown of it."""
    if code == contents.UNNAMED:
        return Finding(WARN, code, f"the content {digest[:16]} is named by no event", {"blob": digest})
    return Finding(FAIL, code, f"the content {digest[:16]} is not what was kept under this hash", {"blob": digest})
