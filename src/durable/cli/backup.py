from __future__ import annotations

import os

from durable import home
from durable.cli.blocks import Facts, Note, Paragraph
from durable.cli.options import argument, flag
from durable.cli.reading import has_ledger, no_ledger
from durable.cli.result import Result
from durable.errors import LedgerError, UsageError
from durable.evidence.findings import FAIL, PASS, UNKNOWN, WARN, holds
from durable.view import counted, rough

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.evidence.keeping.backup_check import Checked
    from durable.evidence.keeping.manifest import Manifest

OPTIONS = (
    argument("DEST", "The directory to make; an earlier backup of the same ledger there is replaced."),
    flag("--check", "Don't make one: say whether the one at DEST could be put back."),
    flag("--with-key", "Put the key beside it. Whoever has both can forge the record.", name="with_key"),
)
LEVELS = {PASS: "ok", WARN: "warning", FAIL: "problem", UNKNOWN: "warning"}


def run(dest: str, check: bool = False, with_key: bool = False) -> Result:
    """Copy the ledger while hooks go on writing, or check that a copy could be put back."""
    state, place = home.data_home(), os.path.abspath(dest)
    if check and with_key:
        raise UsageError("--with-key says how a backup is made", "leave it out, or leave out --check")
    if check:
        return _check(state, place)
    if not has_ledger(state):
        raise LedgerError(no_ledger(state), "there is nothing to back up yet")
    from durable.evidence.backup import make_backup

    return _made(place, make_backup(state, place, with_key))


def _made(place: str, manifest: Manifest) -> Result:
    names = ("made_at", "ledger_id", "key_id", "seq", "hash", "with_key")
    size = sum(one["bytes"] for one in manifest["files"])
    data = {"dest": place} | {name: manifest[name] for name in names}
    data |= {"files": len(manifest["files"]), "bytes": size}
    told = f"{counted(manifest['seq'], 'event')}, {counted(data['files'], 'file')}, {size:,} bytes"
    view: list[Block] = [Note("ok", f"the backup stands in {place}: {told}")]
    if manifest["with_key"]:
        view.append(Note("warning", "The key lies in it: whoever has this backup can forge the record. Keep it so."))
    else:
        view.append(Paragraph(f"Its key is not in it, and it is no use without: {home.command()} key export FILE"))
    return Result("backup", data, view=[*view, Paragraph(f"To see that it can be put back: {_check_line(place)}")])


def _check_line(place: str) -> str:
    return f"{home.command()} backup --check {place}"


def _check(state: str, place: str) -> Result:
    from durable.evidence.keeping.backup_check import check_backup

    found = check_backup(state, place)
    manifest = found.manifest or {}
    data = {
        "dest": place,
        "verdict": found.verdict,
        "checks": [finding.json() for finding in found.findings],
        "made_at": manifest.get("made_at"),
        "seq": manifest.get("seq"),
        "age_s": found.age_s,
        "behind": found.behind,
    }
    return Result("backup", data, int(not holds(found.verdict)), _checked(found))


def _checked(found: Checked) -> list[Block]:
    good = holds(found.verdict)
    notes: list[Block] = [
        Note("ok", "the backup can be put back") if good else Note("problem", "the backup can't be relied on")
    ]
    notes += [Note(LEVELS[one.verdict], f"{one.code}: {one.says}") for one in found.findings]
    facts = [] if found.age_s is None else [("age", rough(found.age_s))]
    return [*notes, Facts(facts)] if facts else notes
