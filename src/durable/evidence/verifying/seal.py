"""The MAC beside each hash, for whoever checks a million of them: what depends on the key alone is done once."""

from __future__ import annotations

from hashlib import sha256

_BLOCK = 64


class Seal:
    """Gives what `chain.event_mac` gives."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded) + b"event\n")
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))

    def of(self, digest: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(digest.encode())
        outer.update(inner.digest())
        return outer.hexdigest()
