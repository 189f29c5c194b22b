"""Every field of a policy file, each with its check: what is wrong with a value, or None. Pure.

`normal` turns what passed into what the hooks read: spans of time as seconds, single texts as lists.
"""

from __future__ import annotations

import re

from durable.policy.patterns import BASH, parse
from durable.policy.policy import DAYS, ENFORCE, FOREVER, MAX_RECOVERIES, OBSERVE, TOKENS, TOOL_CALLS, WALL_CLOCK
from durable.policy.rule import ASK, DENY, EFFECTS, EVIDENCE, MEANS_ONCE, ON_DUPLICATE, ON_RESUME, SCOPES
from durable.step import ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Check = Callable[[Any], str | None]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_S = 100 * 365 * 86_400
LARGEST = 1_000_000_000
MOST_DAYS = 36_500
EVENTS = ("denied", "duplicate", "in_doubt", "succeeded", "failed", "ask", "defer")


def one_of(*choices: str) -> Check:
    listed = f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
    return lambda value: None if isinstance(value, str) and value in choices else f"must be {listed}"


def flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def text(value: Any) -> str | None:
    fits = isinstance(value, str) and value.strip() and "\0" not in value
    return None if fits else "must be a text that is not empty"


def count(value: Any) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST
    return None if fits else f"must be a whole number from 1 to {LARGEST}"


def days(value: Any) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_DAYS
    return None if fits or value == FOREVER else f"must be a whole number of days from 1 to {MOST_DAYS}, or {FOREVER!r}"


def texts(value: Any) -> str | None:
    fits = isinstance(value, list) and value and not any(text(item) for item in value)
    return None if fits else "must be a list of texts, none of them empty"


def patterns(value: Any) -> str | None:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(item, str) for item in listed):
        return "must be a pattern like 'Bash(gh pr create *)', or a list of them"
    for item in listed:
        try:
            parse(item)
        except ValueError as error:
            return f"holds {item!r}, which {error}"
    return None


def regexes(value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return "must be a list of regular expressions"
    return next((wrong for item in value if (wrong := _regex(item, item))), None)


def outputs(value: Any) -> str | None:
    listed = [value] if isinstance(value, str) else value
    wrong = texts(listed)
    if wrong:
        return "must be a text, a /regular expression/, or a list of them"
    return next((wrong for item in listed if (wrong := _regex(item, regex_in(item)))), None)


def regex_in(item: str) -> str:
    """Of `/…/`; "" of a plain text."""
    return item[1:-1] if len(item) > 2 and item[0] == item[-1] == "/" else ""


def _regex(item: str, source: str) -> str | None:
    if source == "" and item != "":
        return None
    try:
        matches_nothing = re.compile(source).search("") is not None
    except (re.error, RecursionError, OverflowError) as error:
        return f"holds {item!r}, no valid regular expression ({error})"
    return f"holds {item!r}, which matches the empty text" if matches_nothing else None


def exits(value: Any) -> str | None:
    fits = isinstance(value, list) and all(type(item) is int and 1 <= item <= 255 for item in value)
    return None if fits and value else "must be a list of exit codes from 1 to 255"


def span(value: Any) -> str | None:
    return None if seconds_in(value) is not None else 'must be a span like "90s", "10m", "24h", "7d", or seconds'


def longer_than_nothing(value: Any) -> str | None:
    return span(value) or (None if seconds_in(value) else "must be longer than nothing")


def seconds_in(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # Also false for what TOML calls nan.
        return value if 0 <= value <= LONGEST_S else None
    if not isinstance(value, str) or value[-1:] not in UNITS:
        return None
    digits = value[:-1]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        return None
    seconds = int(digits) * UNITS[value[-1]]
    return seconds if seconds <= LONGEST_S else None


def events(value: Any) -> str | None:
    fits = isinstance(value, list) and value and all(isinstance(item, str) and item in EVENTS for item in value)
    return None if fits else f"must be a list of {', '.join(EVENTS)}"


def file(value: Any) -> str | None:
    return text(value) or (None if value.startswith(("/", "~/")) else "must be a path that begins with / or ~/")


# ---- the tables -------------------------------------------------------------------------------

RULE: dict[str, Check] = {
    "match": patterns,
    "unless": patterns,
    "unsandboxed": flag,
    "effect": one_of(*EFFECTS),
    "scope": one_of(*SCOPES),
    "key": texts,
    "ignore": texts,
    "max": count,
    "ttl": longer_than_nothing,
    "on_duplicate": one_of(*ON_DUPLICATE),
    "gate": one_of(ASK, DENY),
    "calls": count,
    "probe": text,
    "probe_timeout": longer_than_nothing,
    "settle": span,
    "no_effect_exits": exits,
    "no_effect_output": outputs,
    "on_resume": one_of(*ON_RESUME),
    "inject": text,
    "evidence": one_of(*EVIDENCE),
}
# What a built-in rule may say beside these.
OURS: dict[str, Check] = {"adds": texts, "when": text}
RUN: dict[str, Check] = {
    TOOL_CALLS: count,
    TOKENS: count,
    WALL_CLOCK: longer_than_nothing,
    MAX_RECOVERIES: count,
}
NOTIFY: dict[str, Check] = {"on": events, "command": text, "jsonl": file}
REDACT: dict[str, Check] = {"enabled": flag, "patterns": regexes}
RETENTION: dict[str, Check] = dict.fromkeys(DAYS, days)
TOP: dict[str, Check] = {"mode": one_of(ENFORCE, OBSERVE), "allow_project": texts}


def wrong_rule(rule: dict[str, Any]) -> tuple[str, str] | None:
    """(the field, what is wrong) of a rule whose fields are right one by one."""
    if "match" not in rule:
        return "match", "is missing: it says which calls the rule is about"
    effect = rule.get("effect")
    for name in MEANS_ONCE:
        if name in rule and effect not in (None, ONCE):
            return name, f"says how a {ONCE!r} call is treated, and effect is {effect!r}"
    for name in ("calls", "on_resume", "evidence"):
        if name in rule and effect is None and not any(once in rule for once in MEANS_ONCE):
            return name, "needs an effect beside it"
    if "key" in rule and "ignore" in rule:
        return "ignore", "can't stand beside key, which already says what counts"
    listed = [rule["match"]] if isinstance(rule["match"], str) else rule["match"]
    if "unsandboxed" in rule and not all(_is_bash(item) for item in listed):
        return "unsandboxed", "works for Bash alone"
    if "inject" in rule and not all(item.strip().startswith("mcp__") for item in listed):
        return "inject", "works for MCP tools alone"
    return None


def _is_bash(pattern: str) -> bool:
    return pattern.strip().partition("(")[0] == BASH


def wrong_sink(sink: dict[str, Any]) -> tuple[str, str] | None:
    if "on" not in sink:
        return "on", "is missing: it says which news are meant"
    if ("command" in sink) == ("jsonl" in sink):
        return "command", "and jsonl: give one of them"
    return None


# ---- what the hooks read ----------------------------------------------------------------------

SPANS = ("ttl", "settle", "probe_timeout", WALL_CLOCK)
LISTS = ("match", "unless", "no_effect_output")


def normal(table: dict[str, Any]) -> dict[str, Any]:
    found = dict(table)
    for name in SPANS:
        if name in found:
            found[name] = seconds_in(found[name])
    for name in LISTS:
        if isinstance(found.get(name), str):
            found[name] = [found[name]]
    return found
