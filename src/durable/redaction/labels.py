"""Secrets that only their label gives away: `PASSWORD=x`, `"api_key": "…"`, `--token x`, `-H 'X-Api-Key: …'`.

A label alone proves little: `token: str`, `password = read()` and `secret: see below` are code and prose.
So each finding is judged by how label and value are joined (assigned, quoted, alone on a line, in a flag)
and by what the value looks like. Reads the text, changes nothing, returns spans.
"""

from __future__ import annotations

from durable.redaction.names import is_name, is_plain, looks_encoded, secret_kind, split_words, words
from durable.redaction.patterns import LABEL, pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from durable.redaction.patterns import Span

NAME_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
WORDS = ("pass", "pwd", "secret", "token", "key", "credential", "auth")
REST = (
    r"(?:word|wd|phrase|code|s|orization)?+(?:[_-]?confirmation)?(?:[_-]?[0-9]{1,3}+)?"
    r"(?P<close>\]?\\{0,15}[\"'`]?\]?)[ \t]{0,8}(?P<sep>=>|:=|=(?!=)|[?!]?:(?!:))[ \t]{0,8}"
)
FLAG = (
    r"--?(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,60}+)"
    r"(?:(?P<list>[\"'],[ \t\n]{0,40})(?=[\"'])|=|[ \t]{1,8}(?:\\\n[ \t]{0,40})?)"
)
TYPED = r"[A-Za-z_][A-Za-z0-9_.\[\]|<>? ]{0,40}=[ \t]{0,8}(?=[A-Za-z]{0,2}[\"'`])"
SCHEME = r"(?i:bearer|basic|token|digest|apikey|api-key|negotiate)(?:[ \t]{1,4}|%20)"
OPENER = r"[fbruFBRU]{0,2}(?P<slashes>\\{0,15})(?P<mark>[\"'`])"
BARE_CHARS = r"[^\s\"'`;&|<>(){}\[\]\\,]"
BARE = (
    rf"(?:{BARE_CHARS}|,(?=[^\s\"'`,;])|(?<=\w)\\[ $&;|<>(){{}}])+"
    rf"(?:\\(?![nrt\"'`\\]){BARE_CHARS}+)*"
)
ALONE = r"[ \t]*(?:\\*[\"'`]|(?<=[ \t])#|\\+[nr]|[\r\n]|\Z)"

CODE_ROOTS = words(
    "self this cls os process env config settings args opts options req request ctx user props state data "
    "params cfg app body input event secrets vars local var module inputs steps github each item"
)
SECRET_WORDS = ("pass", "token", "secret", "key", "pwd", "cred", "auth", "hash")
LONGEST_QUOTED = 16384
JUDGED = 200


class Bare:
    """Unquoted values. One run of characters may follow several labels (`token:token:token:…`): its
    end is looked for once, or a hostile text would be read once per label."""

    __slots__ = ("end", "match", "start", "text")

    def __init__(self, text: str) -> None:
        self.text, self.start, self.end = text, 0, 0
        self.match = pattern(BARE).match

    def end_from(self, at: int) -> int:
        if not self.start <= at < self.end:
            found = self.match(self.text, at)
            self.start, self.end = at, found.end() if found else at
        return self.end


def find_labelled(text: str, lowered: str) -> Iterator[Span]:
    for word in WORDS:
        yield from _assignments(text, lowered, word)
    yield from _flags(text)


def _assignments(text: str, lowered: str, word: str) -> Iterator[Span]:
    match, bare = pattern(REST).match, Bare(text)
    at = lowered.find(word)
    while at >= 0:
        rest = match(lowered, at + len(word))
        span = _assigned(text, at, rest, bare) if rest else None
        if span:
            yield span
        at = lowered.find(word, span[1] if span else at + len(word))


def _assigned(text: str, at: int, rest: re.Match[str], bare: Bare) -> Span | None:
    start = _name_start(text, at)
    name = text[start : rest.start("close")]
    kind = secret_kind(name.strip("-."))
    if not kind or (start and text[start - 1] == ":" and rest.group("sep") == ":"):  # an ARN, a C++ name
        return None
    join = _join(text, start, rest.group("close"), rest.group("sep"), text[rest.end() - 1])
    return judged_value(text, rest.end(), kind, join, name, bare)


