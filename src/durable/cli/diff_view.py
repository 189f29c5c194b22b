"""A comparison for people: totals beside each other, what the world got from one alone, then call by call."""

from __future__ import annotations

from collections import Counter

from durable.cli.blocks import Heading, Note, Paragraph, Table, Verbatim
from durable.cli.diff_data import given_to, text_of
from durable.cli.marked import marked
from durable.cli.screen import columns
from durable.cli.words import fit, tool
from durable.evidence.compare import CHANGED, GONE, MOVED, ONLY_A, ONLY_B, REWORDED
from durable.evidence.comparing.account import NOT_DONE
from durable.evidence.findings import FAIL, PASS, UNKNOWN
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.cli.blocks import Block
    from durable.evidence.compare import Comparison, Pair
    from durable.evidence.comparing.account import Account
    from durable.evidence.findings import Finding

MOST, FIELDS = 40, 3
STATES = ("failed", "refused", "in_doubt", "not_done", "replayed", "running", "prepared")
SIGNS = {ONLY_A: "-", ONLY_B: "+"}


# ---- for people -------------------------------------------------------------------------------


def record_note(run_id: str, begins: tuple[int, bool, bool]) -> list[Block]:
    """Of two records of one run: the one goes on where the other ends, or somebody made one of them up."""
    number, more_a, more_b = begins
    if not number:
        return []
    if more_a and more_b:
        said = f"two records of run {run_id} that part after event {number:,} of it: one of them is not what happened"
        return [Note("warning", said)]
    longer, shorter = ("A", "B") if more_a else ("B", "A")
    return [Note("note", f"two records of run {run_id}: {longer} goes on where {shorter} ends, after event {number:,}")]


def edited_note(run_id: str, tables: list[str]) -> list[Block]:
    """The rows of a bundle follow from its events, or it is not opened."""
    said = f"the ledger's rows of run {run_id} are not what its events say ({', '.join(tables)}): they were changed"
    return [Note("warning", f"{said}; durable verify {run_id} names each")]


def verdict_view(verdict: str, found: list[Finding]) -> list[Block]:
    """What the calls below don't show by themselves."""
    says = {PASS: "as expected", FAIL: "not as expected", UNKNOWN: "nobody can tell"}
    level = {FAIL: "problem", UNKNOWN: "warning"}
    told = [Note(level[one.verdict], one.says) for one in found if one.code.startswith("cost_")]
    return [Heading(f"{verdict} {says[verdict]}"), *told]


def view_of(compared: Comparison, a: Account, b: Account, names: tuple[str, str], full: bool) -> list[Block]:
    return [_totals(a, b, names), *_missing(a, b, names), *_summary(compared, names), *_effects(compared, names),
            *_calls(compared, a, b, names, full)]  # fmt: skip


def _totals(a: Account, b: Account, names: tuple[str, str]) -> Table:
    rows = [[name, *pair] for name, *pair in _facts(a, b) if any(text not in ("", "0") for text in pair)]
    return Table(["", *names], rows)


def _facts(a: Account, b: Account) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [("run", short_id(a.name), short_id(b.name)), ("status", a.status, b.status)]
    found.append(("calls", f"{len(a.calls):,}", f"{len(b.calls):,}"))
    found.append(("sub-agents", *(str(len({one.lane for one in side.calls} - {""})) for side in (a, b))))
    once = [sum(one.world() == "done" for one in side.calls) for side in (a, b)]
    found.append(("done, once only", str(once[0]), str(once[1])))
    states = [Counter(one.status for one in side.calls) for side in (a, b)]
    found += [(name.replace("_", " "), str(states[0][name]), str(states[1][name])) for name in STATES]
    for name in ("approved", "denied"):
        found.append((f"{name} by a person", *(str(sum(one.approval == name for one in s.calls)) for s in (a, b))))
    found.append(("tokens", *_beside(a.tokens, b.tokens, "{:,}")))
    usd = [None if side.micro_usd is None else side.micro_usd / 1_000_000 for side in (a, b)]
    return [*found, ("cost", *_beside(usd[0], usd[1], "${:,.4f}"))]


def _beside(a: float | None, b: float | None, form: str) -> tuple[str, str]:
    if a is None and b is None:
        return "", ""
    told = ["not known" if one is None else form.format(one) for one in (a, b)]
    more = f" ({(b - a) / a:+.0%})" if a and b is not None and a != b else ""
    return told[0], told[1] + more


def _missing(a: Account, b: Account, names: tuple[str, str]) -> list[Block]:
    pairs = ((name, why) for name, side in zip(names, (a, b), strict=True) for why in side.missing)
    return [Note("warning", f"{name} is not whole: {why}") for name, why in pairs]


