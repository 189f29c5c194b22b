"""A policy file's text → its plain fields, or a PolicyError that names file, line and field.

Imports tomllib and re, so it runs only when a file has changed; files.py keeps the result.
"""

from __future__ import annotations

import re
import tomllib

from durable.errors import PolicyError
from durable.policy.policy import ENFORCE, OBSERVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def compile_text(text: str, path: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path} is no valid TOML ({error})", "mend that line") from None
    reader = _Reader(text, path)
    reader.table(document, FIELDS, "")
    return document


def _mode(value: Any) -> str | None:
    return None if value in (ENFORCE, OBSERVE) else f"must be {ENFORCE!r} or {OBSERVE!r}"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _patterns(value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return "must be a list of regular expressions"
    for item in value:
        try:
            matches_nothing = re.compile(item).search("") is not None
        except re.error as error:
            return f"holds {item!r}, no valid regular expression ({error})"
        if matches_nothing:
            return f"holds {item!r}, which matches the empty text"
    return None


Fields = dict[str, "Callable[[Any], str | None] | Fields"]
FIELDS: Fields = {"mode": _mode, "redact": {"enabled": _flag, "patterns": _patterns}}


class _Reader:
    def __init__(self, text: str, path: str) -> None:
        self.lines = text.splitlines()
        self.path = path

    def table(self, given: dict[str, Any], fields: Fields, within: str) -> None:
        for name, value in given.items():
            self._field(name, value, fields.get(name), f"{within}{name}")

    def _field(self, name: str, value: Any, rule: Callable[[Any], str | None] | Fields | None, field: str) -> None:
        if rule is None:
            raise self._error(name, field, "is no field of a policy")
        if isinstance(rule, dict):
            if not isinstance(value, dict):
                raise self._error(name, field, "must be a table")
            self.table(value, rule, f"{field}.")
            return
        wrong = rule(value)
        if wrong:
            raise self._error(name, field, wrong)

    def _error(self, name: str, field: str, wrong: str) -> PolicyError:
        starts = re.compile(rf'\s*\[?\s*["\']?(?:[\w.]+\.)?{re.escape(name)}["\']?\s*[=\].]')
        line = next((number for number, text in enumerate(self.lines, 1) if starts.match(text)), 1)
        return PolicyError(f"{self.path}, line {line}: {field} {wrong}", "mend that line")