def _name_start(text: str, at: int) -> int:
    before = text[max(0, at - 60) : at]
    if before.endswith(" "):  # "API key: …"
        before = before[:-1] if text.startswith(("key", "Key", "KEY"), at) else ""
        start = at - 1 - (len(before) - len(before.rstrip(NAME_CHARS))) if before else at
    else:
        start = at - (len(before) - len(before.rstrip(NAME_CHARS)))
    # `\nTOKEN=` in a text that is itself escaped: the n belongs to the line end.
    if start < at and start and text[start - 1] == "\\" and text[start] in "nrt":
        return start + 1
    return start


def _join(text: str, start: int, close: str, sep: str, last: str) -> str:
    """How label and value are joined: `tight` (FOO=x), `query`, `line` (key: x from its start), `loose`."""
    before = text[start - 1] if start else "\n"
    if sep == "=" and last == "=" and not close:
        return "query" if before in "?&" or text.startswith("-", start) else "tight"
    if sep.endswith(":") and before not in "/" and not close and _opens_line(text, start):
        return "line" if last in " \t" else "loose"
    return "listed" if close and close[-1] in "\"'`" else "loose"


def _opens_line(text: str, start: int) -> bool:
    lead = text[max(0, start - 80) : start].rstrip(" \t")
    if lead.endswith("-"):
        lead = lead[:-1].rstrip(" \t")
    return not lead or lead.endswith(("\n", '"', "'", "\\n", "{", "→"))


def judged_value(text: str, at: int, kind: str, join: str, name: str, bare: Bare) -> Span | None:
    if join in ("line", "loose"):
        typed = pattern(TYPED).match(text, at)
        at = typed.end() if typed else at
    opener = pattern(OPENER).match(text, at)
    start = opener.end() if opener else at
    end = _closing(text, start, opener.group("slashes"), opener.group("mark")) if opener else 0
    if kind == "authorization":
        start, scheme = _skip_scheme(text, start)
        if scheme:
            return _span(text, start, end or bare.end_from(start), kind)
    if opener and end:
        if "f" in opener.group(0).lower() and "{" in text[start:end]:
            return None
        return _quoted(text, start, end, kind)
    end = bare.end_from(start)
    return _unquoted(text, start, end, kind, join, name)


def _skip_scheme(text: str, at: int) -> tuple[int, bool]:
    scheme = pattern(SCHEME).match(text, at)
    return (scheme.end(), True) if scheme else (at, False)


def _closing(text: str, at: int, slashes: str, mark: str) -> int:
    """Where a value opened with this many backslashes and this quote ends; 0 if nowhere on its line.

    Each level of JSON in JSON doubles the backslashes: `\\"` closes what `\\"` opened, `\\\\\\"` does not.
    """
    depth, limit = len(slashes), min(len(text), at + LONGEST_QUOTED)
    newline = text.find("\n", at, limit)
    limit = newline if newline >= 0 else limit
    quote = text.find(mark, at, limit)
    while quote >= 0:
        before = text[at:quote]
        count = len(before) - len(before.rstrip("\\"))
        if count < depth or (count - depth) % (2 * depth + 2) == 0:
            return quote - min(count, depth)
        quote = text.find(mark, quote + 1, limit)
    return 0


def _span(text: str, start: int, end: int, kind: str) -> Span | None:
    value = text[start : min(end, start + JUDGED)]
    if not value or is_plain(value) or is_name(value, kind) or (kind == "auth" and not looks_encoded(value)):
        return None
    return start, end, kind, LABEL


def _quoted(text: str, start: int, end: int, kind: str) -> Span | None:
    value = text[start : min(end, start + JUDGED)]
    return None if _is_prose(value, kind) or _is_member(value) else _span(text, start, end, kind)


def _is_prose(value: str, kind: str) -> bool:
    """A caption ("Enter your password"). A pass phrase has spaces too, a token never."""
    if not any(char.isspace() for char in value.strip()):
        return False
    lower = value.lower()
    return kind != "password" or any(word in lower for word in ("pass", "your", "enter", " is ", " must "))