def _summary(compared: Comparison, names: tuple[str, str]) -> list[Block]:
    same = sum(pair.same for pair in compared.pairs)
    if compared.same:
        return [Note("ok", f"no difference: {counted(same, 'call')}, the same in both")]
    kinds = Counter(pair.kind for pair in compared.differing)
    only_output = sum(pair.kind == CHANGED and set(pair.changes) == {"output"} for pair in compared.differing)
    words = [(kinds[CHANGED] - only_output, "ended otherwise"), (only_output, "brought back something else"),
             (kinds[REWORDED], "made with other arguments"),
             (kinds[MOVED], "in another place"), (kinds[ONLY_A], f"in {names[0]} alone"),
             (kinds[ONLY_B], f"in {names[1]} alone")]  # fmt: skip
    parts = ", ".join(f"{number:,} {said}" for number, said in words if number)
    ended = (
        [f"{names[0]} is {compared.status[0]}, {names[1]} {compared.status[1]}"] if len({*compared.status}) > 1 else []
    )
    said = [f"{counted(same, 'call')} the same", *([parts] if parts else [])]
    return [Paragraph("; ".join([*ended, ", ".join(said)]))]


def _effects(compared: Comparison, names: tuple[str, str]) -> list[Block]:
    """What happened in the world once and for all is what one wants to know first."""
    if not compared.effects:
        return []
    return [Heading("Effects"), Verbatim("\n".join(_effect(pair, names) for pair in compared.effects))]


def _effect(pair: Pair, names: tuple[str, str]) -> str:
    was, is_ = pair.worlds
    sign = "-" if is_ == NOT_DONE else "+" if was == NOT_DONE else "~"
    alone = f"{was} in {names[0]} alone" if sign == "-" else f"{is_} in {names[1]} alone"
    said = f"{was} in {names[0]}, {is_} in {names[1]}" if sign == "~" else alone
    return _line(sign, pair, said)


def _calls(compared: Comparison, a: Account, b: Account, names: tuple[str, str], full: bool) -> list[Block]:
    differing = compared.differing
    if not differing:
        return []
    shown = differing if full else differing[:MOST]
    lines = [line for pair in shown for line in _lines(pair, a, b)]
    more = len(differing) - len(shown)
    legend = f"- in {names[0]} alone, + in {names[1]} alone, ~ in both; numbers are those of {names[0]} (+: {names[1]})"
    view: list[Block] = [
        Heading(f"Calls: the first that differs is {_first(differing[0], names)}"),
        Verbatim("\n".join(lines)),
    ]
    view += [Paragraph(f"{more:,} more: --full shows them")] if more else []
    return [*view, Note("note", legend)]


def _first(pair: Pair, names: tuple[str, str]) -> str:
    one, name = (pair.a, names[0]) if pair.a else (pair.b, names[1])
    return f"{one.number:,} of {name}" if one else ""


def _lines(pair: Pair, a: Account, b: Account) -> list[str]:
    said = {MOVED: f"moved, to {pair.b.number}" if pair.b else "", REWORDED: "other arguments"}.get(pair.kind, "")
    head = _line(SIGNS.get(pair.kind, "~"), pair, ", ".join([*([said] if said else []), *_changes(pair)]))
    return [head, *(_marked_fields(pair) if pair.kind == REWORDED else _marked_output(pair, a, b))]


def _line(sign: str, pair: Pair, said: str) -> str:
    one = pair.a or pair.b
    assert one is not None
    lane = f"[{one.lane}] " if one.lane else ""
    head = f"{sign} {one.number:>4}  {lane}"
    width = columns() - len(head) - (len(said) + 2 if said else 0)
    if width >= len(tool(one.tool)) + 12 or not said:
        return head + fit(text_of(one), width) + (f"  {said}" if said else "")
    return head + fit(text_of(one), columns() - len(head)) + "\n" + " " * 8 + fit(said, columns() - 8)


def _changes(pair: Pair) -> list[str]:
    return [_change(name, was, is_) for name, (was, is_) in pair.changes.items()]


def _change(name: str, was: Any, is_: Any) -> str:
    if name == "output":
        return "what came back is gone" if GONE in (was, is_) else "something else came back"
    if name == "lane":
        return f"by {was or 'main'} → {is_ or 'main'}"
    words = "" if name in ("status", "approval", "flag") else name.replace("_code", "") + " "
    return f"{words}{'none' if was is None else was} → {'none' if is_ is None else is_}"


# ---- what differs inside of an input ----------------------------------------------------------


def _marked_fields(pair: Pair) -> list[str]:
    assert pair.a is not None and pair.b is not None
    was, is_ = given_to(pair.a), given_to(pair.b)
    if not (isinstance(was, dict) and isinstance(is_, dict)):
        was, is_ = {"input": was}, {"input": is_}
    differing = [name for name in [*was, *(name for name in is_ if name not in was)] if was.get(name) != is_.get(name)]
    lines = [line for name in differing[:FIELDS] for line in marked(name, was.get(name), is_.get(name))]
    more = len(differing) - FIELDS
    return lines + ([f"        {counted(more, 'more field')}"] if more > 0 else [])


def _marked_output(pair: Pair, a: Account, b: Account) -> list[str]:
    if "output" not in pair.changes or pair.a is None or pair.b is None:
        return []
    was, is_ = a.said(pair.a), b.said(pair.b)
    return [] if was is None or is_ is None or was == is_ else marked("came back", was, is_)
