"""One run by itself: its events, what they decide, and the head of the ledger that it stands in."""

from __future__ import annotations

import os
from functools import cached_property
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from durable.errors import DurableError, InputError
from durable.evidence.bundles.rows_of_run import named_contents
from durable.evidence.findings import FAIL, UNKNOWN, WARN, Finding
from durable.evidence.verifying import contents, naming, rows
from durable.evidence.verifying.acceptance import Accepted, accepted_in, accepts
from durable.evidence.verifying.events import Events
from durable.evidence.verifying.head import Stated, head_faults, key_faults, present_keys
from durable.evidence.verifying.saying import content_finding, missing_content, row_finding
from durable.evidence.verifying.shares import walked
from durable.evidence.verifying.verdict import UNREADABLE, judged
from durable.evidence.verifying.view import FAILURES, View
from durable.ledger import chain
from durable.ledger.database import translated
from durable.ledger.reading import Reader
from durable.ledger.walk import (
    CHANGED,
    MISPLACED,
    MISSING,
    NAMES_KEY,
    UNLINKED_IN_RUN,
    UNSEALED,
    Fault,
    own_fault,
)
from durable.native import dumps, loads, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from durable.evidence.verifying.rows import Difference, Scratch
    from durable.evidence.verifying.verdict import Verified

    Row = Mapping[str, Any]

# What a run's own events decide. Grants, messages, costs and the spool hang together with other runs: --all.
_TABLES = ("runs", "sessions", "owners", "steps", "claims", "leases", "jobs", "notes")
# A session and its owner can go on from one run to another.
_WANDERING = frozenset(("sessions", "owners"))
_FIELDS = ("seq", "run_id", "subject", "type", "at", "body")


def verify_one_run(reader: Reader, run_id: str, keys: Mapping[str, bytes]) -> Verified:
    run = _Run(reader, run_id, keys)
    try:
        run.look()
    except DurableError as error:
        run.findings.append(Finding(UNKNOWN, UNREADABLE, f"not all could be read: {error}"))
    return judged(run.findings, run.counted, run.events[-1]["hash"] if run.events else "")


