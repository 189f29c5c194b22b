"""Secrets where only the program tells: `curl -u user:pw`, `mysql -ppw`, cookies in a header."""

from __future__ import annotations

from durable.redaction.names import is_plain
from durable.redaction.patterns import LABEL, pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.redaction.patterns import Span

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
SHELLS = frozenset(("bash", "sh", "zsh", "ssh", "su"))
RUNNERS = SHELLS | {"docker", "podman", "kubectl", "docker-compose", "nerdctl"}
BREAKS = (";", "|", "&", "(", "`", "{", ': "', ": '", ', "', '= "', "\\n")
LOGIN_FLAG = (
    r"(?:-u|-U|--user|--proxy-user)[ \t=]{0,4}(?:\"|'|\\\")?([^\s:\"'\\=-][^\s:\"'\\]{0,200}|):"
    r"([^\s\"'\\]{0,200})"
)
SHORT_FLAG = r"(-[pPaw])([ \t]{0,4})(?:([\"'])([^\"'\n]{1,200})|([^\s\"'\\;|&<>-][^\s\"'\\;|&<>]{0,200}))"
OPENSSL = r"-pass(?:in|out)?[ \t]{1,4}[\"']?pass:([^\s\"'\\]{1,200})"
COOKIE = r"cookie(?:[\"'`\\]{0,4}[ \t]{0,4}:[ \t]{0,4}\\{0,3}[\"'`]?|(?<=--cookie)[ =][\"']?)(?=[^\s=;]{1,100}=)"
COOKIE_PAIR = r"([^\s=;,\"'\\]{1,100})=([^\s;,\"'\\]++)"
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
    command, seen, words = 0, 0, _words(lowered, 0)
    for found in pattern(SHORT_FLAG).finditer(text):
        begins = _last_break(lowered, seen, found.start())
        if begins > command:
            command, words = begins, _words(lowered, begins)
        seen = found.start()
        programs = (SEPARATE if found.group(2) else ATTACHED).get(found.group(1), ())
        value = 4 if found.group(3) else 5
        if not _starts_word(text, found.start()) or not _leads(programs, words):
            continue
        if not is_plain(found.group(value)):
            yield found.start(value), found.end(value), "password", LABEL


def _last_break(lowered: str, start: int, end: int) -> int:
    """Where the command that stands at `end` begins; 0 if it began before `start`."""
    newline = lowered.rfind("\n", start, end)
    while newline > start and lowered[newline - 1] == "\\":
        newline = lowered.rfind("\n", start, newline)
    between = lowered[start:end]
    marks = (start + between.rfind(mark) + len(mark) for mark in BREAKS if mark in between)
    return max(newline + 1, max(marks, default=0))


def _words(lowered: str, at: int) -> list[str]:
    """The first words of a command, without what may stand before a program's name."""
    words = lowered[at : at + 400].replace('"', " ").replace("'", " ").split()
    while words and (words[0] in WRAPPERS or "=" in words[0]):
        words.pop(0)
    return words


def _leads(programs: tuple[str, ...], words: list[str]) -> bool:
    """`mysql -px` and `docker exec c mysql -px`, not `find mysql -print`."""
    if not programs or not words:
        return False
    if words[0] in RUNNERS and any(word.startswith(programs) for word in words):
        return words[0] in SHELLS or "exec" in words or " ".join(words[:3]).startswith(programs)
    return " ".join((words[0].rpartition("/")[2], *words[1:3])).startswith(programs)


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
