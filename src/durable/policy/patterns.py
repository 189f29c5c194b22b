"""Permission-rule patterns, in the syntax the client's users know. Pure, parsed and matched by hand.

Bash(gh pr create *)    a command and its first words; options between them are looked through
Bash                    any Bash call, as a whole
mcp__pay  mcp__pay__*   every tool of a server; mcp__pay__charge is one
Edit(src/**)            a path, for every tool that edits files; Write(…) and Read(…) likewise
WebFetch(domain:x.org)  a host; domain:*.x.org those below it
Agent(reviewer)         a kind of sub-agent; Skill(name) a skill
Tool  Tool(*)  *        a tool, any tool
"""

from __future__ import annotations

from durable.policy.globs import glob
from durable.policy.place import EDITING, READING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call
    from durable.policy.place import Place

BASH = "Bash"
# The tools a path pattern speaks of.
PATHS = {"Edit": tuple(EDITING), "Write": ("Write",), "Read": tuple(READING)}
NAMES = {"Agent": ("subagent_type",), "Task": ("subagent_type",), "Skill": ("skill", "command")}
WEB = "WebFetch"
_DOMAIN = "domain:"


class Pattern:
    """`words` and `open_end` speak of Bash alone: a bare `Bash` has no words."""

    __slots__ = ("argument", "open_end", "text", "tool", "words")

    def __init__(self, text: str, tool: str, argument: str) -> None:
        self.text = text
        self.tool = tool
        self.argument = argument
        self.words: tuple[str, ...] = ()
        self.open_end = True
        if tool == BASH and argument:
            self.words, self.open_end = _bash_words(argument)

    def tools(self) -> tuple[str, ...]:
        """The names, or globs of names, of the tools it can match."""
        if self.speaks_of_paths():
            return PATHS[self.tool]
        if self.tool.startswith("mcp__") and self.tool.count("__") == 1:
            return (f"{self.tool}__*",)
        return (self.tool,)

    def names(self, tool: str) -> bool:
        return any(glob(name, tool) for name in self.tools())

    def speaks_of_paths(self) -> bool:
        return bool(self.argument) and self.tool in PATHS

    def matches(self, call: Call, place: Place) -> bool:
        """Of a Bash call only the name is looked at: its commands are match.py's to find."""
        if not self.names(call.tool):
            return False
        return not self.argument or self.tool == BASH or self._accepts(call, place)

    def _accepts(self, call: Call, place: Place) -> bool:
        given = call.input if isinstance(call.input, dict) else {}
        if self.tool in PATHS:
            return place.is_at(self.argument)
        if self.tool == WEB:
            return _host_matches(self.argument.removeprefix(_DOMAIN), host_of(_text(given, "url")))
        return any(glob(self.argument, _text(given, field)) for field in NAMES[self.tool] if field in given)


def parse(text: str) -> Pattern:
    """ValueError says what is wrong with it."""
    tool, bracket, rest = text.strip().partition("(")
    if bracket and not rest.endswith(")"):
        raise ValueError("lacks its closing bracket")
    argument = rest[:-1].strip() if bracket else ""
    if bracket and not argument:
        raise ValueError("has nothing in its brackets")
    if not tool or not all(char.isalnum() or char in "_-.*" for char in tool):
        raise ValueError("does not begin with the name of a tool")
    if argument in ("*", ":*"):
        argument = ""
    if argument:
        _check(tool, argument)
    return Pattern(text.strip(), tool, argument)


def _check(tool: str, argument: str) -> None:
    if tool == WEB:
        if not argument.startswith(_DOMAIN) or not argument[len(_DOMAIN) :].strip(".*"):
            raise ValueError("must be of the form WebFetch(domain:example.com)")
    elif tool not in PATHS and tool not in NAMES and tool != BASH:
        known = ", ".join(sorted([BASH, WEB, *PATHS, *NAMES]))
        raise ValueError(f"has brackets, which only {known} can have")
    elif tool == BASH and not _bash_words(argument)[0]:
        raise ValueError("names no command")


# ---- Bash -------------------------------------------------------------------------------------


def _bash_words(argument: str) -> tuple[tuple[str, ...], bool]:
    """`gh pr create *`, `gh pr create:*` and `gh pr create*` all go on; `gh pr create` ends there."""
    text = argument.removesuffix(":*")
    words = _split(text)
    open_end = text != argument
    while words and words[-1] == "*":
        words.pop()
        open_end = True
    return tuple(words), open_end or bool(words and words[-1].endswith("*"))


def _split(text: str) -> list[str]:
    words: list[str] = []
    word, quote, begun = "", "", False
    for char in text:
        if quote and char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote, begun = char, True
        elif not quote and char.isspace():
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word, begun = word + char, True
    return [*words, word] if begun else words


# ---- hosts --------------------------------------------------------------------------


def _host_matches(wanted: str, host: str) -> bool:
    wanted = wanted.lower().rstrip(".")
    return bool(host) and (host == wanted or ("*" in wanted and glob(wanted, host)))


def host_of(url: str) -> str:
    """Lower case, without user, port and final dot."""
    _, _, rest = url.partition("://")
    for end in "/\\?#":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0][1:].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _text(given: dict[str, Any], field: str) -> str:
    value = given.get(field)
    return value if isinstance(value, str) else ""
