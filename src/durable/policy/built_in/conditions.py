"""What a built-in rule asks of a call beyond its first words: the names that stand in `when`. Pure."""

from __future__ import annotations

from durable.policy.built_in.hosts import is_public
from durable.policy.built_in.requests import creates_any, is_one_post, mutates
from durable.policy.built_in.tool_names import creates
from durable.policy.options import is_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from durable.event import Call
    from durable.shell import Command

FOR_REAL = "for real"
API_POST = "an API post"
ONE_POST = "one public post"
POST = "a public post"
HAS_RECIPIENT = "has a recipient"
CREATES = "a name that creates"

NOT_FOR_REAL = frozenset(("--help", "--dry-run", "--version", "--generate-cli-skeleton", "--offline", "--preview"))
OFF = frozenset(("=false", "=none", "=0"))
ENDPOINTS = (
    "--endpoint-url", "--rpc-url", "--api-base", "--server-url", "--registry", "--repository-url", "--repository",
    "--publish-url", "--index", "--url", "-u", "-r",
)  # fmt: skip
ENDPOINTS_SET = ("_URL", "_REGISTRY")  # how the names of variables end that say the same
FIELDS = ("-f", "-F", "--raw-field", "--field", "--input")
METHODS = ("-X", "--method")
HELP = frozenset(("--help", "-h"))
# Another call leaves what the first one left.
API_LOOK_UPS = frozenset(
    (
        "assignees", "blobs", "cancel", "generate-notes", "labels", "markdown", "merge-upstream", "merges", "raw",
        "reactions", "refs", "requested_reviewers", "rerun", "rerun-failed-jobs", "trees",
    )
)  # fmt: skip
MAIL_VALUES = frozenset(("-a", "-A", "-b", "-c", "-F", "-f", "-H", "-i", "-q", "-r", "-s", "-S", "-X"))
MAIL_READS = frozenset(("-H", "-bp", "-bv", "-bi", "-bt", "-u", "--serverinfo"))


def holds(when: str, subject: Command | Call) -> bool:
    """`subject` is a command of a Bash line, or the call of another tool."""
    return CONDITIONS[when](subject)


def _for_real(command: Command) -> bool:
    """Not a call for help, a rehearsal, or one against an emulator on this machine."""
    words = command.words
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in NOT_FOR_REAL and equals + value not in OFF:
            return False
        if name in ENDPOINTS and _is_here(value or "".join(words[at + 1 : at + 2])):
            return False
    if any(name.upper().endswith(ENDPOINTS_SET) and _is_here(value) for name, value in command.assignments):
        return False
    return words[-1] != "-h" and not (command.program == "aws" and words[-1] == "help")


def _is_here(endpoint: str) -> bool:
    """A name without more is that of a profile: `--repository testpypi`."""
    return ("://" in endpoint or endpoint.startswith(("localhost", "127."))) and not is_public(endpoint)


def _api_post(command: Command) -> bool:
    """`gh api`: POST is said, or follows from a field without a method."""
    words, method, fields, paths = command.words, "", "", []
    if not HELP.isdisjoint(words):
        return False
    at = 2
    while at < len(words):
        name, value, taken = _option(words, at)
        if name in METHODS:
            method = value
        elif name in FIELDS:
            fields += f" {value}"
        elif not is_option(words[at]):
            paths.append(words[at])
        at += taken
    path = paths[0].strip("/") if paths else ""
    if (method or ("POST" if fields else "GET")).upper() != "POST":
        return False
    return mutates(fields) if path == "graphql" else path.rpartition("/")[2] not in API_LOOK_UPS


API_VALUES = (*FIELDS, *METHODS, "-H", "-q", "-t", "-p", "--header", "--jq", "--template", "--preview", "--cache",
              "--hostname", "-R", "--repo")  # fmt: skip


def _option(words: list[str], at: int) -> tuple[str, str, int]:
    """(name, value, words taken) of `-X POST`, `-XPOST`, `--method=POST`."""
    word = words[at]
    if word in API_VALUES:
        return word, "".join(words[at + 1 : at + 2]), 2
    name, equals, value = word.partition("=")
    if name.startswith("--") and equals:
        return name, value, 1
    if is_option(word) and not word.startswith("--") and word[:2] in API_VALUES:
        return word[:2], word[2:], 1
    return word, "", 1


def _one_post(command: Command) -> bool:
    return is_one_post(command)


def _post(command: Command) -> bool:
    return creates_any(command)


def _has_recipient(command: Command) -> bool:
    """`mail` alone reads mail."""
    if not _for_real(command) or not MAIL_READS.isdisjoint(command.words):
        return False
    before = ""
    for word in command.words[1:]:
        if word == "-t" or (not is_option(word) and before not in MAIL_VALUES):
            return True
        before = word
    return False


def _creates(call: Call) -> bool:
    return creates(call.tool, call.input if isinstance(call.input, dict) else {})


CONDITIONS: dict[str, Callable[..., bool]] = {
    FOR_REAL: _for_real,
    API_POST: _api_post,
    ONE_POST: _one_post,
    POST: _post,
    HAS_RECIPIENT: _has_recipient,
    CREATES: _creates,
}