class _Run:
    def __init__(self, reader: Reader, run_id: str, keys: Mapping[str, bytes]) -> None:
        self.reader = reader
        self.run_id = run_id
        self.keys = keys
        self.events: Sequence[Row] = []
        self.findings: list[Finding] = []
        self.counted: dict[str, int] = {}

    def look(self) -> None:
        self.events = self.reader.all("events_of_run", run_id=self.run_id)
        if not self.events:
            self.findings.append(
                Finding(UNKNOWN, "no_events", "no event speaks of this run: nothing can be told of it")
            )
            return
        schedule = list(_key_schedule(self.reader.each("events_naming_keys")))
        faults, gaps = list(_event_faults(self.events, schedule, self.keys)), list(_gaps(self.events))
        faults = _merged(faults, self._faults_of_keys(schedule))
        if faults or gaps:
            self.findings += naming.named(faults, self.events[-1]["seq"], self._accepted, {})
            self.findings += [_gap(*gap, self._accepted.at(gap[2])) for gap in gaps]
        sealed = sum(_key_of(event["seq"], schedule) in self.keys for event in self.events)
        self.counted |= {"events": len(self.events), "sealed": sealed}
        self._look_at_rows()
        self._look_at_contents()
        self._look_at_ledger(schedule, len(self.events) - sealed)

    def _faults_of_keys(self, schedule: list[tuple[int, str]]) -> list[Fault]:
        """Of what says under which key the run was made. Where one took over since, it is the chain up to there that it
        vouches for: the MACs of before could be made by whoever has the old key, or can't be checked any more."""
        last = schedule[-1][0] if schedule else 0
        if last < self.events[0]["seq"]:
            row = self.reader.one("event_at", seq=last)
            return _own_faults(row, schedule[-1][1], self.keys) if row else []
        try:
            with View(self.reader.path) as view:
                return walked(view, self.keys, last, lambda done: None, end=last).found.faults
        except FAILURES as error:
            raise translated(error, self.reader.path) from None

    # ---- rows ---------------------------------------------------------------------------------------

    def _look_at_rows(self) -> None:
        found = list(self._differences(self.events))
        if any(one.table in _WANDERING for one in found):
            found = list(self._differences(self._with_those_of_its_sessions()))
        self.findings += [row_finding(one) for one in found]
        self.counted["row_faults"] = len(found)

    def _differences(self, events: Iterable[Row]) -> Iterator[Difference]:
        with TemporaryDirectory(prefix="durable-") as folder:
            scratch = rows.Scratch(folder)
            try:
                scratch.take_all((tuple(event[name] for name in _FIELDS) for event in events), lambda done: None)
                for table in _TABLES:
                    yield from self._compared(scratch, table)
            finally:
                scratch.close()

    def _compared(self, scratch: Scratch, table: str) -> Iterator[Difference]:
        columns, keys = scratch.columns(table)
        query = f"verified_{table}"
        theirs = (tuple(row.get(name) for name in columns) for row in self.reader.each(query, run_id=self.run_id))
        ours = scratch.ask(query, self.run_id)
        yield from rows.compared(table, columns, keys, theirs, ours)

    def _with_those_of_its_sessions(self) -> list[Row]:
        """A look through the whole ledger, and so only where it may explain a difference."""
        subjects = {event["subject"] for event in self.events if event["type"].startswith(("session.", "owner."))}
        subjects |= {row["session_id"] for row in self.reader.each("verified_sessions", run_id=self.run_id)}
        subjects |= {row["owner_id"] for row in self.reader.each("verified_owners", run_id=self.run_id)}
        others = self.reader.each("events_of_sessions_elsewhere", run_id=self.run_id)
        return sorted(
            [*self.events, *(row for row in others if row["subject"] in subjects)], key=lambda row: row["seq"]
        )

    # ---- contents -----------------------------------------------------------------------------------

    def _look_at_contents(self) -> None:
        wanted, kept = named_contents(self.events), set()
        for row in self.reader.each("blobs_up_to", digests=dumps(list(wanted)), most=2**62):
            kept.add(row["digest"])
            if not isinstance(row["bytes"], bytes) or sha256(row["bytes"]) != row["digest"]:
                self.findings.append(content_finding(contents.CHANGED, row["digest"]))
        gone = [(digest, event) for digest, event in wanted.items() if digest not in kept]
        expired = _expired(self.reader.each("events_of_run", run_id="")) if gone else set()
        lost = [(digest, event) for digest, event in gone if digest not in expired]
        latest = _last_naming(self.events) if lost else {}
        for digest, event in lost:
            by = self._accepted.content(digest, latest[digest])
            code, says, where = missing_content(digest, event)
            self.findings.append(Finding(WARN if by else FAIL, code, says + naming.acceptance(by), where))
        self.counted |= {"contents": len(wanted) - len(gone), "contents_expired": len(gone) - len(lost)}

    # ---- the ledger around it -----------------------------------------------------------------------

    def _look_at_ledger(self, schedule: list[tuple[int, str]], unsealed: int) -> None:
        home = os.path.dirname(self.reader.path)
        stated, present = Stated(home), present_keys(home)
        # Its own view, later than the head: what hooks wrote since ours began is no fault of the head's.
        with Reader(home) as now:
            meta = {row["name"]: row["value"] for row in now.all("meta")}
            wanted, last = str(meta.get("key_id", "")), now.one("last_event")
            known = self.keys if wanted in self.keys else {}
            here = str(meta.get("ledger_id"))
            self.findings += head_faults(
                stated, known, here, last["seq"] if last else 0, lambda seq: _hash_at(now, seq)
            )
            named = schedule[-1][1] if schedule else None
            self.findings += key_faults(wanted, named, self.keys, present | present_keys(home), unsealed)
            counts = now.one("extent_of_events") or {"events": 0, "last": 0}
        if (gone := counts["last"] - counts["events"]) > 0:
            says = f"{gone:,} events of the ledger are missing; durable verify --all says which"
            verdict = WARN if self._accepted.missing() else FAIL
            self.findings.append(Finding(verdict, "ledger_incomplete", says, {"events": gone}))

    @cached_property
    def _accepted(self) -> Accepted:
        """A walk along the whole chain, and so only where there are faults that may have been accepted: what stood
        around them counts as well."""
        if not any(accepts(row) for row in self.reader.each("events_of_run", run_id="")):
            return Accepted()
        try:
            with View(self.reader.path) as view:
                return accepted_in(view, Events(view, self.keys).take_all(lambda done: None))
        except FAILURES as error:
            raise translated(error, self.reader.path) from None


