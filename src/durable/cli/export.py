from __future__ import annotations

import os
import re
import sys

from durable import home
from durable.cli.blocks import Facts, Note, Paragraph
from durable.cli.options import Option, argument, flag, value
from durable.cli.reading import find_run, has_ledger, no_ledger, notices
from durable.cli.result import Result
from durable.errors import BundleError, UsageError
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from durable.cli.blocks import Block
    from durable.cli.result import Outcome
    from durable.evidence.export import Draft
    from durable.evidence.findings import Finding

    Row = dict[str, Any]

OPTIONS = (
    argument("RUN", "The run, or one of its sessions: the id or its beginning; else the latest.", required=False),
    Option("-o", "The file to write; - for the screen. Else run-RUN.json here.", name="file", metavar="FILE"),
    value("--sign", "KEY", "Sign it with the Ed25519 key in this file, as ssh-keygen makes it."),
    value("--blobs", "DIR", "Put inputs and outputs into this folder beside the file, not into it."),
    flag("--force", "Replace the file if it is there."),
)
STDOUT = "-"


def run(run: str = "", file: str = "", sign: str | None = None, blobs: str = "", force: bool = False) -> Outcome:
    """Write one run to a file that proves itself, to be kept or shown elsewhere."""
    state = home.data_home()
    if not has_ledger(state):
        raise UsageError(no_ledger(state), "there is no run yet to export")
    from durable.evidence.export import Draft, source

    signed = _signing(sign)
    with source(state) as taken:
        draft = Draft(taken, find_run(taken.reader, run))
        if file == STDOUT:
            return _to_screen(draft, signed, blobs)
        path = _outside(os.path.abspath(file or _named(draft.run_id)), state)
        last = _to_file(draft, path, signed, _folder(path, blobs, state), force)
    return _result(draft, path, last)


def _named(run_id: str) -> str:
    return f"run-{re.sub(r'[^A-Za-z0-9._-]', '_', short_id(run_id))}.json"


def _signing(path: str | None) -> Callable[[str], Row] | None:
    """The key is read first: a wrong one must not be found out after a long export."""
    if path is None:
        return None
    if not path:
        raise UsageError("an empty text names no key", "leave --sign out, or name the file of one")
    from durable.evidence.bundles import signature

    key = signature.private_key(path)
    return lambda digest: signature.sign(digest, key)


def _outside(path: str, state: str) -> str:
    """A file of that name may be one that hooks wait for."""
    for ours in (state, home.config_dir()):
        if f"{os.path.realpath(path)}/".startswith(os.path.realpath(ours) + "/"):
            raise UsageError(f"{path} lies among durable's own files", "name a file elsewhere")
    return path


def _folder(path: str, blobs: str, state: str) -> str:
    if not blobs:
        return ""
    folder = os.path.abspath(blobs)
    if os.path.dirname(folder) != os.path.dirname(path) or os.path.basename(folder).startswith("."):
        remedy = f"name one in {os.path.dirname(path)} that does not begin with a dot"
        raise UsageError("the folder of --blobs has to lie beside the file", remedy)
    os.makedirs(_outside(folder, state), 0o700, exist_ok=True)
    return folder


def _to_screen(draft: Draft, sign: Callable[[str], Row] | None, blobs: str) -> Outcome:
    if blobs:
        raise UsageError("--blobs needs a file to lie beside", "name one with -o FILE")
    draft.write(sys.stdout, sign)
    if draft.findings:
        problem = f"it was written as it stands, but {draft.findings[0].says}"
        raise BundleError(problem, "durable verify RUN names all that is wrong", draft.findings[0].code)
    return iter(())


def _to_file(draft: Draft, path: str, sign: Callable[[str], Row] | None, folder: str, force: bool) -> Row:
    from durable.evidence.bundles.bundle_file import placed

    with placed(path, force) as out:
        return draft.write(out, sign, folder)


# ---- what is shown ----------------------------------------------------------------------------


def _result(draft: Draft, path: str, last: Row) -> Result:
    data = {
        "run_id": draft.run_id,
        "file": path,
        "bytes": os.path.getsize(path),
        "digest": last["digest"],
        "under_key": bool(last["mac"]),
        "signed_by": _signer(last),
        "summary": draft.members["summary"],
        "contents": draft.contents,
        "expired": [one["digest"] for one in draft.expired],
        "lost": draft.lost,
        "findings": [one.json() for one in draft.findings],
    }
    return Result("export", data, int(bool(draft.findings)), [*notices(), *_view(data, draft.findings)])


def _signer(last: Row) -> str | None:
    from durable.evidence.bundles.signature import fingerprint

    return fingerprint(last["signature"]["public_key"]) if last["signature"] else None


def _view(data: Row, findings: list[Finding]) -> list[Block]:
    summary = data["summary"]
    facts = [
        ("run", data["run_id"]),
        ("status", summary.get("status", "unknown")),
        ("holds", f"{counted(len_of(summary), 'event')}, {counted(summary.get('steps', 0), 'step')}, "
                  f"{counted(data['contents'], 'content')}"),
        ("digest", data["digest"]),
        ("signed by", data["signed_by"]),
    ]  # fmt: skip
    view: list[Block] = [Note("ok", f"{data['file']} ({data['bytes']:,} bytes)")]
    view += [Facts([(name, text) for name, text in facts if text]), *_missing(data), *_unfinished(summary)]
    view += [Note("problem" if one.verdict == "FAIL" else "warning", one.says) for one in findings]
    if not data["under_key"]:
        view.append(Note("warning", "the ledger's key does not vouch for it"))
    return [
        *view,
        Paragraph("What it holds was redacted when it was recorded. durable verify FILE checks it anywhere."),
    ]


def len_of(summary: Row) -> int:
    return int(summary.get("events", 0))


def _missing(data: Row) -> list[Block]:
    expired, lost = len(data["expired"]), len(data["lost"])
    view: list[Block] = [Note("note", f"{counted(expired, 'content')} had expired, and are named")] if expired else []
    return view + ([Note("warning", f"{counted(lost, 'content')} were lost, and are named")] if lost else [])


def _unfinished(summary: Row) -> list[Block]:
    if summary.get("final", True):
        return []
    verb = "is" if summary["open"] == 1 else "are"
    left = f", and {counted(summary['open'], 'step')} {verb} open" if summary["open"] else ""
    return [Note("note", f"the run has not ended{left}: the file shows where it stood at {summary['last_at']}")]
