"""The wall clock as the ledger writes it: ISO-8601 UTC with microseconds."""

from __future__ import annotations

import time

monotonic = time.monotonic


def now() -> str:
    return stamp(time.time_ns())


def stamp(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06d}Z"


def nanoseconds(stamp: str) -> int:
    """The inverse of `stamp`, to the microsecond. Also reads a transcript's milliseconds."""
    day, clock = stamp.removesuffix("Z").split("T")
    whole, _, fraction = clock.partition(".")
    year, month, date = (int(part) for part in day.split("-"))
    hour, minute, second = (int(part) for part in whole.split(":"))
    seconds = _days(year, month, date) * 86_400 + hour * 3600 + minute * 60 + second
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)


def _days(year: int, month: int, date: int) -> int:
    """Days since 1970-01-01, counting years from March so that a leap day comes last."""
    year, month = (year - 1, month + 9) if month < 3 else (year, month - 3)
    era, of_era = divmod(year, 400)
    of_year = (153 * month + 2) // 5 + date - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