def _last_naming(events: Iterable[Row]) -> dict[str, int]:
    """By each content the number of the last event that names it."""
    return {digest: event["seq"] for event in events for digest in named_contents([event])}


def _hash_at(reader: Reader, seq: int) -> str | None:
    row = reader.one("event_at", seq=seq)
    return None if row is None else row["hash"]


def _event_faults(events: Iterable[Row], schedule: list[tuple[int, str]], keys: Mapping[str, bytes]) -> Iterator[Fault]:
    seq, run_seq, last = 0, 0, chain.START
    for event in events:
        yield from _own_faults(event, _key_of(event["seq"], schedule), keys)
        if event["run_seq"] == run_seq + 1 and event["run_prev"] != last:
            yield Fault(UNLINKED_IN_RUN, event["seq"], "")
        if event["seq"] <= seq:
            yield Fault(MISPLACED, event["seq"], "")
        seq, last = event["seq"], event["hash"]
        run_seq = event["run_seq"] if isinstance(event["run_seq"], int) else run_seq + 1


def _merged(faults: list[Fault], others: list[Fault]) -> list[Fault]:
    known = {(fault.code, fault.seq) for fault in faults}
    return sorted([*faults, *(one for one in others if (one.code, one.seq) not in known)], key=lambda one: one.seq)


def _gaps(events: Iterable[Row]) -> Iterator[tuple[int, int, int]]:
    """Which numbers of the run are missing, and the event behind them."""
    run_seq = 0
    for event in events:
        if isinstance(event["run_seq"], int):
            if event["run_seq"] > run_seq + 1:
                yield run_seq + 1, event["run_seq"] - 1, event["seq"]
            run_seq = event["run_seq"]


def _gap(first: int, end: int, seq: int, by: int) -> Finding:
    which = f"event {first:,} of the run is" if first == end else f"events {first:,} to {end:,} of the run are"
    where = {"event": seq, "run_seq": first, "to": end}
    says = f"{which} missing, before event {seq:,}{naming.acceptance(by)}"
    return Finding(WARN if by else FAIL, MISSING, says, where)


def _own_faults(row: Row, key_id: str | None, keys: Mapping[str, bytes]) -> list[Fault]:
    event, key = chain.event_of(row), keys.get(key_id or "")
    if own_fault(event):
        return [Fault(CHANGED, event.seq, "")]
    unsealed = key is not None and event.mac != chain.event_mac(key, event.hash)
    return [Fault(UNSEALED, event.seq, "")] if unsealed else []


def _key_schedule(events: Iterable[Row]) -> Iterator[tuple[int, str]]:
    """From which event on which key was in force, as the events that name one say."""
    for event in events:
        try:
            yield event["seq"], str(loads(event["body"])[NAMES_KEY[event["type"]]])
        except (InputError, KeyError, TypeError):
            continue


def _key_of(seq: int, schedule: list[tuple[int, str]]) -> str | None:
    return next((key_id for first, key_id in reversed(schedule) if first <= seq), None)


def _expired(events: Iterable[Row]) -> set[str]:
    found: set[str] = set()
    for event in events:
        if event["type"] == "evidence.expired":
            found |= {str(one["digest"]) for one in loads(event["body"])["blobs"]}
    return found
