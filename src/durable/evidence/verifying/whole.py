"""The whole ledger, layer by layer, in one view of it."""

from __future__ import annotations

import time
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from durable.errors import InputError, LedgerError
from durable.evidence.findings import FAIL, UNKNOWN, WARN, Finding
from durable.evidence.verifying import contents, naming, rows
from durable.evidence.verifying.acceptance import Accepted, accepted_in
from durable.evidence.verifying.contents import Contents
from durable.evidence.verifying.frame import frame_faults, page_faults
from durable.evidence.verifying.head import Stated, head_faults, key_faults, keys_of, present_keys
from durable.evidence.verifying.saying import content_finding, missing_content, row_finding
from durable.evidence.verifying.shares import key_at, walked
from durable.evidence.verifying.verdict import UNREADABLE, judged
from durable.evidence.verifying.view import FAILURES, View
from durable.ledger.database import database_in, present, translated
from durable.ledger.rebuild import PROJECTED
from durable.ledger.walk import Walk
from durable.native import loads, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from durable.evidence.verifying.rows import Difference, Scratch
    from durable.evidence.verifying.verdict import Progress, Verified

NAMED = 200  # findings of one layer that are named; more are counted


def verify_whole(home: str, progress: Progress | None = None) -> Verified:
    return _looked(home, progress, _Look.at_all)


def compare_rows(home: str, progress: Progress | None = None) -> Verified:
    """The rows and the schema alone: whether they are what follows from the events, whatever these are worth."""
    return _looked(home, progress, _Look.at_what_follows)


def _looked(home: str, progress: Progress | None, look_at: Callable[[_Look], None]) -> Verified:
    path = database_in(home)
    if not present(path):
        raise LedgerError(f"there is no ledger at {path}", "the first hook makes one")
    # Before the view: a head is never ahead of what was committed when it was read.
    stated, present_before = Stated(home), present_keys(home)
    with View(path) as view, TemporaryDirectory(prefix="durable-") as folder:
        look = _Look(home, view, stated, folder, progress)
        look.present |= present_before
        try:
            look_at(look)
        except FAILURES as error:
            look.findings.append(Finding(UNKNOWN, UNREADABLE, f"not all could be read: {translated(error, path)}"))
        finally:
            look.scratch.close()
        verified = judged(look.findings, look.counted, look.walk.hash if look.counted.get("events") else "")
        verified.seconds = look.seconds
        return verified


