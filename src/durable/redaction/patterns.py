"""The shapes of secrets that can be told without knowing their name.

Imports `re`, which costs more than a whole quiet redaction: `redact.py` loads this module only when a
text holds one of its anchors. Every pattern is tried only at an anchor, with bounded or possessive
repeats, so that a hostile text costs no more than its length.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Span = tuple[int, int, str, int]

# Ranks: where spans overlap, the one that knows best names the whole.
SHAPE, OWN, LABEL = 0, 1, 2

_WORD = "[A-Za-z0-9_-]"
_DIGIT_AHEAD = rf"(?={_WORD}{{0,200}}[0-9])"

# rule → (kind, pattern from the anchor on). Group 1, where there is one, is the secret.
SHAPES = {
    "aws": ("aws-access-key", r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    "github": ("github-token", r"gh[pousr]_[A-Za-z0-9]{20,}+"),
    "github-pat": ("github-token", r"github_pat_[A-Za-z0-9_]{20,}+"),
    "gitlab": ("gitlab-token", r"gl(?:pat|rt|dt|ptt)-[A-Za-z0-9_-]{16,}+(?:\.[A-Za-z0-9_-]{2,}+){0,3}"),
    "slack": ("slack-token", r"xox[abceoprs]-(?:[0-9]-)?[A-Za-z0-9-]{10,}+"),
    "slack-app": ("slack-token", r"xapp-[0-9]-[A-Za-z0-9-]{10,}+"),
    "slack-hook": (
        "webhook-url",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{8,}+)",
    ),
    "discord-hook": ("webhook-url", r"/api/webhooks/[0-9]{5,30}/([A-Za-z0-9_-]{20,}+)"),
    "anthropic": ("anthropic-key", rf"sk-ant-{_DIGIT_AHEAD}{_WORD}{{16,}}+"),
    "openai": (
        "openai-key",
        rf"sk-(?:(?:proj|svcacct|admin|None)-{_DIGIT_AHEAD}{_WORD}{{16,}}+"
        rf"|or-v1-[0-9a-f]{{32,}}+|(?=[A-Za-z]{{0,200}}[0-9])[A-Za-z0-9]{{20,}}+)",
    ),
    "stripe": ("stripe-key", r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}+"),
    "stripe-hook": ("stripe-key", r"whsec_[A-Za-z0-9+/]{16,}+=*"),
    "google": ("google-api-key", r"AIza[A-Za-z0-9_-]{30,}+"),
    "google-oauth": ("google-token", r"ya29\.[A-Za-z0-9_.-]{20,}+"),
    "npm": ("npm-token", r"npm_[A-Za-z0-9]{30,}+"),
    "pypi": ("pypi-token", r"pypi-Ag[A-Za-z0-9_-]{16,}+"),
    "huggingface": ("huggingface-token", r"hf_[A-Za-z0-9]{24,}+"),
    "sendgrid": ("sendgrid-key", r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"),
    "twilio": ("twilio-key", r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    "jwt": (
        "jwt",
        r"eyJ[A-Za-z0-9_-]{8,}+\.(?:eyJ[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+)?"
        r"|[A-Za-z0-9_-]*+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]++){1,2})",
    ),
    "digitalocean": ("digitalocean-token", r"do[opr]_v1_[0-9a-f]{32,}+"),
    "docker": ("docker-token", r"dckr_pat_[A-Za-z0-9_-]{20,}+"),
    "shopify": ("shopify-token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32,}+"),
    "vault": ("vault-token", r"hv[sb]\.[A-Za-z0-9_-]{20,}+"),
    "telegram": ("telegram-token", r":AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    "age": ("age-key", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}+"),
}

PEM_BEGIN = r"-----BEGIN (?:(?!PRIVATE)[A-Z0-9]{1,20}+ ){0,4}+PRIVATE KEY(?: BLOCK)?-----"
PEM_END = r"-----END (?:(?!PRIVATE)[A-Z0-9]{1,20}+ ){0,4}+PRIVATE KEY(?: BLOCK)?-----"
# A key whose end was cut off: lines of base64, with whatever line ends a JSON or a listing puts in.
PEM_HEADER = r"(?:Proc-Type|DEK-Info|Version|Comment|Hash): [^\n\\]{0,100}"
PEM_CUT = rf"(?:(?:\s|\\+[nrt]|[0-9]{{1,6}}[→:|]|[>#+|\"',]|{PEM_HEADER})*+[A-Za-z0-9+/]{{24,}}+={{0,2}})++"
PEM_BASE64 = r"[A-Za-z0-9+/]{16}"
PEM_ONLY_BASE64 = r"(?:\s|\\+[nrt]|[A-Za-z0-9+/=])*+\Z"

URL_LOGIN = r"://(\[redacted:[a-z-]{1,40}\]|[^\s:@/\"'`<>\\?#\[]*):([^\s/\"'`<>\\?#]+)@"
URL_TOKEN = r"://([A-Za-z0-9_.~%-]{16,512}+)(?::(?:x-oauth-basic)?)?@"
SIGNATURES = (
    r"signature=([a-z0-9%+/=_~-]{32,}+)",
    r"sig=(?<=[?&]sig=)([a-z0-9%+/=_-]{16,}+)",
)
BEARER = r"bearer[ \t]{1,4}([a-z0-9._~+/=-]{16,}+)"
SQL_LOGINS = (
    r"identified by[ \t]{1,8}'([^'\n]{1,200})'",
    r"with password[ \t]{1,8}'([^'\n]{1,200})'",
    r"encrypted password[ \t]{1,8}'([^'\n]{1,200})'",
)
NETRC = r"login[ \t\n]{1,8}\S{1,100}[ \t\n]{1,8}password[ \t]{1,8}([^\s\"'\\{}]{1,200})(?=\s|\\|\Z)"
PLACEHOLDER = r"\[redacted:[a-z0-9-]{1,40}\]"

_compiled: dict[str, re.Pattern[str]] = {}


def pattern(source: str) -> re.Pattern[str]:
    """Compiled when first needed: a hook lives for one call, and most patterns sleep through it."""
    if source not in _compiled:
        _compiled[source] = re.compile(source)
    return _compiled[source]


def own_pattern(source: str) -> re.Pattern[str]:
    return re.compile(source)


PatternFault = re.error


def find_shape(rule: str, text: str, starts: Iterator[int]) -> Iterator[Span]:
    kind, source = SHAPES[rule]
    match = pattern(source).match
    for start in starts:
        found = match(text, start)
        if found:
            group = 1 if found.re.groups else 0
            yield found.start(group), found.end(group), kind, SHAPE


def find_private_keys(text: str) -> Iterator[Span]:
    begin, end = pattern(PEM_BEGIN), pattern(PEM_END)
    for head in begin.finditer(text):
        dashes = text.find("-----", head.end())
        tail = end.match(text, dashes) if dashes >= 0 else None
        if tail and _holds_key(text[head.end() : dashes]):
            yield head.start(), tail.end(), "private-key", SHAPE
        elif not tail:
            cut = pattern(PEM_CUT).match(text, head.end())
            if cut:
                yield head.start(), cut.end(), "private-key", SHAPE


def _holds_key(body: str) -> bool:
    """Code that only mentions the two marker lines has quotes, commas and names between them."""
    if pattern(PEM_BASE64).search(body):
        return True
    return len(body.strip()) > 3 and pattern(PEM_ONLY_BASE64).match(body) is not None
