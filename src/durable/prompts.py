"""A person's decision, typed at the prompt: `durable allow ID [reason]` and its like.

The whole prompt is that one line. One that only contains such a line, quotes it or asks about it is a prompt
like any other: what an agent reads aloud must never decide anything.
"""

from __future__ import annotations

from durable.event import PROMPT
from durable.native import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from durable.event import Event
    from durable.ledger.transaction import Transaction
    from durable.person import Said

VERBS = frozenset(("allow", "approve", "deny", "happened", "not-happened"))
# Tools by which a model has a text of its own come back as a prompt later on.
SCHEDULERS = ("CronCreate", "RemoteTrigger", "ScheduleWakeup")
_LONGEST_ID = 256
_LONGEST = 4_000


def decision_in(event: Event, tx: Transaction) -> Said | None:
    """What a person has decided with this prompt; None for any other prompt, and for one that is nobody's."""
    found = decision(event.prompt)
    if found is None or not is_person(event, _scheduled(event, tx)):
        return None
    from durable.person import Said

    verb, name, text = found
    return Said(verb, name, text, "a person at the prompt", text if verb == "happened" else "")


def _scheduled(event: Event, tx: Transaction) -> Iterator[str]:
    for tool in SCHEDULERS:
        # Of any session: what was scheduled may outlive the one that scheduled it.
        for step in tx.steps("steps_of_tool", tool_name=tool):
            kept = tx.content(step.input)
            # What can't be read any more may have been these very words.
            yield event.prompt if kept is None else scheduled_text(loads(kept))


def decision(prompt: str) -> tuple[str, str, str] | None:
    """(verb, id, what was said with it), or None.

    A deny shows the line in backticks and the command with its path: both may be typed as they stand there. So may
    `/durable`, which is how the client's own commands are typed. `!` hands the line to a shell and is no prompt.
    """
    line = prompt.strip()
    if len(line) > _LONGEST or len(line.splitlines()) != 1:
        return None
    if len(line) > 1 and line[0] == line[-1] == "`":
        line = line[1:-1]
    words = line.split(None, 3)
    if len(words) < 3 or not _is_durable(words[0]) or words[1].lower() not in VERBS:
        return None
    found = words[2]
    if found.startswith("-") or len(found) > _LONGEST_ID or not found.isprintable():
        return None
    return words[1].lower(), found, _reason(words[3]) if len(words) > 3 else ""


def is_person(event: Event, scheduled: Iterable[str]) -> bool:
    """Whether this prompt is a person's own. `scheduled` are the texts that schedulers were given.

    A client that says where a prompt comes from is believed. One that doesn't fires a scheduled text as if it had been
    typed, so that what the model has scheduled, in whatever words, decides nothing.
    """
    if event.kind != PROMPT or event.attended is not True or event.agent_id:
        return False
    if event.source:
        return event.source == "user"
    found = decision(event.prompt)
    return found is not None and not any(_carries(text, found[0], found[1]) for text in scheduled)


def scheduled_text(given: Any) -> str:
    """All that a scheduler's input could say later."""
    texts: list[str] = []
    todo = [given]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return "\n".join(texts)


def _is_durable(word: str) -> bool:
    return word.lower() == "durable" or word.endswith("/durable")


def _reason(text: str) -> str:
    """As the command line takes it, too: `--reason "…"`."""
    for option in ("--reason=", "--reason "):
        text = text.removeprefix(option)
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _carries(text: str, verb: str, found: str) -> bool:
    return f"{verb} {found}".lower() in " ".join(text.split()).lower()
