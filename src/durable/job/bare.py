"""Where in a shell line a quoted word stays one word: outside of quotes, comments, here-documents and arithmetic.

Elsewhere the shell reads the quotes round it as text, or as the end of its own, and what stands between them
as a command. Where this can't be told for sure, it is no place for one.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_BACKSLASH, _COMMENT, _HERE = "\\", "#", "<<"
_PLACES = {
    "'": "inside quotes",
    '"': "inside quotes",
    "$'": "inside quotes",
    "`": "inside backticks",
    "${": "inside of another expansion",
    "((": "inside of arithmetic",
    _BACKSLASH: "behind a backslash",
    _COMMENT: "in a comment",
    _HERE: "behind the start of a here-document",
}
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_WORD = re.compile(r"(?:^|(?<=[\s;&|()]))#|\$\(\(|\(\(|\)\)|<<<|<<|\$'|\$\(|\$\{|[\\'\"`()}\n]")
_OPENS = {"$'": "$'", "'": "'", '"': '"', "$((": "((", "((": "((", "$(": "(", "(": "(", "${": "${"}
_CLOSES = {"))": "((", ")": "(", "}": "${"}
_IN_DOUBLE = ("\\", '"', "`", "$((", "$(", "${")


def obstacle(text: str) -> str:
    """What a word put behind `text` would stand in, in words; "" if it stands free."""
    return next((_PLACES[one] for one in _left_open(text) if one in _PLACES), "")


def _left_open(text: str) -> list[str]:
    stack: list[str] = []
    for word in _words(text, stack):
        _take(stack, word)
    return stack


def _words(text: str, stack: list[str]) -> Iterator[str]:
    """One after the other; an escaped character is none, unless the text ends before it."""
    at = 0
    while found := _WORD.search(text, at):
        at = found.end()
        if found[0] == _BACKSLASH and _escapes(stack):
            escaped = _ESCAPED.match(text, found.start())
            if escaped is None:
                yield _BACKSLASH
            else:
                at = escaped.end()
        else:
            yield found[0]


def _escapes(stack: list[str]) -> bool:
    return not stack or stack[-1] not in ("'", _COMMENT)


def _take(stack: list[str], word: str) -> None:
    top = stack[-1] if stack else ""
    if top == _COMMENT:
        if word == "\n":
            stack.pop()
    elif top in ("'", "$'"):
        if word.endswith("'"):
            stack.pop()
    elif word == top and word in ('"', "`"):
        stack.pop()
    elif word == "`" and "`" in stack:
        del stack[stack.index("`") :]
    elif top == '"' and word not in _IN_DOUBLE:
        pass
    else:
        _open_or_close(stack, top, word)


def _open_or_close(stack: list[str], top: str, word: str) -> None:
    if word == "))" and top == "(":
        del stack[-2 if stack[-2:] == ["(", "("] else -1 :]
    elif word in _CLOSES:
        if top == _CLOSES[word]:
            stack.pop()
    elif word in (_BACKSLASH, _COMMENT, _HERE, "`"):
        if (top, word) != ("((", _HERE):
            stack.append(word)
    elif word in _OPENS and not (word.endswith("'") and stack[-2:] == ['"', "${"]):
        stack.append(_OPENS[word])
