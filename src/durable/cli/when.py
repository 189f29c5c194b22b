"""A point in time as a person writes it: a span that ends now, or a local date."""

from __future__ import annotations

import time

from durable.clock import stamp
from durable.errors import UsageError
from durable.view import UNITS, seconds_in

FORMS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")


def since_stamp(text: str) -> str:
    """In the ledger's form, to be compared with its times; empty for an empty text. Local unless it ends in Z."""
    if not text:
        return ""
    if text[-1] in UNITS and text[:-1].isdigit():
        return stamp(time.time_ns() - seconds_in(text) * 1_000_000_000)
    for form in FORMS:
        try:
            parsed = time.strptime(text.removesuffix("Z"), form)
        except ValueError:
            continue
        return stamp(_seconds(parsed, utc=text.endswith("Z")) * 1_000_000_000)
    raise UsageError(f"{text!r} is no time", "write 30m, 2h, 7d, 2026-01-31 or 2026-01-31T14:00")


def _seconds(parsed: time.struct_time, utc: bool) -> int:
    if utc:
        import calendar

        return calendar.timegm(parsed)
    return int(time.mktime(parsed))
