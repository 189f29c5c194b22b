"""A policy file as its compiler left it, and the file it is kept in from one hook to the next.

    the MAC of all that follows
    the head: whose file this is, the hash of its text, and all that every call needs
    the names of its rules
    one rule a line: read only for a call that may match it

Never trusted without its MAC, never needed: whatever is wrong with it, the policy file is compiled anew.
"""

from __future__ import annotations

from durable.errors import DurableError
from durable.ledger.files import write_new
from durable.native import dumps, hmac_sha256, loads, sha256
from durable.policy.layer import Layer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEAD, _NAMES, _RULES = 0, 1, 2
# A cache of another form is compiled anew, so that an upgrade needs no thought.
_FORM = 1


class Compiled:
    """`fields` is the file without its rules. `digest` is that of what it says, comments and order of tables apart."""

    __slots__ = ("_lines", "digest", "fields", "index", "origin", "path", "text_hash")

    def __init__(self, head: dict[str, Any], lines: list[str], origin: str) -> None:
        self.origin = origin
        self.path: str = head["path"]
        self.text_hash: str = head["text_hash"]
        self.digest: str = head["digest"]
        self.fields: dict[str, Any] = head["fields"]
        self.index: dict[str, Any] | None = head["index"]
        self._lines = lines

    def rules(self) -> Layer:
        assert self.index is not None
        return Layer(self.origin, self.path, self.index, self._names, self._rule)

    def _names(self) -> list[str]:
        names: list[str] = loads(self._lines[_NAMES])
        return names

    def _rule(self, number: int) -> tuple[str, dict[str, Any]]:
        name, fields = loads(self._lines[_RULES + number])
        return name, fields


def pack(document: dict[str, Any], path: str, text_hash: str) -> list[str]:
    """The lines below the MAC."""
    from durable.policy.index import index_of

    rules = list(document.get("rules", {}).items())
    fields = {name: value for name, value in document.items() if name != "rules"}
    names = [name for name, _ in rules]
    listed = [dumps([name, rule]) for name, rule in rules]
    head = {
        "form": _FORM,
        "path": path,
        "text_hash": text_hash,
        "digest": sha256("\n".join([dumps(fields), *listed]).encode()),
        "fields": fields,
        "index": index_of(rule["match"] for _, rule in rules) if rules else None,
    }
    return [dumps(head), dumps(names), *listed]


def unpack(lines: list[str], origin: str) -> Compiled:
    return Compiled(loads(lines[_HEAD]), lines, origin)


# ---- the file ---------------------------------------------------------------------------------


def cache_of(home: str, path: str) -> str:
    return f"{home}/policy-{sha256(path.encode('utf-8', 'surrogateescape'))[:16]}.cache"


def keep(home: str, key: bytes, path: str, lines: list[str]) -> None:
    if not key:
        return
    body = "\n".join(lines)
    try:
        write_new(cache_of(home, path), f"{_mac(key, body)}\n{body}".encode("ascii"))
    except OSError:
        return  # The next hook compiles again; nothing depends on the cache.


def kept(home: str, key: bytes, path: str) -> list[str] | None:
    """The lines kept for `path`, None if there are none to be trusted."""
    if not key:
        return None
    try:
        with open(cache_of(home, path), "rb") as file:
            mac, _, body = file.read().decode("ascii").partition("\n")
        if mac != _mac(key, body):
            return None
        lines = body.split("\n")
        head = loads(lines[_HEAD])
    except (OSError, ValueError, DurableError):
        return None
    return lines if head.get("form") == _FORM and head["path"] == path else None


def _mac(key: bytes, body: str) -> str:
    return hmac_sha256(key, b"policy\n" + body.encode("ascii"))
