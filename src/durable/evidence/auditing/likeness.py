"""Whether the record and the transcript say the same of a call. True, False, or None where it can't be told.

The transcript holds what was said to the letter, the record what was left of it after redaction: both go through
the same redaction first. What the policy has come to redact since, or no longer does, can't be told apart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from durable.evidence.auditing.trace import RAN
from durable.fingerprint import input_hash
from durable.native import dumps, sha256
from durable.receipt_text import text_of
from durable.step import REPLAYED
from durable.view import Mark, resolved

if TYPE_CHECKING:
    from typing import Any

    from durable.evidence.auditing.trace import Asked, Told
    from durable.ledger.reading import Reader
    from durable.redact import Redactor
    from durable.view import Row

# What a hook heard of the call itself. Other sources tell of its end in other words.
HEARD = ("PostToolUse", "PostToolUseFailure", "spool", None)
REDACTED = "[redacted:"
# The client hands its hooks about so much of an error; what is longer ends elsewhere than in the transcript.
LONGEST_ERROR = 9_000
# Of what is longer the model may be shown a part.
LONGEST_TEXT = 10_000
PERSISTED = "<persisted-output>"
NUMBERED = re.compile(r"^ *\d+\t", re.M)


class Likeness:
    """`key` is that of the fingerprints, None where it is not at hand."""

    def __init__(self, reader: Reader | None, redactor: Redactor, key: bytes | None) -> None:
        self._reader = reader
        self._redactor = redactor
        self._key = key

    def clean(self, value: Any) -> Any:
        return self._redactor.value(value)

    def of_input(self, asked: Asked, row: Row) -> bool | None:
        if asked.tool != row["tool_name"]:
            return False
        if self._key is not None and input_hash(self._key, asked.input) == row["input_hash"]:
            return True
        given = self.clean(asked.input)
        if _digest(given) == row["input"]:
            return True
        kept = self.kept(row["input"])
        return None if kept is None else _alike_inputs(given, kept)

    def of_result(self, told: Told, row: Row) -> bool | None:
        if told.ran != RAN or row["status"] == REPLAYED or row["replay"] or row["closed_by"] not in HEARD:
            return None
        if row["output"] is not None:
            return self._of_output(told, row)
        return self._of_error(told, row["error"]) if row["error"] is not None else None

    def kept(self, digest: str) -> Any:
        """None where it was let go, lost or damaged."""
        row = None if self._reader is None else self._reader.one("blob_up_to", digest=digest, most=2**62)
        found = None if row is None else resolved(digest, row["size"], row["bytes"])
        return None if isinstance(found, Mark) else found

    def _of_output(self, told: Told, row: Row) -> bool | None:
        if told.is_error:
            return False
        response, text = self.clean(told.response), self.clean(told.content)
        if told.response is None:
            kept = self.kept(row["output"])
            return None if kept is None else alike_texts(row["tool_name"], text, kept)
        if alike_texts(row["tool_name"], text, response) is False:
            return False
        if _digest(response) == row["output"]:
            return True
        kept = self.kept(row["output"])
        return None if kept is None else _alike_outputs(response, kept)

    def _of_error(self, told: Told, digest: str) -> bool | None:
        kept, said = self.kept(digest), self.clean(text_of(told.content))
        if not isinstance(kept, str) or len(kept) > LONGEST_ERROR or not told.is_error:
            return None
        # The client may add advice behind the tool's own words.
        return True if str(said).startswith(kept.strip()) else _unless_redacted(kept, said)


def _digest(value: Any) -> str:
    return sha256(dumps(value).encode())


def _unless_redacted(*values: Any) -> bool | None:
    return None if any(REDACTED in dumps(value) for value in values) else False


def _alike_inputs(given: Any, kept: Any) -> bool | None:
    """The client fills in fields for its hooks that stand in no transcript, or leaves some out."""
    if not isinstance(given, dict) or not isinstance(kept, dict):
        return _unless_redacted(given, kept)
    shared = given.keys() & kept.keys()
    differing = [name for name in shared if given[name] != kept[name]]
    if differing:
        return _unless_redacted(*(value[name] for name in differing for value in (given, kept)))
    return bool(shared) and (given.keys() <= kept.keys() or kept.keys() <= given.keys())


def _alike_outputs(response: Any, kept: Any) -> bool | None:
    """Hooks are given the beginning of what a command printed, and the name of the file that holds the rest."""
    if isinstance(response, dict) and isinstance(kept, dict) and "persistedOutputPath" in (response | kept):
        one, other = sorted((str(response.get("stdout")), str(kept.get("stdout"))), key=len)
        if other.startswith(one.rstrip("\n")):
            return True
    return _unless_redacted(response, kept)


def alike_texts(tool: str, content: Any, kept: Any) -> bool | None:
    """What the model reads is made from the answer. How, is known for these tools; a sub-agent's transcript keeps
    nothing else."""
    said = text_of(content)
    if len(said) > LONGEST_TEXT:
        return None
    if tool.startswith("mcp__"):
        return True if said.strip() == text_of(kept).strip() else _unless_redacted(said, kept)
    if tool == "Bash" and not said.startswith(PERSISTED):
        return True if said.strip().startswith(text_of(kept).strip()) else _unless_redacted(said, kept)
    if tool == "Read" and NUMBERED.match(said):
        return _alike_files(said, kept)
    return None


def _alike_files(said: str, kept: Any) -> bool | None:
    file = kept.get("file") if isinstance(kept, dict) else None
    if not isinstance(file, dict) or not isinstance(file.get("content"), str):
        return None
    shown = NUMBERED.sub("", said)
    return True if shown.startswith(file["content"].rstrip("\n")) else _unless_redacted(said, kept)
