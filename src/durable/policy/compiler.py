"""A policy file's text → its plain fields, or a PolicyError that names file, line and field.

Imports tomllib and re, so it runs only when a file has changed; files.py keeps the result.
"""

from __future__ import annotations

import tomllib

from durable.errors import PolicyError
from durable.policy.fields import NOTIFY, REDACT, RETENTION, RULE, RUN, TOP, normal, wrong_rule, wrong_sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from durable.policy.fields import Check

    Path = tuple[str | int, ...]
    Whole = Callable[[dict[str, Any]], tuple[str, str] | None]


def compile_text(text: str, path: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path} is no valid TOML ({error})", "mend that line") from None
    except RecursionError:
        raise PolicyError(f"{path} is nested too deeply", "make it a plain list of tables") from None
    return _Reader(text, path).read(document)


class _Reader:
    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path

    def read(self, document: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in document.items():
            read = TABLES.get(name)
            if read is None:
                self.field((name,), value, TOP.get(name))
                found[name] = value
            else:
                found[name] = read(self, name, value)
        return found

    def table(self, path: Path, given: Any, fields: dict[str, Check], whole: Whole | None = None) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise self.error(path, "must be a table")
        for name, value in given.items():
            self.field((*path, name), value, fields.get(name))
        wrong = whole(given) if whole is not None else None
        if wrong:
            raise self.error((*path, wrong[0]), wrong[1])
        return normal(given)

    def field(self, path: Path, value: Any, check: Check | None) -> None:
        if check is None:
            raise self.error(path, "is no field of a policy")
        wrong = check(value)
        if wrong:
            raise self.error(path, wrong)

    def error(self, path: Path, wrong: str) -> PolicyError:
        from durable.policy.located import line_of, spelled

        return PolicyError(f"{self.path}, line {line_of(self.text, path)}: {spelled(path)} {wrong}", "mend that line")


def _redact(reader: _Reader, name: str, value: Any) -> dict[str, Any]:
    return reader.table((name,), value, REDACT)


def _run(reader: _Reader, name: str, value: Any) -> dict[str, Any]:
    return reader.table((name,), value, RUN)


def _retention(reader: _Reader, name: str, value: Any) -> dict[str, Any]:
    return reader.table((name,), value, RETENTION)


def _rules(reader: _Reader, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise reader.error((name,), "must be a table")
    for rule in value:
        if not rule.strip() or not rule.isprintable():
            raise reader.error((name, rule), "is no name for a rule")
    return {rule: reader.table((name, rule), given, RULE, wrong_rule) for rule, given in value.items()}


def _notify(reader: _Reader, name: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise reader.error((name,), f"must be written [[{name}]]")
    return [reader.table((name, at), sink, NOTIFY, wrong_sink) for at, sink in enumerate(value)]


TABLES: dict[str, Callable[[_Reader, str, Any], Any]] = {
    "redact": _redact,
    "run": _run,
    "retention": _retention,
    "rules": _rules,
    "notify": _notify,
}
