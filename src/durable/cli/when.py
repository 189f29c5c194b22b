"""Times and spans as a person writes and reads them: local, and in few words."""

from __future__ import annotations

import time

from durable.clock import nanoseconds, stamp
from durable.errors import UsageError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MINUTES: dict[str, tuple[str, str]] = {}
FORMS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")


def seconds_in(text: str) -> int:
    """`30s`, `10m`, `1h`, `2d`. UsageError for anything else."""
    digits, unit = text[:-1], text[-1:]
    if unit not in UNITS or not (digits.isascii() and digits.isdigit()) or len(digits) > 9 or int(digits) == 0:
        raise UsageError(f"{text!r} is no span of time", "write 30s, 10m, 1h or 2d")
    return int(digits) * UNITS[unit]


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


# ---- for people -------------------------------------------------------------------------------


def clock(stamp: str | None, today: str = "") -> str:
    """Local time of day, with its date unless that is `today` (a local date)."""
    if not stamp:
        return ""
    day, minute = _minute(stamp[:16])
    return f"{'' if day == today else day[5:] + ' '}{minute}:{stamp[17:19]}"


def _minute(stamp: str) -> tuple[str, str]:
    """A long list has many times in few minutes, and no zone is off by seconds."""
    if stamp not in _MINUTES:
        moment = time.localtime(nanoseconds(stamp + ":00Z") // 1_000_000_000)
        _MINUTES[stamp] = (time.strftime("%Y-%m-%d", moment), time.strftime("%H:%M", moment))
    return _MINUTES[stamp]


def moment(stamp: str | None) -> str:
    """Local date and time with its zone."""
    if not stamp:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(nanoseconds(stamp) // 1_000_000_000))


def local_day(stamp: str) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(nanoseconds(stamp) // 1_000_000_000))


def since(stamp: str, now_ns: int) -> float:
    return (now_ns - nanoseconds(stamp)) / 1_000_000_000
