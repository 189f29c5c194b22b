"""Four questions to a backup: is it there, can it be read, is it complete, can it be put back? The last is answered by
putting it back, in a scratch place, and verifying what stands there then."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from durable.clock import nanoseconds, now
from durable.errors import DurableError
from durable.evidence.backup import KEY, RETIRED, SPOOL
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN, Finding, worst
from durable.evidence.keeping.manifest import LEDGER, is_backup, missing, read_manifest
from durable.evidence.keeping.placing import BEFORE, PARTIAL, is_left
from durable.evidence.keeping.put_back import settle_key
from durable.ledger import head, keys
from durable.ledger.database import database_in, present
from durable.ledger.files import copy_synced
from durable.ledger.reading import Reader
from durable.ledger.restore import restore
from durable.view import counted

if TYPE_CHECKING:
    from typing import Any

    from durable.evidence.keeping.manifest import Manifest

_SHOWN = 5
FRESH = os.path.basename(keys.fresh_path_in(""))


@dataclass(slots=True)
class Checked:
    """`behind` counts the events of the live ledger that the backup lacks; None where there is no such ledger."""

    findings: list[Finding] = field(default_factory=list)
    manifest: dict[str, Any] | None = None
    age_s: float | None = None
    behind: int | None = None

    @property
    def verdict(self) -> str:
        return worst(finding.verdict for finding in self.findings)


def check_backup(home: str, place: str) -> Checked:
    checked = Checked()
    found = _exists(place)
    checked.findings.append(found)
    if found.verdict != PASS:
        return checked
    try:
        manifest = read_manifest(place)
    except DurableError as error:
        checked.findings.append(Finding(FAIL, "readable", str(error), {"file": place}))
        return checked
    checked.manifest = manifest
    checked.age_s = (nanoseconds(now()) - nanoseconds(manifest["made_at"])) / 1_000_000_000
    checked.findings.append(Finding(PASS, "readable", f"it was made at {manifest['made_at'][:19]}Z"))
    checked.findings.append(_complete(place, manifest))
    if checked.findings[-1].verdict == PASS:
        checked.findings.append(_restorable(home, place, manifest))
    checked.findings.append(_beside_the_live_one(home, manifest, checked))
    return checked


def _exists(place: str) -> Finding:
    where = {"file": place}
    if is_backup(place):
        return Finding(PASS, "exists", f"there is a backup at {place}", where)
    if is_backup(place + BEFORE) and is_left(place):
        said = f"one was cut off as it took the place of another, which is whole: {place + BEFORE}"
    elif os.path.isdir(place + PARTIAL):
        said = f"there is none at {place}: one was cut off, or is being made"
    else:
        said = f"there is none at {place}"
    return Finding(FAIL, "exists", said, where)


def _complete(place: str, manifest: Manifest) -> Finding:
    faults = missing(place, manifest)
    if faults:
        more = f", and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        return Finding(FAIL, "complete", "; ".join(faults[:_SHOWN]) + more, {"file": place})
    size = sum(one["bytes"] for one in manifest["files"])
    return Finding(
        PASS, "complete", f"{counted(len(manifest['files']), 'file')}, {size:,} bytes, each as it was written"
    )


def _restorable(home: str, place: str, manifest: Manifest) -> Finding:
    scratch = tempfile.mkdtemp(prefix="durable-check-")
    try:
        state = f"{scratch}/state"
        if not _lay_out(home, place, manifest, state):
            said = f"the key that it was written under ({manifest['key_id']}) is neither in it nor here"
            return Finding(UNKNOWN, "restorable", said, {"key_id": manifest["key_id"]})
        restore(state, f"{place}/{LEDGER}", "a trial of the backup")
        return _verified(state, manifest)
    except (DurableError, OSError) as error:
        return Finding(FAIL, "restorable", str(error), {"file": f"{place}/{LEDGER}"})
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _lay_out(home: str, place: str, manifest: Manifest, state: str) -> bool:
    """A state directory with key and head. False if the key isn't at hand."""
    os.mkdir(state, 0o700)
    for room in (head.DIRECTORY, SPOOL, "locks"):
        os.mkdir(f"{state}/{room}", 0o700)
    source = place if manifest["with_key"] else home
    there = os.listdir(source) if os.path.isdir(source) else []
    names = [name for name in there if name in (KEY, FRESH) or name.startswith(RETIRED)]
    for name in names:
        copy_synced(f"{source}/{name}", f"{state}/{name}")
    if os.path.exists(head.path_in(place)):
        copy_synced(head.path_in(place), head.path_in(state))
    settle_key(state, manifest["key_id"])
    return os.path.exists(f"{state}/{KEY}") and manifest["key_id"] in _ids(state)


def _ids(state: str) -> set[str]:
    return {key.key_id for key in (keys.read_key(state), *keys.retired_keys(state))}


def _verified(state: str, manifest: Manifest) -> Finding:
    from durable.evidence.verify import verify_ledger

    found = verify_ledger(state)
    with Reader(state) as reader:
        end = reader.all("events_after", seq=manifest["seq"] - 1, most=3)
    # Behind its last event stands that of the trial alone.
    if [event["type"] for event in end[1:]] != ["ledger.restored"] or end[0]["hash"] != manifest["hash"]:
        return Finding(FAIL, "restorable", f"it does not end where its manifest says, at event {manifest['seq']:,}")
    if found.verdict != PASS:
        faults = [one.says for one in found.findings if one.verdict == found.verdict][:_SHOWN]
        said = "put back, it does not verify: " + ("; ".join(faults) or found.verdict)
        return Finding(found.verdict, "restorable", said)
    return Finding(PASS, "restorable", f"put back in a scratch place, it verifies to event {manifest['seq']:,}")


def _beside_the_live_one(home: str, manifest: Manifest, checked: Checked) -> Finding:
    """How far it is behind, and whether it is the past of what is there now."""
    if not present(database_in(home)):
        return Finding(PASS, "behind", "there is no ledger here to compare it with")
    with Reader(home) as reader:
        ledger_id = next((row["value"] for row in reader.all("meta") if row["name"] == "ledger_id"), "")
        if ledger_id != manifest["ledger_id"]:
            return Finding(WARN, "behind", "it is a backup of another ledger than the one here", {"ledger": ledger_id})
        last = reader.one("last_event")
        then = reader.all("events_after", seq=manifest["seq"] - 1, most=1)
    seq = last["seq"] if last else 0
    if not then or then[0]["hash"] != manifest["hash"]:
        said = f"the ledger here is not what followed from it: they part at or before event {manifest['seq']:,}"
        return Finding(FAIL, "behind", said, {"seq": manifest["seq"]})
    checked.behind = seq - manifest["seq"]
    told = f"the ledger here has {counted(checked.behind, 'event')} more" if checked.behind else "it holds all there is"
    return Finding(PASS, "behind", told, {"events": checked.behind})
