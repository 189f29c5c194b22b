"""Secrets where only the program tells: `curl -u user:pw`, `mysql -ppw`, cookies in a header."""

from __future__ import annotations

from durable.redact_names import is_plain
from durable.redact_patterns import LABEL, pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.redact_patterns import Span

# flag → the programs whose argument it is. `docker run -u 1000:1000`, `mkdir -p` are none of them.
ATTACHED = {"-p": ("mysql", "mariadb", "sshpass", "7z"), "-P": ("zip", "unzip")}
SEPARATE = {
    "-p": ("sshpass", "docker login", "podman login", "mongo", "helm registry login"),
    "-a": ("redis-cli",),
    "-w": ("ldapsearch", "ldapadd", "ldapmodify"),
    "-P": ("zip", "unzip"),
}
PROGRAMS = tuple({name for table in (ATTACHED, SEPARATE) for names in table.values() for name in names})
WRAPPERS = frozenset(("sudo", "env", "time", "exec", "command", "nohup", "then", "do", "else", "!"))
RUNNERS = frozenset(("docker", "podman", "kubectl", "docker-compose", "nerdctl", "ssh"))
LOGIN_FLAG = (
    r"(?:-u|-U|--user|--proxy-user)[ \t=]{0,4}(?:\"|'|\\\")?([^\s:\"'\\=-][^\s:\"'\\]{0,200}|):"
    r"([^\s\"'\\]{0,200})"
)
SHORT_FLAG = r"(-[pPaw])([ \t]{0,4})(?:([\"'])([^\"'\n]{1,200})|([^\s\"'\\;|&<>-][^\s\"'\\;|&<>]{0,200}))"
OPENSSL = r"-pass(?:in|out)?[ \t]{1,4}[\"']?pass:([^\s\"'\\]{1,200})"
COOKIE = (
    r"(?:(?<![a-z0-9_])(?:set-)?cookie[\"'`\\]{0,4}[ \t]{0,4}:[ \t]{0,4}\\{0,3}[\"'`]?|--cookie[ =][\"']?)"
    r"(?=[^\s=;]{1,100}=)"
)
COOKIE_PAIR = r"([^\s=;,\"'\\]{1,100})=([^\s;,\"'\\]{1,4096}+)"
COOKIE_SPAN = 8192
SESSION_WORDS = ("sess", "sid", "token", "auth", "jwt", "csrf", "xsrf", "secret", "login", "remember", "key")
ATTRIBUTES = frozenset(("path", "domain", "expires", "max-age", "samesite", "priority"))


def find_in_commands(text: str, lowered: str) -> Iterator[Span]:
    if "curl" in lowered:
        yield from _curl_logins(text, lowered)
    if any(program in lowered for program in PROGRAMS):
        yield from _short_flags(text, lowered)
    if "pass:" in lowered:
        for found in pattern(OPENSSL).finditer(text):
            if not is_plain(found.group(1)):
                yield found.start(1), found.end(1), "password", LABEL


def _curl_logins(text: str, lowered: str) -> Iterator[Span]:
    for login in pattern(LOGIN_FLAG).finditer(text):
        if not _starts_word(text, login.start()) or not _follows_curl(lowered, login.start()):
            continue
        user, password = login.group(1), login.group(2)
        if password and not is_plain(password):
            yield login.start(2), login.end(2), "password", LABEL
        elif not password and len(user) > 15 and not is_plain(user):
            yield login.start(1), login.end(1), "token", LABEL


def _short_flags(text: str, lowered: str) -> Iterator[Span]:
    for found in pattern(SHORT_FLAG).finditer(text):
        programs = (SEPARATE if found.group(2) else ATTACHED).get(found.group(1), ())
        if not programs or not _starts_word(text, found.start()):
            continue
        value = 4 if found.group(3) else 5
        if _belongs_to(programs, lowered, found.start()) and _is_password(found.group(value)):
            yield found.start(value), found.end(value), "password", LABEL


def _is_password(value: str) -> bool:
    return not is_plain(value) and not (":" in value and value.replace(":", "").isdigit())


def _starts_word(text: str, at: int) -> bool:
    return at > 0 and text[at - 1] in " \t\n\"'"


def _follows_curl(lowered: str, at: int) -> bool:
    window = lowered[max(0, at - 2000) : at]
    found = window.rfind("curl")
    return found >= 0 and not _ends_command(window[found:])


def _ends_command(between: str) -> bool:
    if any(end in between for end in ("; ", " && ", " | ", " || ")):
        return True
    return "\n" in between.replace("\\\n", "")


def _belongs_to(programs: tuple[str, ...], lowered: str, at: int) -> bool:
    """The program leads the command in which the flag stands: `find mysql -print` is not its."""
    window = lowered[max(0, at - 600) : at]
    if not any(program in window for program in programs):
        return False
    words = window[_command_start(window) :].split()
    while words and (words[0] in WRAPPERS or "=" in words[0]):
        words.pop(0)
    if words and words[0] in RUNNERS and "exec" in words:
        return any(word.startswith(programs) for word in words)
    return " ".join(words[:4]).rpartition("/")[2].startswith(programs)


def _command_start(window: str) -> int:
    joined = window.replace("\\\n", "  ")
    return 1 + max(joined.rfind(mark) for mark in "\n;|&(`\"'{")


def find_cookies(text: str, lowered: str) -> Iterator[Span]:
    done = 0
    for header in pattern(COOKIE).finditer(lowered):
        if header.start() >= done:
            done = _header_end(text, header.end())
            yield from cookie_pairs(text, header.end(), done)


def _header_end(text: str, at: int) -> int:
    limit = min(len(text), at + COOKIE_SPAN)
    ends = (text.find(mark, at, limit) for mark in ("\n", '"', "'", "\\n", "\\r"))
    return min((end for end in ends if end >= 0), default=limit)


def cookie_pairs(text: str, start: int, end: int) -> Iterator[Span]:
    """Values that carry a session; `theme=dark` and the attributes stay readable."""
    for pair in pattern(COOKIE_PAIR).finditer(text, start, end):
        name, value = pair.group(1).lower(), pair.group(2)
        if name not in ATTRIBUTES and not is_plain(value) and _carries_session(name, value):
            yield pair.start(2), pair.end(2), "cookie", LABEL


def _carries_session(name: str, value: str) -> bool:
    if any(word in name for word in SESSION_WORDS):
        return True
    return len(value) > 15 and any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
