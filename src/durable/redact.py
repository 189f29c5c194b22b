"""Secrets out of whatever is about to be written: inputs, outputs, errors, log lines.

Nearly every text holds no secret, and a hook has no milliseconds to spare: `redaction/smell.py` looks for plain
substrings first, and only a text that smells loads the patterns (and with them `re`). Findings are spans
over the original text, merged before anything is replaced, so that two patterns that hit the same place
can't corrupt what stands beside them.
"""

from __future__ import annotations

from durable.errors import PolicyError
from durable.redaction.names import is_name, is_plain, looks_encoded, secret_kind
from durable.redaction.smell import lower_same_length, smells

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator
    from typing import Any

    from durable.policy.policy import Policy
    from durable.redaction.patterns import Span

OWN_KIND = "custom"
SMALLEST_NUMBER = 1000
PASSES = 16
WITHHELD = "[withheld: the redaction policy can't be read]"


class Redactor:
    """Puts `[redacted:KIND]` for each secret and leaves the rest to the letter; twice is the same as once.

    `found` counts the replacements by kind; it never holds a secret.
    """

    __slots__ = ("_enabled", "_names", "_own", "_quiet", "_withhold", "found")

    def __init__(self, patterns: tuple[str, ...] = (), enabled: bool = True, withhold: bool = False) -> None:
        self.found: dict[str, int] = {}
        self._enabled = enabled
        self._names: dict[str, str] = {}
        self._quiet = False
        self._withhold = withhold
        self._own = [_compile(source) for source in patterns]

    @classmethod
    def of(cls, policy: Policy) -> Redactor:
        return cls(policy.redact_patterns, policy.redact, withhold=policy.blind)

    def text(self, text: str) -> str:
        if self._withhold:
            return text and WITHHELD
        if not self._enabled:
            return text
        # One finding can bare another: a token that was glued to the secret before it.
        for _ in range(PASSES):
            spans = self._spans(text)
            if not spans:
                break
            text = self._replace(text, spans)
        return text

    def for_our_words(self) -> Redactor:
        """Our own sentences hold no payload to withhold, and a deny that can't be read helps nobody."""
        return Redactor() if self._withhold else self

    def value(self, value: object) -> object:
        """A copy of the same shape. No recursion: a payload may be nested deeper than the stack is."""
        if self._withhold:
            return _withheld(value)
        if not self._enabled:
            return value
        self._quiet = not self._own and _is_quiet(value)
        root: list[Any] = [value]
        todo: list[tuple[Any, Any, str]] = [(root, 0, "")]
        while todo:
            box, slot, label = todo.pop()
            item = box[slot]
            if isinstance(item, str):
                box[slot] = self._labelled(item, label) if label else self._inner(item)
            elif isinstance(item, dict):
                box[slot] = entries = self._with_clean_keys(item)
                todo.extend(_slots(entries, entries, self._key_labels(item)))
            elif isinstance(item, list):
                box[slot] = items = list(item)
                todo.extend(_slots(items, range(len(items)), self._item_labels(item, label)))
            elif label == "password" and _is_numeric_password(item):
                box[slot] = self._count(label)
        return root[0]

    def _inner(self, text: str) -> str:
        return text if self._quiet else self.text(text)

    def _labelled(self, text: str, label: str) -> str:
        if label == "cookie":
            return self._cookies(text)
        if is_plain(text) or is_name(text, label) or (label == "auth" and not looks_encoded(text)):
            return self._inner(text)
        return self._count(label)

    def _cookies(self, text: str) -> str:
        from durable.redaction.commands import cookie_pairs

        spans = list(cookie_pairs(text, 0, len(text)))
        return self.text(self._replace(text, _merge(_spared(text, spans))))

    def _with_clean_keys(self, item: dict[str, Any]) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        for key, inner in item.items():
            clean = self._inner(key)
            while clean in copy:  # two secrets of one kind as keys: neither entry may be lost
                clean += "~"
            copy[clean] = inner
        return copy

    def _key_labels(self, item: dict[str, Any]) -> Iterator[str]:
        named = item.get("name", item.get("key")) if "value" in item else None
        for key in item:
            if key == "value" and isinstance(named, str):
                yield self._label(named)
            elif key == "pass" and ("user" in item or "username" in item):
                yield "password"
            else:
                yield self._label(key)

    def _item_labels(self, items: list[Any], label: str) -> Iterator[str]:
        """`["--password", "x"]`: in a list of arguments the one before names the secret."""
        before = ""
        for item in items:
            is_text = isinstance(item, str)
            follows = before.startswith("-") and is_text and not item.startswith("-")
            yield label or (self._label(before.lstrip("-")) if follows else "")
            before = item if is_text and len(item) < 80 else ""

    def _label(self, name: str) -> str:
        label = self._names.get(name)
        if label is None:
            label = "cookie" if name.lower() in ("cookie", "set-cookie") else secret_kind(name)
            self._names[name] = label
        return label

    def _count(self, kind: str) -> str:
        self.found[kind] = self.found.get(kind, 0) + 1
        return f"[redacted:{kind}]"

    def _spans(self, text: str) -> list[Span]:
        lowered = lower_same_length(text)
        smelled = smells(text, lowered)
        if not smelled and not self._own:
            return []
        spans = list(_found_by(smelled, text, lowered)) if smelled else []
        for own in self._own:
            spans.extend((*match.span(), OWN_KIND, 1) for match in own.finditer(text))
        return _merge(_spared(text, spans))

    def _replace(self, text: str, spans: list[Span]) -> str:
        parts: list[str] = []
        done = 0
        for start, end, kind, _rank in spans:
            parts += (text[done:start], self._count(kind))
            done = end
        return "".join((*parts, text[done:]))


