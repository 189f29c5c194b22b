"""The policy file as pydantic models: every fault at once, for `durable policy check`. Never on the hook path.

Written apart from the reader in compiler.py that the hooks use; a test holds both to one answer.
"""

from __future__ import annotations

import re
import tomllib
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from durable.policy.located import line_of, spelled
from durable.policy.patterns import parse
from durable.policy.rule import MEANS_ONCE

CENTURY_S = 100 * 365 * 86_400
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Fault:
    __slots__ = ("field", "line", "said")

    def __init__(self, line: int, field: str, said: str) -> None:
        self.line = line
        self.field = field
        self.said = said


def faults_of(text: str) -> list[Fault]:
    """Everything wrong with a policy file, in the order of its lines."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"line (\d+)", str(error))
        return [Fault(int(found[1]) if found else 1, "", f"this is no valid TOML ({error})")]
    try:
        PolicyFile.model_validate(document)
    except ValidationError as error:
        faults = [_fault(text, document, one["loc"], one["type"], one["msg"]) for one in error.errors()]
        seen = {(fault.line, fault.field): fault for fault in reversed(faults)}
        return sorted(seen.values(), key=lambda fault: (fault.line, fault.field))
    return []


def _fault(text: str, document: Any, location: tuple[str | int, ...], kind: str, said: str) -> Fault:
    path = _within(document, location)
    if kind == "extra_forbidden":
        said = "is no field of a policy"
    return Fault(line_of(text, path), spelled(path), said.removeprefix("Value error, "))


def _within(document: Any, location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Without the names of variants that pydantic adds, and without places in a list of values."""
    path: list[str | int] = []
    for part in location:
        held = _held(document, part)
        if held is not None:
            document = held
        elif part == location[-1] and isinstance(document, dict):
            document = None
        else:
            break
        path.append(part)
    return tuple(path)


def _held(document: Any, part: str | int) -> Any:
    if isinstance(document, dict):
        return document.get(part)
    if isinstance(document, list) and isinstance(part, int) and isinstance(document[part], dict):
        return document[part]
    return None


# ---- values -----------------------------------------------------------------------------------


def _seconds(value: Any) -> float:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}[smhd]", value):
        value = int(value[:-1]) * UNIT_S[value[-1]]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= CENTURY_S:
        raise ValueError('must be a span like "90s", "10m", "24h", "7d", or seconds')
    return float(value)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _pattern(value: str) -> str:
    try:
        parse(value)
    except ValueError as error:
        raise ValueError(f"holds {value!r}, which {error}") from None
    return value


def _regex(value: str) -> str:
    try:
        found = re.compile(value).search("")
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"holds {value!r}, no valid regular expression ({error})") from None
    if found is not None:
        raise ValueError(f"holds {value!r}, which matches the empty text")
    return value


def _output(value: str) -> str:
    if len(value) > 2 and value.startswith("/") and value.endswith("/"):
        _regex(value[1:-1])
    return value


def _text(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("must be a text that is not empty")
    return value


def _path(value: str) -> str:
    if not re.match(r"~?/", value):
        raise ValueError("must be a path that begins with / or ~/")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("is no name for a rule")
    return value


Text = Annotated[str, AfterValidator(_text)]
Texts = Annotated[list[Text], Field(min_length=1)]
Patterns = Annotated[list[Annotated[str, AfterValidator(_pattern)]], Field(min_length=1), BeforeValidator(_listed)]
Regexes = list[Annotated[str, AfterValidator(_regex)]]
Outputs = Annotated[list[Annotated[Text, AfterValidator(_output)]], Field(min_length=1), BeforeValidator(_listed)]
Exits = Annotated[list[Annotated[int, Field(ge=1, le=255)]], Field(min_length=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Days = Annotated[int, Field(ge=1, le=36_500)] | Literal["forever"]
Span = Annotated[float, BeforeValidator(_seconds)]
Lasting = Annotated[Span, Field(gt=0)]
Event = Literal["denied", "duplicate", "in_doubt", "succeeded", "failed", "ask", "defer"]


# ---- tables -----------------------------------------------------------------------------------


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class RuleTable(_Table):
    match: Patterns
    unless: Patterns | None = None
    unsandboxed: bool | None = None
    effect: Literal["read", "repeatable", "once"] | None = None
    scope: Literal["run", "project", "global"] | None = None
    key: Texts | None = None
    ignore: Texts | None = None
    max: Count | None = None
    ttl: Lasting | None = None
    on_duplicate: Literal["allow", "replay", "ask", "deny"] | None = None
    gate: Literal["ask", "deny"] | None = None
    calls: Count | None = None
    probe: Text | None = None
    probe_timeout: Lasting | None = None
    settle: Span | None = None
    no_effect_exits: Exits | None = None
    no_effect_output: Outputs | None = None
    on_resume: Literal["agent", "replay", "verify"] | None = None
    inject: Text | None = None
    evidence: Literal["public", "sealed"] | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        given = [name for name in MEANS_ONCE if name in self.model_fields_set]
        if given and self.effect not in (None, "once"):
            raise ValueError(f"{given[0]} says how a 'once' call is treated, and effect is {self.effect!r}")
        for name in ("calls", "on_resume", "evidence"):
            if name in self.model_fields_set and not self.effect and not given:
                raise ValueError(f"{name} needs an effect beside it")
        if self.key is not None and self.ignore is not None:
            raise ValueError("ignore can't stand beside key, which already says what counts")
        if self.unsandboxed is not None and not all(item.strip().partition("(")[0] == "Bash" for item in self.match):
            raise ValueError("unsandboxed works for Bash alone")
        if self.inject and not all(pattern.strip().startswith("mcp__") for pattern in self.match):
            raise ValueError("inject works for MCP tools alone")
        return self


class RunTable(_Table):
    tool_calls: Count | None = None
    tokens: Count | None = None
    wall_clock: Lasting | None = None
    max_recoveries: Count | None = None


class RetentionTable(_Table):
    public_days: Days | None = None
    sealed_days: Days | None = None
    read_days: Days | None = None


class NotifyTable(_Table):
    on: Annotated[list[Event], Field(min_length=1)]
    command: Text | None = None
    jsonl: Annotated[Text, AfterValidator(_path)] | None = None

    @model_validator(mode="after")
    def _goes_one_way(self) -> Self:
        if (self.command is None) == (self.jsonl is None):
            raise ValueError("give command or jsonl, one of them")
        return self


class RedactTable(_Table):
    enabled: bool | None = None
    patterns: Regexes | None = None


class PolicyFile(_Table):
    mode: Literal["enforce", "observe"] | None = None
    allow_project: Texts | None = None
    redact: RedactTable | None = None
    run: RunTable | None = None
    retention: RetentionTable | None = None
    rules: dict[Annotated[Text, AfterValidator(_printable)], RuleTable] | None = None
    notify: list[NotifyTable] | None = None