class _Look:
    def __init__(self, home: str, view: View, stated: Stated, folder: str, progress: Progress | None) -> None:
        self.view = view
        self.stated = stated
        self.scratch: Scratch = rows.Scratch(folder)
        self.findings: list[Finding] = []
        self.counted: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        # After the view: the key that it wants was on its way before it could be wanted.
        self.present = present_keys(home)
        self.keys = {key.key_id: key.chain for key in keys_of(home)}
        self.walk = Walk(self.keys)
        self.accepted = Accepted()
        self.unsealed = 0
        self._progress = progress or (lambda what, done, total: None)

    def at_all(self) -> None:
        self._timed("events", self._at_events)
        self._timed("pages", lambda: self.findings.extend(page_faults(self.view)))
        self._timed("replay", self._replay)
        self._timed("rows", self._at_rows)
        self._timed("contents", self._at_contents)
        self._timed("frame", self._at_frame_and_head)

    def at_what_follows(self) -> None:
        self.counted["events"] = self.view.ask("extent_of_events").fetchone()[0]
        self._timed("replay", self._replay)
        self._timed("rows", self._at_rows)
        named = key_at(self.view, 2**63 - 1)
        self._timed("frame", lambda: self.findings.extend(frame_faults(self.view, self._ledger_id(), named)))

    def _timed(self, name: str, layer: Callable[[], None]) -> None:
        began = time.perf_counter()
        layer()
        self.seconds[name] = time.perf_counter() - began

    def _told(self, what: str, total: int) -> Callable[[int], None]:
        return lambda done: self._progress(what, min(done, total), total)

    # ---- the chain ------------------------------------------------------------------------------

    def _at_events(self) -> None:
        last = self.view.ask("last_event").fetchone()
        if last is None:
            self.findings.append(
                Finding(UNKNOWN, "no_events", "the ledger holds no event: nothing can be told from it")
            )
            return
        events = walked(self.view, self.keys, last[0], self._told("events", last[0]))
        found, self.walk, self.unsealed = events.found, events.walk, events.found.unsealed
        self.counted |= {"events": found.events, "sealed": found.sealed, "runs": len(self.walk.runs.keys() - {""})}
        self.accepted = accepted_in(self.view, found)
        elsewhere = naming.moved(self.view, found.faults, self.walk.seq)
        self.findings += naming.named(found.faults, self.walk.seq, self.accepted, elsewhere)
        self._more("events", found.more_faults)

    def _more(self, what: str, count: int) -> None:
        if count:
            says = f"{count:,} more faults of {what}, not named here"
            self.findings.append(Finding(FAIL, "more_faults", says, {"layer": what, "faults": count}))

    # ---- rows and contents ------------------------------------------------------------------------

    def _replay(self) -> None:
        told = self._told("replay", self.counted.get("events", 0))
        with self.view.leniently():
            for seq in self.scratch.take_all(self.view.ask("events_to_project"), told)[:NAMED]:
                says = f"nothing follows from event {seq:,}"
                self._add("event_without_row", says, {"event": seq}, self.accepted.behind(seq))

    def _at_rows(self) -> None:
        count = 0
        for difference in self._differences():
            count += 1
            if count <= NAMED:
                self.findings.append(row_finding(difference))
        self.counted["row_faults"] = count
        self._more("rows", max(count - NAMED, 0))

    def _differences(self) -> Iterator[Difference]:
        with self.view.leniently():
            for number, table in enumerate(PROJECTED):
                self._progress("rows", number, len(PROJECTED))
                try:
                    yield from rows.differences(self.view.connection, self.scratch, table)
                except sqlite.OperationalError:
                    # No such table, or without one of its columns: what is wrong with the schema is said there.
                    yield rows.Difference(table, rows.MISSING, {})

    def _at_contents(self) -> None:
        looked = Contents()
        told = self._told("contents", self.scratch.connection.execute("SELECT count(*) FROM named").fetchone()[0])
        named, gone = contents.named_in(self.scratch.connection), contents.expired_in(self.scratch.connection)
        count = 0
        with self.view.leniently():
            for code, digest, event in looked.faults(self.view.ask("contents_by_digest"), named, gone, told):
                count += 1
                if count <= NAMED:
                    self._add_content(code, digest, event)
        self.counted |= {"contents": looked.checked, "contents_expired": looked.expired}
        self._more("contents", max(count - NAMED, 0))

    def _add_content(self, code: str, digest: str, event: int) -> None:
        if code == contents.MISSING:
            last = self.scratch.last_naming(digest)
            self._add(*missing_content(digest, event), self.accepted.content(digest, last))
        else:
            self.findings.append(content_finding(code, digest))

    def _add(self, code: str, says: str, where: dict[str, Any], by: int) -> None:
        """A loss that was accepted with the event `by` is told of and stays what it is."""
        self.findings.append(Finding(WARN if by else FAIL, code, says + naming.acceptance(by), where))

    # ---- whose it is --------------------------------------------------------------------------------

    def _at_frame_and_head(self) -> None:
        walk, last = self.walk, self.counted.get("events", 0)
        meta = dict(self.view.ask("meta").fetchall())
        wanted = str(meta.get("key_id", ""))
        known = self.keys if wanted in self.keys else {}
        ledger_id = self._ledger_id() or (self.stated.ledger_id if self.stated.is_of(known) else None)
        self.findings += frame_faults(self.view, ledger_id, walk.key_id)
        self.findings += head_faults(
            self.stated, known, ledger_id or str(meta.get("ledger_id")), walk.seq, self._hash_at
        )
        if last:
            self.findings += key_faults(wanted, walk.key_id, self.keys, self.present, self.unsealed)

    def _ledger_id(self) -> str | None:
        first = next(self.view.dicts("event_at", seq=1), None)
        try:
            return str(loads(first["body"])["ledger_id"]) if first and first["type"] == "ledger.created" else None
        except (InputError, KeyError, TypeError):
            return None

    def _hash_at(self, seq: int) -> str | None:
        found = next(self.view.dicts("event_at", seq=seq), None)
        return None if found is None else found["hash"]