# Without these a receipt that waits in the spool could not be told whose it is.
_OF_THE_CALL = frozenset(("session_id", "tool_use_id", "hook_event_name", "tool_name", "agent_id", "prompt_id"))


def _withheld(value: object) -> object:
    root: list[Any] = [value]
    todo: list[tuple[Any, Any]] = [(root, 0)]
    while todo:
        box, slot = todo.pop()
        item = box[slot]
        if isinstance(item, str):
            box[slot] = item and WITHHELD
        elif isinstance(item, dict):
            box[slot] = copy = {key if key.isidentifier() else WITHHELD: inner for key, inner in item.items()}
            todo.extend((copy, key) for key in copy if item is not value or key not in _OF_THE_CALL)
        elif isinstance(item, list):
            box[slot] = items = list(item)
            todo.extend((items, number) for number in range(len(items)))
    return root[0]


def _is_quiet(value: object) -> bool:
    """All texts of a payload are smelled at once: one search instead of one for each of a hundred strings."""
    texts: list[str] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict):
            texts.extend(item)
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    joined = "\n".join(texts)
    return not smells(joined, lower_same_length(joined))


def _slots(box: Any, slots: Iterable[Any], labels: Iterator[str]) -> Iterator[tuple[Any, Any, str]]:
    for slot, label in zip(slots, labels, strict=True):
        yield box, slot, label


def _compile(source: str) -> re.Pattern[str]:
    from durable.redaction.patterns import PatternFault, own_pattern

    try:
        return own_pattern(source)
    except PatternFault as fault:
        raise PolicyError(
            f"the redaction pattern {source!r} is not a regular expression ({fault})", "correct it in the policy file"
        ) from None


def _found_by(smelled: dict[str, list[str]], text: str, lowered: str) -> Iterator[Span]:
    from durable.redaction import finders

    for smell, anchors in smelled.items():
        yield from finders.find(smell, anchors, text, lowered)


def _is_numeric_password(item: object) -> bool:
    return isinstance(item, int) and abs(item) >= SMALLEST_NUMBER


def _spared(text: str, spans: list[Span]) -> Iterator[Span]:
    """Without the placeholders that stand in the text already."""
    if "[redacted:" not in text:
        yield from spans
        return
    from durable.redaction.patterns import PLACEHOLDER, pattern

    holes = [match.span() for match in pattern(PLACEHOLDER).finditer(text)]
    yield from _without(sorted(spans), holes)


def _without(spans: list[Span], holes: list[tuple[int, int]]) -> Iterator[Span]:
    first = 0
    for start, end, kind, rank in spans:
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        at = first
        while at < len(holes) and holes[at][0] < end:
            if start < holes[at][0]:
                yield start, holes[at][0], kind, rank
            start = max(start, holes[at][1])
            at += 1
        if start < end:
            yield start, end, kind, rank


def _merge(spans: Iterator[Span]) -> list[Span]:
    """Overlapping spans become one; the one that knows best names it."""
    merged: list[Span] = []
    for start, end, kind, rank in sorted(spans):
        if end <= start:
            continue
        if merged and start < merged[-1][1]:
            last_start, last_end, last_kind, last_rank = merged[-1]
            best_kind, best_rank = (kind, rank) if rank < last_rank else (last_kind, last_rank)
            merged[-1] = (last_start, max(end, last_end), best_kind, best_rank)
        else:
            merged.append((start, end, kind, rank))
    return merged
