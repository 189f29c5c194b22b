"""Notes of a run: what somebody wants whoever goes on with it to know. Each is versioned; an empty one is gone.

A write happens in the ledger's serial transaction: of two at once both get a version of their own, the later
one shows, and the record keeps the other. Who must not write over what they haven't seen names the version.
"""

from __future__ import annotations

from durable.errors import DurableError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor

LONGEST_NAME = 64
LONGEST_VALUE = 4_000
MOST_NOTES = 100  # a session that starts is told of them


class NoteMoved(DurableError):
    """The note has another version than whoever writes it has seen."""

    code = "note-moved"
    exit_code = 1


def assignments(words: Iterable[str]) -> dict[str, str]:
    """`key=value` each; UsageError for what is none, and for a key that is given twice."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        _check(name, equals, value)
        if name in found:
            raise UsageError(f"{name} is given twice", "give it once")
        found[name] = value
    return found


def write(
    tx: Transaction, run_id: str, given: dict[str, str], by: str, redactor: Redactor, if_version: int | None = None
) -> None:
    """Redacted first. All of them or none; the caller commits."""
    present = {row["name"]: row for row in tx.all("notes", run_id=run_id)}
    if len(present.keys() | given.keys()) > MOST_NOTES:
        raise UsageError(f"a run has at most {MOST_NOTES} notes", "use a name that it has, or put several into one")
    for name, value in given.items():
        row = present.get(name)
        version = row["version"] if row else 0
        if if_version not in (None, version):
            raise _moved(name, row)
        body = {"name": _plain_name(name, redactor), "value": _redacted(name, value, redactor)}
        tx.append("run.noted", run_id, run_id, {**body, "version": version + 1, "by": by})


def _check(name: str, equals: str, value: str) -> None:
    if not equals:
        raise UsageError(f"{name!r} is no note", "write it as key=value; key= takes one away")
    if not (name.isascii() and name.isidentifier() and len(name) <= LONGEST_NAME):
        remedy = f"use letters, digits and _, at most {LONGEST_NAME}, and no digit first"
        raise UsageError(f"{name[: LONGEST_NAME + 1]!r} can't be the name of a note", remedy)
    if len(value) > LONGEST_VALUE:
        remedy = f"keep it below {LONGEST_VALUE:,}; write the rest into a file and note its path"
        raise UsageError(f"the value of {name} has {len(value):,} characters", remedy)


def _plain_name(name: str, redactor: Redactor) -> str:
    if redactor.text(name) != name:
        raise UsageError("the name of that note looks like a secret", "give it another one")
    return name


def _redacted(name: str, value: str, redactor: Redactor) -> str:
    """With its name: `password=x` is known by that alone."""
    found: Any = redactor.value({name: value})
    return str(found[name])


def _moved(name: str, row: dict[str, Any] | None) -> NoteMoved:
    if row is None:
        return NoteMoved(f"there is no note {name} yet: its version is 0", "nothing was changed")
    return NoteMoved(f"the note {name} is at version {row['version']}: {row['value']!r}", "nothing was changed")
