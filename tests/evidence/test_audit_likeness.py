"""What the model reads of an answer, by tool: alike, not alike, or nothing to be said."""

import pytest

from durable.evidence.auditing.likeness import LONGEST_TEXT, Likeness, alike_texts
from durable.evidence.auditing.trace import RAN, Told
from durable.native import dumps, sha256
from durable.redact import Redactor

SHELL = {"stdout": "hi", "stderr": ""}
FILE = {"type": "text", "file": {"content": "one\ntwo\n", "startLine": 1}}
PARTS = [{"type": "text", "text": "sent"}]


@pytest.mark.parametrize(
    ("tool", "content", "kept", "alike"),
    [
        ("Bash", "hi", SHELL, True),
        ("Bash", "hi\nShell cwd was reset", SHELL, True),
        ("Bash", "ho", SHELL, False),
        ("Bash", "(Bash completed with no output)", {"stdout": "", "stderr": ""}, True),
        ("Bash", "<persisted-output>\nOutput too large", SHELL, None),
        ("Bash", "x" * (LONGEST_TEXT + 1), SHELL, None),
        ("Bash", "[redacted:token]", SHELL, None),
        ("Read", "1\tone\n2\ttwo\n3\t", FILE, True),
        ("Read", "1\tone\n2\tthree\n3\t", FILE, False),
        ("Read", "the file is empty", FILE, None),
        ("Read", "1\tone", {"type": "image"}, None),
        ("mcp__lab__send", PARTS, PARTS, True),
        ("mcp__lab__send", "sent", PARTS, True),
        ("mcp__lab__send", "sent twice", PARTS, False),
        ("Write", "File created", {"type": "create"}, None),
    ],
)
def test_a_text_follows_from_its_answer_or_nothing_is_said(tool, content, kept, alike):
    assert alike_texts(tool, content, kept) is alike


class Kept:
    """Contents by their digests."""

    def __init__(self, *values):
        self.contents = {sha256(dumps(value).encode()): dumps(value).encode() for value in values}

    def one(self, query, digest, most):
        found = self.contents.get(digest)
        return None if found is None else {"size": len(found), "bytes": found}


def said(response, content="", is_error=False):
    return Told("toolu_1", RAN, "", is_error, content, response, "", "")


def of_result(told, kept, column="output", **row):
    digest = sha256(dumps(kept).encode())
    base = {"status": "succeeded", "replay": None, "closed_by": "PostToolUse", "tool_name": "Write"}
    whole = {**base, "output": None, "error": None, column: digest, **row}
    return Likeness(Kept(kept), Redactor(), None).of_result(told, whole)


def test_the_answer_is_compared_to_the_letter():
    assert of_result(said({"a": 1}), {"a": 1}) is True
    assert of_result(said({"a": 2}), {"a": 1}) is False
    assert of_result(said({"a": "[redacted:x]"}), {"a": 1}) is None
    assert of_result(said({"a": 1}, is_error=True), {"a": 1}) is False


def test_the_beginning_of_a_long_output_is_that_output():
    long = {"stdout": "x" * 50, "persistedOutputPath": "/tmp/out"}
    assert of_result(said({**long, "stdout": "x" * 99}), long) is True
    assert of_result(said({**long, "stdout": "y" * 99}), long) is False


def test_what_others_tell_of_an_end_is_not_compared():
    assert of_result(said({"a": 2}), {"a": 1}, closed_by="notification") is None
    assert of_result(said({"a": 2}), {"a": 1}, replay="hash") is None
    assert of_result(said({"a": 2}), {"a": 1}, status="replayed") is None


def test_an_error_begins_as_it_was_recorded():
    row = {"column": "error", "status": "failed", "closed_by": "PostToolUseFailure"}
    assert of_result(said(None, "no such file\n\nSome advice", is_error=True), "no such file", **row) is True
    assert of_result(said(None, "another", is_error=True), "no such file", **row) is False
    assert of_result(said(None, "another"), "no such file", **row) is None
