from __future__ import annotations

from durable.cli.blocks import Facts, Note, Paragraph, Verbatim
from durable.cli.options import flag
from durable.cli.result import Result, agrees, attended
from durable.errors import UsageError
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from durable.cli.blocks import Block
    from durable.settings.files import Text
    from durable.settings.lint import Finding

USER = flag("--user", "Write the user's settings (~/.claude/settings.json): every project.")
PROJECT = flag("--project", "Write this project's settings (./.claude/settings.json).")
YES = flag("--yes", "Don't ask.")
DIFF = flag("--diff", "Show every line that changes.", name="diff")

OPTIONS = (
    USER,
    PROJECT,
    flag("--print", "Print the settings fragment and change nothing.", name="print_only"),
    DIFF,
    YES,
)


class Words:
    """How a change of the settings is told: before, after, and where there was none."""

    __slots__ = ("done", "nothing", "question", "what")

    def __init__(self, what: str, question: str, done: str, nothing: str) -> None:
        self.what = what
        self.question = question
        self.done = done
        self.nothing = nothing


WORDS = Words(
    "puts in durable's hooks for",
    "Put them into {}?",
    "durable's hooks stand in {}",
    "durable's hooks stand in {} already",
)
AFTER = {
    "init": "The next session of the client is guarded. A running one keeps its old hooks.",
    "uninit": "The next session of the client is recorded no more. The ledger stays where it is: durable path.",
}


def run(
    user: bool = False, project: bool = False, print_only: bool = False, diff: bool = False, yes: bool = False
) -> Result:
    """Register the hooks with the client, so that every tool call passes the ledger."""
    if print_only:
        return fragment()
    return change("init", chosen_file(user, project), _registered, WORDS, diff, yes)


def fragment() -> Result:
    from durable.settings.registration import installed_hooks

    settings = {"hooks": installed_hooks()}
    return Result("init", {"fragment": settings}, view=[Verbatim(_json(settings))])


def chosen_file(user: bool, project: bool) -> str:
    import os

    from durable.settings import places

    if user == project:
        raise UsageError("choose whose settings to write", "add --user (every project) or --project (this one)")
    return places.user_file(os.environ) if user else places.project_file(os.getcwd())


def change(verb: str, path: str, changed: Any, words: Words, diff: bool, yes: bool) -> Result:
    """Reads the file, says what `changed` makes of it, asks, and puts it in place."""
    from durable.settings import files

    old = files.read(path)
    files.check_mergeable(old)
    settings = changed(old.data)
    if settings == old.data:
        return _result(verb, path, False, None, [Note("ok", f"nothing to change: {words.nothing.format(path)}")])
    new = files.dump(settings, like=old)
    stakes: list[Block] = [Verbatim(_diff(old, new))] if diff else [_summary(old, settings, new, words)]
    if not yes:
        _ask(stakes, words.question.format(path))
        stakes = []
    backup = files.replace(old, new)
    kept: list[Block] = [Facts([("the file as it was", backup)])] if backup else []
    return _result(verb, path, True, backup, [*stakes, Note("ok", words.done.format(path)), *kept])


def _registered(settings: dict[str, Any]) -> dict[str, Any]:
    from durable.settings.merge import with_ours
    from durable.settings.ours import is_ours
    from durable.settings.registration import installed_hooks

    return with_ours(settings, installed_hooks(), is_ours)


def _ask(stakes: list[Block], question: str) -> None:
    if not attended():
        raise UsageError(
            "nobody is here to say yes, and nothing was changed", "add --yes, and --diff to see every line"
        )
    if not agrees(stakes, question):
        raise UsageError("nothing was changed", "run it again and answer y, or see every line with --diff")


def _result(verb: str, path: str, changed: bool, backup: str | None, view: list[Block]) -> Result:
    left = _holes() if verb == "init" else []
    data = {"file": path, "changed": changed, "backup": backup, "findings": [one._asdict() for one in left]}
    told: list[Block] = [Note(one.severity, f"{one.file}: {one.problem}; {one.remedy}") for one in left]
    if changed and not left:
        told = [Paragraph(AFTER[verb])]
    return Result(verb, data, 1 if any(one.severity == "problem" for one in left) else 0, [*view, *told])


def _holes() -> Sequence[Finding]:
    """What still stands between the registration and a guarded session."""
    import os
    import sys

    from durable.settings.in_force import load
    from durable.settings.lint import lint
    from durable.settings.world import starting_only

    world = starting_only(lambda python: python == sys.executable or "/" not in python)
    return [one for one in lint(load(os.environ, os.getcwd()), world) if one.severity != "note"]


def _summary(old: Text, settings: dict[str, Any], new: str, words: Words) -> Facts:
    before = old.data.get("hooks", {})
    after = settings.get("hooks", {})
    events = sorted(event for event in {*before, *after} if before.get(event) != after.get(event))
    lines = _diff(old, new).splitlines()[2:]
    more, fewer = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return Facts(
        [
            ("file", old.path if old.exists else f"{old.path} (new)"),
            (words.what, f"{counted(len(events), 'event')}: {', '.join(events)}"),
            ("everything else", "stays as it is"),
            ("lines", f"{more} more, {fewer} fewer; --diff shows them"),
        ]
    )


def _diff(old: Text, new: str) -> str:
    import difflib

    before = old.decoded.splitlines() if old.exists else []
    label = old.path if old.exists else "/dev/null"
    return "\n".join(difflib.unified_diff(before, new.splitlines(), label, old.path, lineterm=""))


def _json(data: Any) -> str:
    import json

    return json.dumps(data, indent=2, ensure_ascii=False)
