"""What a person takes as it stands: each fault of a chain, and what stood there then. Pure.

The event by which it is taken keeps this list, and whoever verifies later makes it again from what is found then.
A fault that is not in it, or not as it was, was never shown to anybody.
"""

from __future__ import annotations

from durable.native import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from durable.ledger.walk import Fault


def as_taken(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Those of one code at events that follow one another are one entry."""
    entries: list[dict[str, Any]] = []
    latest: dict[str, dict[str, Any]] = {}
    for fault in faults:
        entry = latest.get(fault.code)
        if entry is None or entry["to"] + 1 != fault.first:
            entry = latest[fault.code] = {"code": fault.code, "event": fault.first, "found": ""}
            entries.append(entry)
        entry["to"] = fault.seq
        entry["found"] = sha256((entry["found"] + fault.found).encode())
    return entries
