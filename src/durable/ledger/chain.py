"""The chain of events: what is hashed, how it is linked, what the key vouches for. Pure.

Two layers. Anyone can check the SHA-256 links over the bytes as stored; only the key's holder can
make the MAC beside each hash. Every event is linked twice, to its predecessor in the ledger and to
its predecessor in its run, so that one run taken out of the ledger can still be checked whole.
"""

from __future__ import annotations

from durable.native import dumps, hmac_sha256, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

START = "0" * 64


class Event:
    """One link, as stored."""

    __slots__ = ("at", "body", "hash", "mac", "prev", "run_id", "run_prev", "run_seq", "seq", "subject", "type")

    def __init__(self, seq: int, prev: str, run_id: str, run_seq: int, run_prev: str) -> None:
        self.seq = seq
        self.prev = prev
        self.run_id = run_id
        self.run_seq = run_seq
        self.run_prev = run_prev
        self.subject = self.type = self.at = self.body = self.hash = self.mac = ""

    def seal(self, key: bytes, subject: str, kind: str, at: str, body: dict[str, Any]) -> None:
        self.subject = subject
        self.type = kind
        self.at = at
        self.body = dumps(body)
        self.hash = digest_of(self)
        self.mac = event_mac(key, self.hash)

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def event_of(row: Mapping[str, Any]) -> Event:
    event = Event(row["seq"], row["prev"], row["run_id"], row["run_seq"], row["run_prev"])
    for name in ("subject", "type", "at", "body", "hash", "mac"):
        setattr(event, name, row[name])
    return event


def digest_of(event: Event) -> str:
    return sha256(preimage(event))


def preimage(event: Event) -> bytes:
    """The fields as one JSON list, so that no field can pass for two."""
    fields = [
        event.seq,
        event.prev,
        event.run_id,
        event.run_seq,
        event.run_prev,
        event.subject,
        event.type,
        event.at,
        event.body,
    ]
    return dumps(fields).encode()


def event_mac(key: bytes, digest: str) -> str:
    return hmac_sha256(key, b"event\n" + digest.encode())


def head_mac(key: bytes, ledger_id: str, seq: int, digest: str) -> str:
    return hmac_sha256(key, f"head\n{ledger_id}\n{seq}\n{digest}".encode())
