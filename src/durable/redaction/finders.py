"""smell → the finder that tells whether there is a secret, and where."""

from __future__ import annotations

from durable.redaction.commands import find_cookies, find_in_commands
from durable.redaction.forms import find_forms
from durable.redaction.labels import find_labelled
from durable.redaction.names import is_plain
from durable.redaction.patterns import (
    BEARER,
    LABEL,
    NETRC,
    SHAPE,
    SHAPES,
    SIGNATURES,
    SQL_LOGINS,
    URL_LOGIN,
    URL_TOKEN,
    find_private_keys,
    find_shape,
    pattern,
)
from durable.redaction.smell import starts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.redaction.patterns import Span

# smell → (kind, patterns over the lowered text); group 1 is the secret
IN_LOWERED = {
    "bearer": ("token", (BEARER,)),
    "signature": ("signature", SIGNATURES),
    "sql": ("password", SQL_LOGINS),
    "netrc": ("password", (NETRC,)),
}
IN_CONTEXT = {"label": find_labelled, "form": find_forms, "command": find_in_commands, "cookie": find_cookies}


def find(smell: str, anchors: list[str], text: str, lowered: str) -> Iterator[Span]:
    if smell in SHAPES:
        for anchor in anchors:
            yield from find_shape(smell, text, starts(text, anchor))
    elif smell in IN_LOWERED:
        yield from _in_lowered(smell, text, lowered)
    elif smell in IN_CONTEXT:
        yield from IN_CONTEXT[smell](text, lowered)
    elif smell == "url":
        yield from _url_logins(text)
    else:
        yield from find_private_keys(text)


def _in_lowered(smell: str, text: str, lowered: str) -> Iterator[Span]:
    kind, sources = IN_LOWERED[smell]
    for source in sources:
        for found in pattern(source).finditer(lowered):
            secret = text[found.start(1) : found.end(1)]
            if _fits(smell, secret, lowered[max(0, found.start() - 200) : found.start()]) and not is_plain(secret):
                yield found.start(1), found.end(1), kind, LABEL


def _fits(smell: str, secret: str, before: str) -> bool:
    if smell == "sql":  # else "a library identified by 'x'"
        return any(word in before for word in ("user ", "role ", "login ", "grant "))
    return smell == "netrc" or any(char.isdigit() for char in secret)


def _url_logins(text: str) -> Iterator[Span]:
    for found in pattern(URL_LOGIN).finditer(text):
        if not is_plain(found.group(2)) and found.group(2) != "x-oauth-basic":
            yield found.start(2), found.end(2), "url-password", SHAPE
    for found in pattern(URL_TOKEN).finditer(text):
        if any(char.isdigit() for char in found.group(1)):
            yield found.start(1), found.end(1), "url-token", SHAPE
