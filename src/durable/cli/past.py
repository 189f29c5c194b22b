"""A run as it stood at a moment: made anew in memory from what had happened by then."""

from __future__ import annotations

import re

from durable.cli.when import moment, since_stamp
from durable.clock import now
from durable.errors import UsageError
from durable.ledger.replica import Replica
from durable.view import short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.ledger.reading import Reader
    from durable.view import Row

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Moment:
    """`at` is the time of it, `event` the run's last event by then."""

    __slots__ = ("asked", "at", "event")

    def __init__(self, asked: str, at: str, event: Row) -> None:
        self.asked = asked
        self.at = at
        self.event = event

    def words(self) -> str:
        told = f"event {self.event['seq']} ({self.event['type']}), {moment(self.event['at'])}"
        exactly = self.asked == f"event {self.event['seq']}"
        return f"as it was after {told}" if exactly else f"as it was at {self.asked}: after {told}"

    def json(self) -> Row:
        return {name: self.event[name] for name in ("seq", "type", "at")}


def moment_of(reader: Reader, run_id: str, word: str) -> Moment:
    """`word` is the number of an event of the ledger, or a time: local unless it ends in Z."""
    numbered = word.isascii() and word.isdigit()
    return _at_event(reader, run_id, int(word)) if numbered else _at_time(reader, run_id, word)


def as_it_was(reader: Reader, run_id: str, moment: Moment) -> Replica:
    events = reader.each("events_of_run_until", run_id=run_id, seq=moment.event["seq"])
    return Replica(f"run {run_id}, {moment.words()}", events, beside=reader)


def _at_event(reader: Reader, run_id: str, seq: int) -> Moment:
    last = (reader.one("last_event") or {"seq": 0})["seq"]
    if seq > last:
        raise UsageError(f"there is no event {seq} yet: the last one is {last}", _choice(reader, run_id))
    event = reader.one("event_of_run_until", run_id=run_id, seq=seq)
    if event is None:
        raise UsageError(f"run {short_id(run_id)} had not begun at event {seq}", _choice(reader, run_id))
    return Moment(f"event {seq}", event["at"], event)


def _at_time(reader: Reader, run_id: str, word: str) -> Moment:
    at = _stamp(word)
    if at > now():
        raise UsageError(f"{word} has not come yet", _choice(reader, run_id))
    event = reader.one("event_of_run_by", run_id=run_id, at=at)
    if event is None:
        raise UsageError(f"run {short_id(run_id)} had not begun at {moment(at)}", _choice(reader, run_id))
    return Moment(moment(at), at, event)


def _stamp(word: str) -> str:
    if STAMP.fullmatch(word):
        return word
    try:
        return since_stamp(word)
    except (UsageError, OverflowError):
        raise UsageError(
            f"{word!r} is no moment", "give the number of an event, or a time as 2026-01-31T12:00"
        ) from None


def _choice(reader: Reader, run_id: str) -> str:
    span = reader.one("span_of_run", run_id=run_id) or {}
    return f"its events are {span['first']} ({moment(span['began'])}) to {span['last']} ({moment(span['ended'])})"
