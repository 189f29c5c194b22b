"""What a stage of a pipeline prints, where the line itself says so: `echo 'gh pr create' | bash`."""

from __future__ import annotations

from durable.commandline.command import Open
from durable.commandline.nodes import Simple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.commandline.nodes import Node, Redirect

WHOLE_ARGUMENTS = {"%s": "", "%s\\n": "\n", "%b": "", "%b\\n": "\n"}


def text_for_next(stage: Node, words: list[str]) -> str | None:
    """`words` are those of the stage if it is a simple command."""
    if not isinstance(stage, Simple) or not words:
        return None
    if words[0] == "cat" and len(words) == 1:
        return given(stage.redirects)
    if words[0] == "echo":
        return _echo(words[1:])
    if words[0] == "printf" and len(words) > 1:
        return _printf(words[1], words[2:])
    return None


def given(redirects: list[Redirect]) -> str | None:
    """The here-document or here-string on a command's standard input."""
    text: str | None = None
    for redirect in redirects:
        if redirect.operator in ("<<", "<<-", "0<<", "0<<-"):
            content = redirect.content
            body = redirect.body or ""
            text = body if content is None or content.literal else Open(body)
        elif redirect.operator in ("<<<", "0<<<"):
            text = redirect.target.text if redirect.target.literal else Open(redirect.target.text)
        elif redirect.operator == "<":
            text = None
    return text


def _echo(words: list[str]) -> str:
    escapes = False
    while words and words[0] in ("-n", "-e", "-ne", "-en", "-E"):
        escapes = escapes or "e" in words[0]
        words = words[1:]
    text = _same_kind(" ".join(words), words)
    return _same_kind(text.replace("\\n", "\n"), words) if escapes else text


def _printf(form: str, words: list[str]) -> str | None:
    if form in WHOLE_ARGUMENTS:
        return _same_kind(WHOLE_ARGUMENTS[form].join(words), words)
    if "%" in form:
        return None
    return _same_kind(form.replace("\\n", "\n"), [form])


def _same_kind(text: str, words: list[str]) -> str:
    return Open(text) if any(type(word) is Open for word in words) else text
