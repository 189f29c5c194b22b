from __future__ import annotations

import os

from durable import home
from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table
from durable.cli.options import argument, flag
from durable.cli.reading import has_ledger, no_ledger, notices
from durable.cli.result import Result, agrees, attended
from durable.cli.words import fit
from durable.clock import now
from durable.errors import PolicyError, UsageError
from durable.evidence.keeping.letting_go import let_go, let_go_before, look
from durable.evidence.retention import CLASSES, SAYS
from durable.ledger.reading import Reader
from durable.policy.files import load_policy
from durable.policy.policy import FOREVER
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from durable.cli.blocks import Block
    from durable.evidence.keeping.letting_go import LetGo
    from durable.evidence.retention import Content, Plan
    from durable.view import Row

PLAN, APPLY = "plan", "apply"
OPTIONS = (
    argument("ACTION", "plan (the default) changes nothing; apply lets go.", required=False, choices=(PLAN, APPLY)),
    flag("--yes", "Don't ask."),
)
SHOWN = 20
# Copies of the ledger that a restore or a repair has put aside, and bundles of other ledgers.
ASIDE = ("ledger.db.replaced-", "ledger.db.damaged-")
_EMPTY: dict[str, Any] = {"days": None, "goes": None, "stays": [], "next_at": None, "let_go": None, "copies": []}


def run(action: str = "", yes: bool = False) -> Result:
    """Show which contents have been kept long enough, and let them go; their hashes stay."""
    state = home.data_home()
    if yes and action != APPLY:
        raise UsageError("--yes belongs to apply", "write durable retention apply --yes")
    if not has_ledger(state):
        return Result("retention", _EMPTY, view=[*notices(), Paragraph(no_ledger(state))])
    days = _days(state)
    with Reader(state) as reader:
        found = look(reader, days, now())
        before = let_go_before(reader)
    data = _data(found, before, copies_in(state))
    if action == APPLY:
        return _apply(state, found, data, yes)
    hint = [Paragraph(f"Nothing was changed. To let them go: {home.command()} retention apply")] if found.goes else []
    return Result("retention", data, view=[*notices(), *_view(data), *hint])


def _days(state: str) -> dict[str, Any]:
    policy = load_policy(state, os.getcwd(), os.environ)
    if policy.broken:
        raise PolicyError(f"how long to keep what is not known: {policy.broken}", "correct that file first")
    return policy.retention


def _apply(state: str, found: Plan, data: Row, yes: bool) -> Result:
    view: list[Block] = _view(data)
    if found.goes and not yes:
        _ask(view, len(found.goes))
        view = []
    done = let_go(state, found)
    data["applied"] = {
        "contents": done.contents,
        "bytes": done.bytes,
        "transactions": done.transactions,
        "put_off": done.put_off,
        "longest_s": round(done.longest_s, 6),
        "emptied": done.emptied,
    }
    return Result("retention", data, int(not done.emptied), [*view, *_done(done), *_copies(data["copies"])])


def _ask(view: list[Block], contents: int) -> None:
    if not attended():
        raise UsageError(f"nobody is here to confirm that {counted(contents, 'content')} go", "add --yes")
    if not agrees(view, "Let them go? Nothing brings them back but a backup."):
        raise UsageError("nothing was changed", "run it again and say yes")


def copies_in(state: str) -> list[str]:
    """What else holds contents, and is out of this verb's reach."""
    found = [name for name in os.listdir(state) if name.startswith(ASIDE)]
    imported = f"{state}/imported"
    bundles = os.listdir(imported) if os.path.isdir(imported) else []
    return sorted([f"{state}/{name}" for name in found] + [f"{imported}/{name}" for name in bundles])


# ---- data -------------------------------------------------------------------------------------


def _data(found: Plan, before: dict[str, int], copies: list[str]) -> Row:
    return {
        "days": dict(found.days),
        "goes": _sum(found.goes)
        | {
            "oldest": found.goes[0].since if found.goes else None,
            "classes": [_class(found, kind) for kind in CLASSES],
            "runs": _by_run(found.goes),
        },
        "stays": _stays(found.stays),
        "next_at": found.next_at,
        "let_go": before,
        "copies": copies,
    }


