"""Which HTTP requests a `curl`, `wget`, `http` or `xh` command makes, as far as its words tell. Pure."""

from __future__ import annotations

from durable.policy.hosts import is_public
from durable.shell import Open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.shell import Command

POST = "POST"
GET = "GET"
METHODS = frozenset((POST, GET, "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
# curl's options that take a value, beside those that make it a POST.
CURL_SHORT_VALUES = frozenset("AbcCDeEHhKmoPQrtuUwxXyYz")
CURL_DATA = frozenset(
    ("--data", "--data-ascii", "--data-binary", "--data-raw", "--data-urlencode", "--json", "--form", "--form-string")
)
CURL_VALUES = frozenset(
    (
        "--abstract-unix-socket", "--aws-sigv4", "--cacert", "--capath", "--cert", "--cert-type", "--ciphers",
        "--config", "--connect-timeout", "--connect-to", "--continue-at", "--cookie", "--cookie-jar", "--dns-servers",
        "--dump-header", "--expect100-timeout", "--header", "--interface", "--keepalive-time", "--key", "--limit-rate",
        "--max-filesize", "--max-redirs", "--max-time", "--netrc-file", "--noproxy", "--oauth2-bearer", "--output",
        "--output-dir", "--pass", "--pinnedpubkey", "--preproxy", "--proto", "--proxy", "--proxy-header",
        "--proxy-user", "--quote", "--range", "--rate", "--referer", "--resolve", "--retry", "--retry-delay",
        "--retry-max-time", "--socks5", "--socks5-hostname", "--stderr", "--tls-max", "--trace", "--trace-ascii",
        "--user", "--user-agent", "--variable", "--write-out",
    )
)  # fmt: skip
HTTPIE_VALUES = frozenset(
    (
        "-a", "-A", "-o", "-p", "-s", "--auth", "--auth-type", "--bearer", "--boundary", "--cert", "--cert-key",
        "--ciphers", "--default-scheme", "--format-options", "--http-version", "--max-headers", "--max-redirects",
        "--output", "--path-as-is", "--pretty", "--print", "--proxy", "--response-charset", "--response-mime",
        "--session", "--session-read-only", "--ssl", "--style", "--timeout", "--verify",
    )
)  # fmt: skip
LOOK_UP_PATHS = frozenset(
    (
        "_count", "_msearch", "_search", "access_token", "completions", "embeddings", "introspect", "query", "search",
        "token",
    )
)  # fmt: skip


class Request:
    """`content` is what its words say of the body, for telling a GraphQL query from a mutation."""

    __slots__ = ("content", "local", "method", "query_only", "sends", "urls")

    def __init__(self) -> None:
        self.method = ""
        self.urls: list[str] = []
        self.content = ""
        self.sends = False
        self.query_only = False  # -G, -I
        self.local = False  # to a socket file

    def creates(self) -> bool:
        """A POST out there, to an address that does not only look things up."""
        method = self.method or (POST if self.sends and not self.query_only else GET)
        if method.upper() != POST and type(method) is not Open:
            return False
        return not self.local and any(is_public(url) and not self._looks_up(url) for url in self.urls)

    def _looks_up(self, url: str) -> bool:
        path = url.partition("?")[0].rstrip("/")
        last = path.rpartition("/")[2].partition(":")[0].lower()
        return last in LOOK_UP_PATHS or (last == "graphql" and "mutation" not in self.content)


def creating(command: Command) -> tuple[int, int]:
    """(how many of its requests create something out there, to how many addresses it goes in all)."""
    found = READERS[command.program](command) if command.program in READERS else []
    return sum(request.creates() for request in found), sum(len(request.urls) for request in found)


def _curl(command: Command) -> list[Request]:
    found = [Request()]
    words = iter(command.words[1:])
    for word in words:
        request = found[-1]
        if word in ("--next", "-:"):
            found.append(Request())
        elif word.startswith("--"):
            _curl_long(request, word, words)
        elif word.startswith("-") and len(word) > 1:
            _curl_short(request, word, words)
        else:
            request.urls.append(word)
    return found


def _curl_long(request: Request, word: str, words: Iterator[str]) -> None:
    name, equals, value = word.partition("=")
    if name.startswith("--expand-"):
        name = "--" + name[len("--expand-") :]
    if name in CURL_DATA:
        request.sends = True
        request.content += value if equals else next(words, "")
    elif name in ("--request", "--url"):
        value = value if equals else next(words, "")
        _set(request, name, value)
    elif name in ("--get", "--head"):
        request.query_only = True
    elif name in ("--unix-socket", "--abstract-unix-socket"):
        request.local = True
        next(words, "")
    elif name == "--upload-file":
        request.method = request.method or "PUT"
        next(words, "")
    elif name in CURL_VALUES and not equals:
        next(words, "")


def _set(request: Request, name: str, value: str) -> None:
    if name == "--url":
        request.urls.append(value)
    else:
        request.method = value


def _curl_short(request: Request, word: str, words: Iterator[str]) -> None:
    """`-sSLX POST`, `-d@file`: letters without a value, then one that takes the rest or the next word."""
    for at in range(1, len(word)):
        letter, rest = word[at], word[at + 1 :]
        if letter in "GI":
            request.query_only = True
        elif letter in "dF":
            request.sends = True
            request.content += rest or next(words, "")
            return
        elif letter == "X":
            request.method = (Open(rest) if type(word) is Open else rest) if rest else next(words, "")
            return
        elif letter == "T":
            request.method = request.method or "PUT"
            if not rest:
                next(words, "")
            return
        elif letter in CURL_SHORT_VALUES:
            if not rest:
                next(words, "")
            return


def _wget(command: Command) -> list[Request]:
    request = Request()
    words = iter(command.words[1:])
    for word in words:
        name, equals, value = word.partition("=")
        if name in ("--post-data", "--post-file", "--method", "--body-data", "--body-file"):
            value = value if equals else next(words, "")
            request.sends = request.sends or name.startswith("--post")
            request.method = value if name == "--method" else request.method
            request.content += value
        elif word in ("-O", "-o", "-P", "-U", "-T", "-t", "-w", "-e", "--header", "--user-agent"):
            next(words, "")
        elif not word.startswith("-"):
            request.urls.append(word)
    return [request]


def _httpie(command: Command) -> list[Request]:
    request = Request()
    plain: list[str] = []
    words = iter(command.words[1:])
    for word in words:
        if word == "--offline":
            request.local = True
        elif word == "--raw" or word.startswith("--raw="):
            request.sends = True
            request.content += word.partition("=")[2] or next(words, "")
        elif word in HTTPIE_VALUES:
            next(words, "")
        elif not word.startswith("-"):
            plain.append(word)
    if len(plain) > 1 and plain[0].upper() in METHODS:
        request.method = plain.pop(0)
    request.urls = plain[:1]
    items = plain[1:]
    request.content += " ".join(items)
    request.sends = request.sends or command.reads_stdin or any(_is_data(item) for item in items)
    return [request]


def _is_data(item: str) -> bool:
    """`name=value`, `name:=1` and `name@file` are sent; `name==value` and `Name:value` are not."""
    for at, character in enumerate(item):
        if character == "=":
            return item[at + 1 : at + 2] != "="
        if character == "@":
            return True
        if character == ":":
            return item[at + 1 : at + 2] == "="
    return False


READERS = {
    "curl": _curl,
    "wget": _wget,
    **dict.fromkeys(("http", "https", "xh", "xhs"), _httpie),
}
