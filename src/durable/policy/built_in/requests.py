"""Which HTTP requests a `curl`, `wget`, `http` or `xh` command makes, as far as its words tell. Pure."""

from __future__ import annotations

from durable.policy.built_in.hosts import is_public
from durable.policy.built_in.request_options import (
    CURL_DATA,
    CURL_SHORT_VALUES,
    CURL_VALUES,
    HTTPIE_VALUES,
    WGET_VALUES,
)
from durable.policy.patterns import host_of
from durable.shell import Open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable.shell import Command

POST = "POST"
GET = "GET"
AGAIN = frozenset(("--location", "--location-trusted", "--follow", "--retry"))
MUTATION = "mutation"
ENDS_MUTATION = ("", " ", "\t", "\n", "\\", "{", "(", ".")
METHODS = frozenset((POST, GET, "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
# The last part of a path, or what follows a colon in it: `/v1/models/x:generateContent`.
LOOK_UP_PATHS = frozenset(
    (
        "_count", "_msearch", "_search", "access_token", "authenticate", "batchget", "completions", "count_tokens",
        "counttokens", "embedcontent", "embeddings", "generatecontent", "introspect", "login", "moderations", "predict",
        "query", "refresh", "rerank", "runquery", "search", "signin", "streamgeneratecontent", "token", "tokenize",
    )
)  # fmt: skip
# Models that answer, and hosts that only give back what they got.
LOOK_UPS = ("api.anthropic.com/v1/messages", "api.openai.com/v1/responses")
ECHOES = frozenset(
    ("httpbin.org", "httpbingo.org", "postman-echo.com", "jsonplaceholder.typicode.com", "dummyjson.com")
)


class Request:
    """`content` is what its words say of the body, for telling a GraphQL query from a mutation."""

    __slots__ = ("again", "content", "local", "method", "query_only", "sends", "urls")

    def __init__(self) -> None:
        self.method = ""
        self.urls: list[str] = []
        self.content = ""
        self.sends = False
        self.query_only = False  # -G, -I
        self.again = False  # another request may follow this one: -L, --retry
        self.local = False  # to a socket file

    def creates(self) -> bool:
        """A POST out there, to an address that does not only look things up."""
        method = self.method or (POST if self.sends and not self.query_only else GET)
        if method.upper() != POST and type(method) is not Open:
            return False
        return not self.local and any(is_public(url) and not self._looks_up(url) for url in self.urls)

    def _looks_up(self, url: str) -> bool:
        path = url.partition("?")[0].rstrip("/")
        last = path.rpartition("/")[2].rpartition(":")[2].lower()
        if last == "graphql":
            return not mutates(self.content)
        return last in LOOK_UP_PATHS or path.endswith(LOOK_UPS) or host_of(_with_scheme(url)) in ECHOES


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"


def mutates(content: str) -> bool:
    """A GraphQL operation, or a file named so. A field that is called `mutationLog` or `mutation: id` reads."""
    at = content.find(MUTATION)
    while at >= 0:
        end = at + len(MUTATION)
        alone = not content[at - 1 : at].isalnum() if at else True
        if alone and content[end : end + 1] in ENDS_MUTATION:
            return True
        at = content.find(MUTATION, end)
    return False


def creates_any(command: Command) -> bool:
    return any(request.creates() for request in _requests(command))


def is_one_post(command: Command) -> bool:
    """curl's exit code speaks of its last request: after a redirect or at a second try, one has gone out before."""
    found = _requests(command)
    return len(found) == 1 and found[0].creates() and len(found[0].urls) == 1 and not found[0].again


def _requests(command: Command) -> list[Request]:
    return READERS[command.program](command) if command.program in READERS else []


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
    elif name in AGAIN:
        request.again = True
        if name == "--retry" and not equals:
            next(words, "")
    elif name in ("--get", "--head"):
        request.query_only = True
    elif name in ("--unix-socket", "--abstract-unix-socket"):
        request.local = True
        next(words, "")
    elif name == "--mail-rcpt":
        request.method = POST
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
        if letter == "L":
            request.again = True
        elif letter in "GI":
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
        elif word in WGET_VALUES:
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
