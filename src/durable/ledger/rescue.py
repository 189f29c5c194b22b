"""The ledger as the rescue verbs open it: taken as it stands, whatever its head says."""

from __future__ import annotations

from durable.errors import DurableError
from durable.home import check_file
from durable.ledger import head, keys
from durable.ledger.create import complete_creation
from durable.ledger.database import streamed
from durable.ledger.sqlite import SqliteLedger
from durable.ledger.walk import Walk, walked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.head import Head
    from durable.ledger.walk import Walked


_BEFORE_ALL = -(2**63)  # An event that somebody put before the first one has a number too.


class UncheckedLedger(SqliteLedger):
    """The next commit writes a head that fits."""

    def walked(self) -> Walked:
        """The whole chain, judged by every key at hand. Inside a transaction."""
        cursor = self.execute(self._statements["events_after"], {"seq": _BEFORE_ALL})
        return walked(Walk(self.known_keys()), streamed(cursor, self._path), self.key.key_id)

    def known_keys(self) -> dict[str, bytes]:
        found = [*keys.retired_keys(self._home), *self.ring.all()]
        return {key.key_id: key.chain for key in found}

    def _complete(self) -> None:
        if not check_file(self._path):
            complete_creation(self._home)

    def _check_head(self, seq: int, digest: str) -> None:
        return None


def trusted_head(home: str) -> Head | None:
    """The head, if one of the keys at hand vouches for it."""
    found = [keys.read_key(home)] if check_file(keys.path_in(home)) else []
    try:
        return head.read_head(home, found + keys.retired_keys(home))[0] if head.exists(home) else None
    except DurableError:
        return None


def head_fields(known: Head | None) -> dict[str, Any] | None:
    return None if known is None else {"ledger_id": known.ledger_id, "seq": known.seq, "hash": known.hash}
