"""What a ledger promises, whatever stores it. tests/conformance/ holds every store to it.

All verbs are in transaction.py and stand on the few things a store supplies here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.keys import Key
    from durable.ledger.transaction import Transaction


class Ledger:
    """Durable, serial transactions over named statements.

    Order: transactions are serial; each sees every one that committed before it began.
    Durability: when `commit` returns, its events are on disk and the head follows them.
    Atomicity: a transaction that is not committed leaves no trace, wherever it dies.
    Refusal: `begin` raises a LedgerError or HomeError that names the remedy, and changes nothing,
    if the ledger is held by another for longer than our patience, unreadable, of another major
    version, without its key, or not the one its head speaks of.
    Append-only: no statement changes or removes an event.
    """

    key: Key
    ledger_id: str

    def begin(self) -> Transaction:
        """Starts a write. Left (`with`) without a commit, it never was."""
        raise NotImplementedError

    def commit(self, seq: int, digest: str) -> None:
        """Makes the transaction last; `seq` and `digest` are those of the last event there is."""
        raise NotImplementedError

    def rollback(self) -> None:
        """Undoes what was not committed, and lets the next writer in. Does nothing after a commit."""
        raise NotImplementedError

    def last_event(self) -> tuple[int, str]:
        """Number and hash of the last event of this transaction's view."""
        raise NotImplementedError

    def one(self, name: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """The first row of a named look-up, or None."""
        raise NotImplementedError

    def all(self, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Every row of a named look-up, in its order."""
        raise NotImplementedError

    def run(self, name: str, params: dict[str, Any]) -> int:
        """Runs a named statement and says how many rows it changed.

        IllegalMove: the step's state does not lead there. TwinHolds: another step holds the claim.
        After either the transaction, or the part of it that began with `savepoint`, can only be rolled back.
        """
        raise NotImplementedError