def _unquoted(text: str, start: int, end: int, kind: str, join: str, name: str) -> Span | None:
    after = text[end : end + 1]
    value = text[start : min(end, start + JUDGED)]
    trimmed = value.rstrip(".,:!?") if end - start <= JUDGED else value
    end -= len(value) - len(trimmed)
    after = value[len(trimmed) : len(trimmed) + 1] or after
    if not trimmed or after in ("(", "[", "{", "<") or trimmed[0] == "-" or trimmed[:4] in ("*", "AKIA", "ASIA"):
        return None
    if not _is_given(text, trimmed, end, kind, join, name, after):
        return None
    return _span(text, start, end, kind)


def _is_given(text: str, value: str, end: int, kind: str, join: str, name: str, after: str) -> bool:
    if join == "query" or (join == "tight" and name == name.upper()):
        return not _is_member(value) or after in ("&", "")
    if _is_code(value, kind, name, after):
        return False
    if join == "tight":
        return kind != "token" or len(value) > 7 or not value.isalpha() or len(split_words(name)) > 1
    if join == "line" and _needs_no_proof(kind, name, value):
        typed = value.isalpha() and not (name.istitle() or value.islower() or value.isupper())
        return not typed and pattern(ALONE).match(text, end) is not None
    if join == "listed" and kind == "password" and value.isdigit():
        return len(value) > 3
    return _strong(value, kind)


def _needs_no_proof(kind: str, name: str, value: str) -> bool:
    """`token: expired` is a message; `API_TOKEN: x` and `Authorization: a1` are settings and headers."""
    if kind == "authorization":
        return pattern("[0-9]").search(value) is not None
    return kind not in ("token", "auth", "credential") or len(split_words(name)) > 1


def _is_code(value: str, kind: str, name: str, after: str) -> bool:
    """`password=password`, `token=user.token`, `secret: other_secret`, `login(password=pw)`."""
    lower = value.lower()
    if _is_member(value) or lower == name.lower().lstrip("-"):
        return True
    if not value.replace(".", "_").isidentifier():
        return False
    if after in (")", ",", ";") and (value.replace("_", "").isalpha() or not _strong(value, "password")):
        return True
    if kind != "password" and split_words(value)[-1:] == [kind.rpartition("-")[2]]:
        return True
    shaped = "_" in value or not (value.islower() or value.isupper() or value.istitle())
    return shaped and value.replace("_", "").isalpha() and any(word in lower for word in SECRET_WORDS)


def _is_member(value: str) -> bool:
    root, dot, _rest = value.partition(".")
    if not dot or not all(part.isidentifier() for part in value.split(".")):
        return False
    return root.lower() in CODE_ROOTS or value.replace(".", "").replace("_", "").isalpha()


def _strong(value: str, kind: str) -> bool:
    """Looks made rather than said: letters and digits (or signs) together, long enough for its kind."""
    digits = pattern("[0-9]").search(value) is not None
    letters = pattern("[A-Za-z]").search(value) is not None
    if kind == "password":
        signs = pattern(r"[!@#$%^&*+=~]").search(value) is not None
        return len(value) > 5 and ((digits and letters) or signs or value.isdigit())
    return len(value) > 11 and digits and letters


def _flags(text: str) -> Iterator[Span]:
    bare = Bare(text)
    for flag in pattern(FLAG).finditer(text):
        kind = secret_kind(flag.group("name"))
        if not kind or not _is_flag(text, flag.start()):
            continue
        span = judged_value(text, flag.end(), kind, "query", flag.group("name"), bare)
        if span and _is_argument(text[span[0] : span[1]], kind, flag.group("list")):
            yield span


def _is_flag(text: str, at: int) -> bool:
    return at == 0 or not (text[at - 1].isalnum() or text[at - 1] in "_-")


def _is_argument(value: str, kind: str, listed: str | None) -> bool:
    """A help page says `--token TOKEN`, a declaration `"--token", "name"`, docker `--secret id=…`."""
    if value.startswith(("-", "id=", "type=")) or value in ("|", "\\"):
        return False
    if value.isupper() and value.replace("_", "").isalpha() and any(w.upper() in value for w in SECRET_WORDS):
        return False
    return not listed or _strong(value, "password")
