from __future__ import annotations

import os
import sys

from durable import home
from durable.cli.blocks import Facts, Note, Paragraph, Verbatim
from durable.cli.options import argument, flag, value
from durable.cli.reading import has_ledger, no_ledger, notices
from durable.cli.result import Result
from durable.errors import KeyFileError, LedgerError, UsageError
from durable.ledger import keyring, keys
from durable.ledger.files import write_new
from durable.ledger.reading import Reader

ACTIONS = ("export", "import", "renew")
OPTIONS = (
    argument("ACTION", "What to do; without one, say which key there is.", required=False, choices=ACTIONS),
    argument("FILE", "Where to export to (else the screen), or what to import (- for stdin).", required=False),
    value("--reason", "TEXT", "Why the key is renewed; it goes on record."),
    flag("--lost", "Renew although the old key is gone: calls of before can't be known again."),
)
LONGEST = 10_000


def run(action: str = "", file: str = "", reason: str = "", lost: bool = False) -> Result:
    """Show, take out, put back or renew the ledger's key."""
    state = home.data_home()
    if action != "renew" and (reason or lost):
        raise UsageError("--reason and --lost belong to renew", "write durable key renew --reason TEXT")
    if action == "import":
        return _import(state, file)
    if action == "export":
        return _export(state, file)
    return _renew(state, file, reason, lost) if action == "renew" else _show(state)


def _show(state: str) -> Result:
    wanted = _of_ledger(state)
    try:
        there: str | None = keys.read_key(state).key_id
        problem = "" if wanted in ("", there) else f"the ledger was written with {wanted}"
    except KeyFileError as error:
        there, problem = None, error.problem if wanted else ""
    data = {"file": keys.path_in(state), "key_id": there, "ledger_key_id": wanted or None, "fits": not problem}
    facts = Facts(
        [("file", data["file"]), ("key id", there or "there is none"), ("the ledger's", wanted or no_ledger(state))]
    )
    told = [Note("problem", f"{problem}; put the right one back: {home.command()} key import FILE")] if problem else []
    return Result("key", data, 1 if problem else 0, [*notices(), facts, *told])


def _of_ledger(state: str) -> str:
    if not has_ledger(state):
        return ""
    with Reader(state) as reader:
        return next((str(row["value"]) for row in reader.all("meta") if row["name"] == "key_id"), "")


def _export(state: str, file: str) -> Result:
    text = keyring.export(state)
    if not file:
        return Result("key", {"key": text.strip()}, view=[Verbatim(text.strip())])
    path = os.path.abspath(file)
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already", "name a file that does not exist yet")
    write_new(path, text.encode("ascii"))
    told = "Whoever holds it can forge the record and guess at what was redacted: keep it where the ledger is not."
    return Result("key", {"file": path}, view=[Note("ok", f"the key stands in {path}"), Paragraph(told)])


def _import(state: str, file: str) -> Result:
    if not file:
        raise UsageError("no file is named", "write durable key import FILE (- for stdin)")
    key_id = keyring.import_(state, _text(file))
    return Result("key", {"key_id": key_id}, view=[Note("ok", f"the key {key_id} stands in {keys.path_in(state)}")])


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read(LONGEST)
    try:
        with open(file, encoding="ascii", errors="replace") as source:
            return source.read(LONGEST)
    except OSError as error:
        raise LedgerError(f"{file} can't be read ({error.strerror})", "name the file that holds the key") from None


def _renew(state: str, file: str, reason: str, lost: bool) -> Result:
    if file:
        raise UsageError(f"{file!r} is one argument too many", "write durable key renew --reason TEXT")
    if not has_ledger(state):
        return Result("key", {"renewed": None}, view=[Paragraph(no_ledger(state))])
    old, new = keyring.renew(state, reason, lost)
    told = Paragraph("Export it again: what you have kept is the old one, good only for what was written before.")
    return Result("key", {"renewed": {"from": old, "to": new}}, view=[Note("ok", f"the key {old} is now {new}"), told])
