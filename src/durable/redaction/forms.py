"""Secrets whose name stands apart from them: `aws configure set NAME x`, `<password>x</password>`,
`name: NAME` with `value: x` on the next line, `auth=("user", "x")`, `user: 'a', pass: 'x'`."""

from __future__ import annotations

from durable.redaction.labels import Bare, judged_value
from durable.redaction.names import is_plain, secret_kind
from durable.redaction.patterns import LABEL, pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.redaction.patterns import Span

# The value begins where these end; whether it is a secret is decided by the name before it.
NAMED = (
    r"config(?:ure)? set (?:--?[a-z]{1,20} )?(?P<name>\S{1,200})[ \t=]{1,8}",
    r"name:[ \t]{1,8}[\"']?(?P<name>[a-z0-9_.-]{1,100})[\"']?[ \t]{0,8}\r?\n[ \t]{0,80}value:[ \t]{1,8}",
)
ELEMENT = r"<(?P<name>[a-z][a-z0-9_.-]{1,60}+)>(?P<value>[^<>\n]{1,500}+)</"
AUTH_PAIR = (
    r"auth[ \t]{0,4}=[ \t]{0,4}\([ \t]{0,4}[\"'][^\"'\n]{0,100}[\"'],[ \t]{0,4}[\"'](?P<value>[^\"'\n]{1,200})[\"']"
)
USERS_PASS = r"pass[\"']?[ \t]{0,4}:[ \t]{0,4}[\"'](?P<value>[^\"'\n]{1,200})[\"']"
USER_NEARBY = 150


def find_forms(text: str, lowered: str) -> Iterator[Span]:
    for source in NAMED:
        yield from _named(source, text, lowered)
    for found in pattern(ELEMENT).finditer(lowered):
        kind = secret_kind(text[found.start("name") : found.end("name")])
        if kind:
            yield from _span(text, *found.span("value"), kind)
    for found in pattern(AUTH_PAIR).finditer(lowered):
        yield from _span(text, *found.span("value"), "password")
    for found in pattern(USERS_PASS).finditer(lowered):
        if "user" in lowered[max(0, found.start() - USER_NEARBY) : found.start()]:
            yield from _span(text, *found.span("value"), "password")


def _named(source: str, text: str, lowered: str) -> Iterator[Span]:
    bare = Bare(text)
    for found in pattern(source).finditer(lowered):
        name = text[found.start("name") : found.end("name")]
        kind = secret_kind(name)
        span = judged_value(text, found.end(), kind, "query", name, bare) if kind else None
        if span:
            yield span


def _span(text: str, start: int, end: int, kind: str) -> Iterator[Span]:
    if not is_plain(text[start:end]):
        yield start, end, kind, LABEL
