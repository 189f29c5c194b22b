"""What makes two calls the same call: tool and canonical arguments, under a key."""

from __future__ import annotations

from durable.native import dumps, hmac_sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A model rewords these from one try to the next without meaning another call.
REWORDED = {
    "Bash": ("description", "timeout", "run_in_background"),
    "Agent": ("description",),
}
# What these do depends on where they stand.
STANDING = ("Bash", "Glob", "Grep", "LS")

_DECIMALS = 8


def fingerprint(key: bytes, tool: str, given: dict[str, Any], cwd: str) -> str:
    ignored = REWORDED.get(tool, ())
    kept = {name: value for name, value in given.items() if name not in ignored}
    place = cwd if tool in STANDING else ""
    return hmac_sha256(key, dumps([tool, place, canonical(kept)]).encode())[:32]


def of_claim(key: bytes, tool: str, place: str, parts: Any) -> str:
    """Of what a rule picked out of a call; `parts` are canonical already."""
    return hmac_sha256(key, b"claim\n" + dumps([tool, place, parts]).encode())[:32]


def input_hash(key: bytes, given: Any) -> str:
    """Of the input to the letter: what a redacted row's original must match to be executed."""
    return hmac_sha256(key, b"input\n" + dumps(given).encode())[:32]


def canonical(value: Any) -> Any:
    """1 = 1.0, text in NFC, floats to 8 decimals but never to 0; true, 1 and "1" stay apart."""
    if isinstance(value, str):
        return _nfc(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {_nfc(name): canonical(item) for name, item in value.items()}
    return value


def _nfc(text: str) -> str:
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFC", text)


def _number(value: float) -> float | int:
    if value.is_integer():
        return int(value)
    return round(value, _DECIMALS) or value
