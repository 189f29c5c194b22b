"""Inputs, outputs and errors: each against its name, and each name that an event gives against what is there."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from durable.native import sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CHANGED, MISSING, UNNAMED = "blob_changed", "blob_missing", "blob_unnamed"


class Contents:
    """`named` are the contents that events speak of, with the number of the event; sorted, like all that is given."""

    def __init__(self) -> None:
        self.checked = self.bytes = self.expired = 0

    def faults(
        self,
        there: Iterable[tuple[object, object]],
        named: Iterable[tuple[str, int]],
        expired: Iterable[str],
        told: Callable[[int], None],
    ) -> Iterator[tuple[str, str, int]]:
        """(code, digest, number of the event that names it; 0 where none does)."""
        gone, wanted = iter(expired), iter(named)
        next_gone, want = next(gone, None), next(wanted, None)
        for digest, data in there:
            name = digest if isinstance(digest, str) else ""  # What is no text names nothing.
            while want is not None and want[0] < name:
                next_gone = _up_to(gone, next_gone, want[0])
                yield from self._absent(want, next_gone)
                want = next(wanted, None)
            known = want is not None and want[0] == name
            if not isinstance(data, bytes) or sha256(data).hexdigest() != digest:
                yield CHANGED, name or repr(digest), want[1] if known and want else 0
            elif not known:
                yield UNNAMED, name, 0
            want = next(wanted, None) if known else want
            self._count(data, told)
        while want is not None:
            next_gone = _up_to(gone, next_gone, want[0])
            yield from self._absent(want, next_gone)
            want = next(wanted, None)

    def _absent(self, want: tuple[str, int], gone: str | None) -> Iterator[tuple[str, str, int]]:
        if gone == want[0]:
            self.expired += 1
        else:
            yield MISSING, want[0], want[1]

    def _count(self, data: object, told: Callable[[int], None]) -> None:
        self.checked += 1
        self.bytes += len(data) if isinstance(data, bytes) else 0
        if self.checked % 1000 == 0:
            told(self.checked)


def _up_to(gone: Iterator[str], first: str | None, digest: str) -> str | None:
    while first is not None and first < digest:
        first = next(gone, None)
    return first


def named_in(scratch: sqlite.Connection) -> Iterator[tuple[str, int]]:
    yield from scratch.execute("SELECT digest, seq FROM named ORDER BY digest")


def expired_in(scratch: sqlite.Connection) -> Iterator[str]:
    """By the events: what the ledger's own table says could have been put there by anybody."""
    return (row[0] for row in scratch.execute("SELECT digest FROM expired ORDER BY digest"))
