"""Is the record whole, and is it ours? Two answers, kept apart.

*Consistent*: links, rows and contents agree with each other. Anyone can check that, and whoever rewrites
everything can bring it about. *Authentic*: it was written with the ledger's key, and nothing is missing up to
its head. Only who has the key can check that, and only who has it could bring it about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable.evidence.verifying.verdict import Progress, Verified
    from durable.ledger.reading import Reader


def verify_ledger(home: str, progress: Progress | None = None) -> Verified:
    """The whole of it. Never writes. LedgerError or HomeError where there is nothing that could be looked at."""
    from durable.evidence.verifying.whole import verify_whole

    return verify_whole(home, progress)


def verify_run(reader: Reader, run_id: str, keys: Mapping[str, bytes]) -> Verified:
    """One run: its events, the rows and contents that they alone decide, and the head of the ledger they stand in.
    `keys` are those at hand, by their ids."""
    from durable.evidence.verifying.one_run import verify_one_run

    return verify_one_run(reader, run_id, keys)


def keys_at_hand(home: str) -> dict[str, bytes]:
    """The chain's keys by their ids: first the one that the ledger stands under, then one on its way, and those that
    were replaced. None where there is no such directory."""
    from durable.evidence.verifying.head import keys_of

    return {key.key_id: key.chain for key in keys_of(home)}
