"""`doctor --repair`: a damaged ledger is salvaged, a sound one is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durable.cli.blocks import Facts, Note, Paragraph
from durable.cli.result import Result
from durable.doctor.ledger import damage
from durable.errors import LedgerError
from durable.home import command, data_home
from durable.view import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable.cli.blocks import Block
    from durable.ledger.salvage import Salvaged

_NAMED = 20


def repaired(env: Mapping[str, str]) -> Result:
    home = data_home(env)
    found = damage(home)
    if not found:
        raise LedgerError("this ledger is not damaged", f"see what else may be wrong with {command()} doctor")
    from durable.ledger.salvage import salvage

    saved = salvage(home, found)
    return Result("doctor", {"repaired": _data(saved)}, view=_view(saved))


def _data(found: Salvaged) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__slots__}


def _view(found: Salvaged) -> list[Block]:
    lost = found.lost or found.changed or found.unprojected or found.lost_blobs
    said = f"the ledger was salvaged: {counted(found.events, 'event')}, {counted(found.blobs, 'content')}"
    facts = Facts([("the old file", found.old_ledger), *_losses(found)])
    view: list[Block] = [Note("warning" if lost else "ok", said), facts]
    if lost:
        told = "What ran in the lost events is not known any more. The record itself says what is missing."
        view.append(Paragraph(told))
    return view


def _losses(found: Salvaged) -> list[tuple[str, str]]:
    facts = {
        "events lost": _spans(found.lost),
        "contents lost": f"{found.lost_blobs:,}" if found.lost_blobs else "",
        "events changed": _numbers(found.changed),
        "without a row": _numbers(found.unprojected),
    }
    return [(name, said) for name, said in facts.items() if said] or [("lost", "nothing")]


def _spans(spans: list[tuple[int, int]]) -> str:
    return _short([str(first) if first == last else f"{first}–{last}" for first, last in spans])


def _numbers(numbers: list[int]) -> str:
    return _short([str(number) for number in numbers])


def _short(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