def _sum(contents: Iterable[Content]) -> dict[str, Any]:
    sizes = [one.bytes for one in contents]
    return {"contents": len(sizes), "bytes": sum(sizes)}


def _class(found: Plan, kind: str) -> Row:
    goes = [one for one in found.goes if one.kind == kind]
    return {"class": kind, "days": found.days[f"{kind}_days"], **_sum(goes), "oldest": goes[0].since if goes else None}


def _by_run(goes: list[Content]) -> list[Row]:
    runs: dict[str, list[Content]] = {}
    for one in goes:
        runs.setdefault(one.run_id, []).append(one)
    rows = [{"run_id": run_id, **_sum(held)} for run_id, held in runs.items()]
    return sorted(rows, key=lambda row: (-row["bytes"], row["run_id"]))


def _stays(stays: list[Content]) -> list[Row]:
    held: dict[str, list[Content]] = {}
    for one in stays:
        held.setdefault(one.why, []).append(one)
    return [{"why": why, "says": says, **_sum(held[why])} for why, says in SAYS.items() if why in held]


# ---- for people -------------------------------------------------------------------------------


def _view(data: Row) -> list[Block]:
    goes = data["goes"]
    if goes["contents"]:
        since = f", the oldest of {goes['oldest'][:10]}"
        head: Block = Note("note", f"{_amount(goes)} have been kept long enough{since}")
    else:
        head = Note("ok", "no content has been kept long enough to be let go")
    view: list[Block] = [head, Table(["class", "kept for", "goes", "size", "oldest"], map(_class_row, goes["classes"]))]
    view += _runs(goes["runs"])
    if data["stays"]:
        rows = [[f"{row['contents']:,}", size(row["bytes"]), row["says"]] for row in data["stays"]]
        view += [Heading("Stays"), Table(["contents", "size", "why"], rows)]
    facts = [("the next goes on", data["next_at"] and data["next_at"][:10]), ("let go before", _before(data["let_go"]))]
    return [*view, Facts([(name, told) for name, told in facts if told])]


def _class_row(row: Row) -> list[str]:
    kept = row["days"] if row["days"] == FOREVER else counted(row["days"], "day")
    return [row["class"], kept, f"{row['contents']:,}", size(row["bytes"]), (row["oldest"] or "")[:10]]


def _runs(rows: list[Row]) -> list[Block]:
    if not rows:
        return []
    shown = [[fit(short_id(row["run_id"]), 24), f"{row['contents']:,}", size(row["bytes"])] for row in rows[:SHOWN]]
    more = len(rows) - SHOWN
    rest = [Paragraph(f"and {counted(more, 'more run')}: --json names each")] if more > 0 else []
    return [Heading("Goes"), Table(["run", "contents", "size"], shown), *rest]


def _done(done: LetGo) -> list[Block]:
    if not done.contents:
        view: list[Block] = [Note("ok", "nothing was to be let go, and nothing was written")]
    else:
        told = f"{_amount({'contents': done.contents, 'bytes': done.bytes})} let go; the hashes stay on record"
        room = "The space in ledger.db is used again by what comes: the file does not shrink."
        view = [Note("ok", told), Paragraph(room)]
    if done.put_off:
        view.append(Note("note", f"{counted(done.put_off, 'content')} came to be needed meanwhile, and stay"))
    if not done.emptied:
        said = "the bytes still stand in ledger.db-wal: another program holds an old view of the ledger"
        view.append(Note("warning", f"{said}; run this again when it has ended"))
    return view


def _copies(copies: list[str]) -> list[Block]:
    if not copies:
        return []
    told = f"{counted(len(copies), 'copy' if len(copies) == 1 else 'other file')} may still hold what was let go"
    return [Note("warning", f"{told}: {', '.join(copies)}")]


def _before(let_go_so_far: dict[str, int]) -> str:
    return _amount(let_go_so_far) if let_go_so_far["contents"] else ""


def _amount(sums: Row) -> str:
    return f"{counted(sums['contents'], 'content')} ({size(sums['bytes'])})"


def size(count: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"
