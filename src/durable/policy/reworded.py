"""Is a model trying one call again in other words? A hint for the person, never a reason to deny. Pure.

Three different calls of one tool within ten seconds look like one call reworded if most of their fields say the same
in all three. A command or a path alone never does: three commands in ten seconds are a day's work.
"""

from __future__ import annotations

from durable.clock import nanoseconds
from durable.fingerprint import canonical
from durable.native import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

WINDOW_S = 10
AT_LEAST = 3


def changed_fields(earlier: Iterable[tuple[str, Mapping[str, Any]]], at: str, given: Mapping[str, Any]) -> list[str]:
    """The fields that changed from try to try, sorted; [] if it looks like no rewording.

    `earlier` are calls of the same tool, (time, input); a field's value may as well be a digest of it.
    """
    now = _fields(given)
    since = nanoseconds(at) - WINDOW_S * 1_000_000_000
    recent = [_fields(fields) for then, fields in earlier if since <= nanoseconds(then) <= nanoseconds(at)]
    tries = [now]
    for other in recent:
        if other not in tries and _is_minority(_changed([now, other]), now | other):
            tries.append(other)
    changed = _changed(tries)
    names = {name for one in tries for name in one}
    return sorted(changed) if len(tries) >= AT_LEAST and _is_minority(changed, names) else []


def _fields(given: Mapping[str, Any]) -> dict[str, str]:
    """A field that is not there is one more value it can have."""
    return {name: dumps(canonical(value)) for name, value in given.items()}


def _changed(tries: list[dict[str, str]]) -> set[str]:
    names = {name for one in tries for name in one}
    return {name for name in names if len({one.get(name) for one in tries}) > 1}


def _is_minority(changed: set[str], names: Iterable[str]) -> bool:
    return 2 * len(changed) < len(set(names))
