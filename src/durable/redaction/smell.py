"""Could this text hold a secret? Plain substring tests, no `re`; most texts end here.

Each smell names the finder that can tell; a text without any holds nothing that a finder would find.
"""

from __future__ import annotations

from durable.redaction.names import secret_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# anchor → the shape to try there, if no word runs into it from the left
ANCHORS = {
    "AKIA": "aws", "ASIA": "aws", "ghp_": "github", "gho_": "github", "ghu_": "github", "ghs_": "github",
    "ghr_": "github", "github_pat_": "github-pat", "glpat-": "gitlab", "glrt-": "gitlab", "gldt-": "gitlab",
    "glptt-": "gitlab", "xox": "slack", "xapp-": "slack-app", "hooks.slack.com/": "slack-hook",
    "sk-ant-": "anthropic", "sk-": "openai", "sk_live_": "stripe", "sk_test_": "stripe", "rk_live_": "stripe",
    "rk_test_": "stripe", "whsec_": "stripe-hook", "AIza": "google", "ya29.": "google-oauth", "npm_": "npm",
    "pypi-Ag": "pypi", "hf_": "huggingface", "SG.": "sendgrid", "eyJ": "jwt", "dop_v1_": "digitalocean",
    "doo_v1_": "digitalocean", "dckr_pat_": "docker", "shpat_": "shopify", "hvs.": "vault",
    "AGE-SECRET-KEY-1": "age", "/api/webhooks/": "discord-hook", ":AA": "telegram",
}  # fmt: skip
MIDWORD = frozenset(("/api/webhooks/", ":AA", "hooks.slack.com/"))
WORD_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
HEX = frozenset("0123456789abcdefABCDEF")

LABELS = ("pass", "pwd", "secret", "token", "key", "credential", "auth")
NAME_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
BETWEEN = " \t\"'`\\]?!"
COMMANDS = ("mysql", "mariadb", "sshpass", "7z", "zip", "mongo", "docker login", "podman login", "helm registry",
            "redis-cli", "ldap")  # fmt: skip
ELEMENT_ENDS = ("password>", "passwd>", "pwd>", "passphrase>", "secret>", "token>", "key>", "credential>")
# Showing that more mentions than this are all harmless costs more than loading the patterns.
MENTIONS = 4000


def lower_same_length(text: str) -> str:
    """Positions in the lowered text must be positions in the text; one letter grows when lowered."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()


def smells(text: str, lowered: str) -> dict[str, list[str]]:
    """finder → the anchors it should start from."""
    found: dict[str, list[str]] = {}
    for anchor, shape in ANCHORS.items():
        if anchor in text and next(starts(text, anchor), -1) >= 0:
            found.setdefault(shape, []).append(anchor)
    if "SK" in text and "twilio" in lowered:
        found["twilio"] = ["SK"]
    for smell, test in TESTS.items():
        if test(text, lowered):
            found[smell] = []
    return found


def starts(text: str, anchor: str) -> Iterator[int]:
    """Where the anchor stands at the start of a word; everywhere for anchors that begin with a sign."""
    at = text.find(anchor)
    while at >= 0:
        if anchor in MIDWORD or not at or text[at - 1] not in WORD_CHARS or _ends_escape(text, at):
            yield at
        at = text.find(anchor, at + 1)


def _ends_escape(text: str, at: int) -> bool:
    """`\\n` in escaped text, `%3D` in a URL and a colour of the terminal end in a letter or digit."""
    last = text[at - 1]
    if last in "nrt" and text[at - 2 : at - 1] == "\\":
        return True
    if last in HEX and text[at - 3 : at - 2] == "%" and text[at - 2] in HEX:
        return True
    return last == "m" and text.find("\x1b[", max(0, at - 12), at) >= 0


def _label(text: str, lowered: str) -> bool:
    return any(word in lowered and _announces(text, lowered, word) for word in LABELS)


def _form(text: str, lowered: str) -> bool:
    if "config set " in lowered or "configure set " in lowered:
        return True
    if "value:" in lowered and "name:" in lowered:
        return True
    if "user" in lowered and any(key in lowered for key in ("pass:", 'pass":', "pass':")):
        return True
    if "auth" in lowered and ("auth=(" in lowered or "auth = (" in lowered):
        return True
    return "</" in text and any(end in lowered for end in ELEMENT_ENDS)


def _announces(text: str, lowered: str, word: str) -> bool:
    at = lowered.find(word)
    for _ in range(MENTIONS):
        if at < 0:
            return False
        if _is_label(text, at, at + len(word)):
            return True
        at = lowered.find(word, at + 1)
    return True


def _is_label(text: str, start: int, end: int) -> bool:
    tail = text[end : end + 40]
    end += len(tail) - len(tail.lstrip(NAME_CHARS))
    before = text[max(0, start - 60) : start]
    close, wide = (before[len(before.rstrip(chars)) :] for chars in (NAME_CHARS, NAME_CHARS + " "))
    if not any(secret_kind((name + text[start:end]).rstrip(".-")) for name in (close, wide, "")):
        return False
    return text[end : end + 24].lstrip(BETWEEN)[:1] in ("=", ":") or "-" in close


def _url(text: str, _lowered: str) -> bool:
    if "://" not in text or "@" not in text:
        return False
    at = text.find("://")
    for _ in range(MENTIONS):
        if at < 0:
            return False
        host = text.find("/", at + 3, at + 800)
        if text.find("@", at + 3, host if host >= 0 else at + 800) >= 0:
            return True
        at = text.find("://", at + 3)
    return True


def _command(text: str, lowered: str) -> bool:
    if "curl" in lowered and ("-u" in lowered or "user" in lowered):
        return True
    if "pass:" in lowered and "-pass" in lowered:
        return True
    flag = " -p" in lowered or " -a" in lowered or " -w" in lowered
    return flag and any(command in lowered for command in COMMANDS)


TESTS: dict[str, Callable[[str, str], bool]] = {
    "private-key": lambda text, lowered: "-----BEGIN" in text and "PRIVATE KEY" in text,
    "url": _url,
    "label": _label,
    "form": _form,
    "command": _command,
    "cookie": lambda text, lowered: "cookie" in lowered and "=" in text,
    "bearer": lambda text, lowered: "bearer " in lowered,
    "signature": lambda text, lowered: "signature=" in lowered or "&sig=" in lowered or "?sig=" in lowered,
    "sql": lambda text, lowered: "identified by" in lowered or "password '" in lowered,
    "netrc": lambda text, lowered: "login " in lowered and "password " in lowered,
}
