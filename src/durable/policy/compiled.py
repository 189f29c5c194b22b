"""A policy file as its compiler left it, and the file it is kept in from one hook to the next.

    the MAC of the head
    the head: whose file this is, the hash of its text, all that every call needs, the hash of the rest
    the names of its rules
    one rule a line: read, and held to that hash, only for a call that may match one

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

# A cache of another form is compiled anew, so that an upgrade needs no thought.
_FORM = 4
_RULES = 1


class Compiled:
    """`fields` is the file without its rules. `digest` is that of what it says: comments don't change it.
    `source` is the text that it is compiled from anew should its rules have been changed where they are kept;
    None if they were just made, or looked at."""

    __slots__ = ("_body", "_lines", "digest", "fields", "head", "index", "origin", "path", "source", "text_hash")

    def __init__(self, head: dict[str, Any], body: str, origin: str) -> None:
        self.origin = origin
        self.head = head
        self.path: str = head["path"]
        self.text_hash: str = head["text_hash"]
        self.digest: str = head["digest"]
        self.fields: dict[str, Any] = head["fields"]
        self.index: dict[str, Any] | None = head["index"]
        self.source: str | None = None
        self._body = body
        self._lines: list[str] = []

    def rules(self) -> Layer:
        assert self.index is not None
        return Layer(self.origin, self.path, self.index, self._names, self._rule)

    def text(self) -> str:
        return f"{dumps(self.head)}\n{self._body}"

    def _names(self) -> list[str]:
        names: list[str] = loads(self._line(0))
        return names

    def _rule(self, number: int) -> tuple[str, dict[str, Any]]:
        name, fields = loads(self._line(_RULES + number))
        return name, fields

    def is_intact(self) -> bool:
        return bool(sha256(self._body.encode()) == self.head["rest"])

    def _line(self, number: int) -> str:
        if not self._lines:
            body = self._body if self.source is None or self.is_intact() else self._anew(self.source)
            self._lines = body.split("\n")
        return self._lines[number]

    def _anew(self, source: str) -> str:
        from durable.policy.compiler import compile_text

        return compiled(compile_text(source, self.path), self.path, self.text_hash, self.origin)._body


def compiled(document: dict[str, Any], path: str, text_hash: str, origin: str) -> Compiled:
    from durable.policy.index import index_of

    rules = list(document.get("rules", {}).items())
    fields = {name: value for name, value in document.items() if name != "rules"}
    body = "\n".join([dumps([name for name, _ in rules]), *(dumps([name, rule]) for name, rule in rules)])
    rest = sha256(body.encode())
    head = {
        "form": _FORM,
        "path": path,
        "text_hash": text_hash,
        "digest": sha256(dumps([fields, rest]).encode()),
        "fields": fields,
        "index": index_of(rule for _, rule in rules) if rules else None,
        "rest": rest,
    }
    return Compiled(head, body, origin)


# ---- the file ---------------------------------------------------------------------------------


def cache_of(home: str, path: str) -> str:
    return f"{home}/policy-{sha256(path.encode('utf-8', 'surrogateescape'))[:16]}.cache"


def keep(home: str, key: bytes, found: Compiled) -> None:
    if not key:
        return
    text = found.text()
    mac = _mac(key, text.partition("\n")[0])
    try:
        write_new(cache_of(home, found.path), f"{mac}\n{text}".encode("ascii"))
    except OSError:
        return  # The next hook compiles again; nothing depends on the cache.


def kept(home: str, key: bytes, path: str, origin: str) -> Compiled | None:
    """What is kept for `path`, None if there is nothing to be trusted."""
    if not key:
        return None
    try:
        with open(cache_of(home, path), "rb") as file:
            mac, _, text = file.read().decode("ascii").partition("\n")
        head, _, body = text.partition("\n")
        if mac != _mac(key, head):
            return None
        fields = loads(head)
    except (OSError, ValueError, DurableError):
        return None
    return Compiled(fields, body, origin) if fields["form"] == _FORM and fields["path"] == path else None


def _mac(key: bytes, head: str) -> str:
    return hmac_sha256(key, b"policy\n" + head.encode("ascii"))
