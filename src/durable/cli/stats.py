from __future__ import annotations

from durable.cli import chart
from durable.cli.blocks import Facts, Heading, Paragraph, Table
from durable.cli.options import Option, value
from durable.cli.reading import enforcement, find_run, observed, read
from durable.cli.result import Result
from durable.cli.screen import end_of, from_home, room, without
from durable.cli.span import FROM, TO, WORKSPACE, described, span
from durable.cli.words import tool as short_tool
from durable.errors import UsageError
from durable.evidence.tally import (
    DAY,
    KEYS,
    MODEL,
    TOOL,
    Tally,
    tallies,
    total_tokens,
)
from durable.evidence.tally import (
    WORKSPACE as BY_WORKSPACE,
)
from durable.view import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable.cli.blocks import Block
    from durable.ledger.reading import Reader
    from durable.view import Row

OPTIONS = (
    Option("--by", "What to count by (tool).", metavar="WHAT", choices=KEYS),
    value("--run", "RUN", "Only this run: its id or the beginning of it."),
    value("--tool", "NAME", "Only calls of this tool; * and ? stand for anything (mcp__*)."),
    FROM,
    TO,
    value("--since", "TIME", "The same as --from."),
    WORKSPACE,
)
COUNTERS = ("attempts", "executed", "duplicates", "held_back", "refused", "failed", "in_doubt")
COLUMNS = ("calls", "ran", "again", "held back", "refused", "failed", "in doubt", "median", "p95", "tokens")
ASKED = ("messages", "input", "output", "from cache", "into cache")
DISPENSABLE = ("tokens", "ran", "refused", "again", "into cache", "messages")
BAR, LEAST, WIDEST = 30, 14, 40


def run(
    by: str = TOOL, run: str = "", tool: str = "*", begin: str = "", end: str = "", since: str = "", workspace: str = ""
) -> Result:
    """Count calls by tool, sub-agent, model, day …: executed, repeated, failed; how long, and what our hooks cost."""
    if begin and since:
        raise UsageError("--since and --from say the same", "give one of them")
    chosen = {"tool": _glob(tool), **span(begin or since, end, workspace)}

    def work(reader: Reader) -> Result:
        data = _counted(reader, by, {**chosen, "run_id": find_run(reader, run) if run else ""})
        return Result("stats", data, view=_view(data))

    return read("stats", _data(by, {}, Tally(), None, chosen), work)


def _glob(tool: str) -> str:
    return tool.replace("[!", "[^")


def _counted(reader: Reader, by: str, chosen: Row) -> Row:
    groups = tallies(reader, by, chosen)
    total = Tally()
    for one in (tallies(reader, TOOL, chosen) if by == MODEL else groups).values():
        total.add(one)
    tokens = (
        total.tokens if by not in (TOOL, MODEL) else None if chosen["tool"] != "*" else total_tokens(reader, chosen)
    )
    return _data(by, groups, total, tokens, chosen)


def _data(by: str, groups: dict[str, Tally], total: Tally, tokens: Row | None, chosen: Row) -> Row:
    listed = [{"name": name or None, **_one(by, found)} for name, found in groups.items()]
    listed.sort(key=(lambda one: one["name"] or "") if by == DAY else _most_first)
    tools = [{"tool_name": one["name"], **{name: one[name] for name in one if name not in ("name", "tokens")}}
             for one in listed] if by == TOOL else []  # fmt: skip
    whole = total.json()
    rate = whole["duplicates"] / whole["attempts"] if whole["attempts"] else None
    data = {"total": whole, "tokens": tokens, "by": by, "groups": listed, "tools": tools, "duplicate_rate": rate}
    return {**data, **described(chosen), "enforcement_off": enforcement()}


def _one(by: str, found: Tally) -> Row:
    """Which model asked for a call, no row says."""
    counts = dict.fromkeys(found.json()) if by == MODEL else found.json()
    return {**counts, "tokens": found.tokens}


def _most_first(one: Row) -> tuple[int, str]:
    return -((one["attempts"] or 0) or _asked(one)), one["name"] or ""


def _asked(one: Row) -> int:
    return sum(one["tokens"][name] for name in ("input", "output", "cache_write")) if one["tokens"] else 0


# ---- for people -------------------------------------------------------------------------------


def _view(data: Row) -> list[Block]:
    total = data["total"]
    if not total["attempts"] and not data["groups"]:
        return [Paragraph("no call here matches")]
    view: list[Block] = [_models(data) if data["by"] == MODEL else _calls(data)]
    if total["attempts"]:
        view += [Heading("Repeated calls"), Paragraph(_repeated(data["duplicate_rate"]))]
        view += [Heading("Our hook before a call"), _hook(total["hook_us"])]
    view += [Heading("Tokens"), tokens_told(data["tokens"])] if data["tokens"] else []
    return [*view, *observed(total["observed"], total["attempts"])]


def _calls(data: Row) -> Table:
    by, groups = data["by"], data["groups"]
    lines = [_line(_name(by, one["name"]), one) for one in groups]
    lines += [_line("all", {**data["total"], "tokens": data["tokens"]})] if len(lines) > 1 else []
    return _drawn([by, *COLUMNS], lines, [one["attempts"] for one in groups])


def _models(data: Row) -> Table:
    lines = [_asked_line(one["name"] or "not told", one["tokens"]) for one in data["groups"]]
    lines += [_asked_line("all", data["tokens"])] if len(lines) > 1 else []
    return _drawn(["model", *ASKED], lines, [_asked(one) for one in data["groups"]])


def _name(by: str, name: str | None) -> str:
    if by == BY_WORKSPACE:
        return from_home(name or "not told")
    return short_tool(name) if by == TOOL and name else name or "not told"


def _line(name: str, one: Row) -> list[str]:
    took = ["" if value is None else duration(value) for value in one["duration_ms"].values()]
    return [name, *(f"{one[counter]:,}" if one[counter] else "" for counter in COUNTERS), *took, compact(_asked(one))]


def _asked_line(name: str, tokens: Row) -> list[str]:
    return [name, *(f"{count:,}" if count else "" for count in _numbers(tokens))]


def _numbers(tokens: Row) -> list[int]:
    return [tokens[name] for name in ("messages", "input", "output", "cache_read", "cache_write")]


def tokens_told(tokens: Row) -> Facts:
    pairs = zip(ASKED, _numbers(tokens), strict=True)
    return Facts([(name, f"{count:,}") for name, count in pairs])


def compact(number: int) -> str:
    """In a table cell; up to four digits are as short as any unit."""
    for unit, name in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= max(unit, 10_000):
            return f"{number / unit:.1f} {name}"
    return f"{number:,}" if number else ""


def _drawn(columns: list[str], lines: list[list[str]], values: Sequence[int]) -> Table:
    """With a bar to each line where there is room for it, and without what counted nothing."""
    columns, lines = _fitting(*_without_empty(columns, lines))
    left = room(lines, columns, [0])
    for line in lines:
        line[0] = end_of(line[0], min(max(left, LEAST), WIDEST))
    width = min(room(lines, columns, []) - 3, BAR)
    if not chart.drawn() or width < LEAST // 2 or len(values) < 2:
        return Table(columns, lines)
    drawn = [*chart.bars(values, width), *[""] * (len(lines) - len(values))]
    return Table([*columns, ""], [[*line, bar] for line, bar in zip(lines, drawn, strict=True)])


def _without_empty(columns: list[str], lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Without the counters that counted nothing: ten columns are too many for most screens."""
    kept = [place for place in range(len(columns)) if any(line[place] for line in lines)]
    return [columns[place] for place in kept], [[line[place] for place in kept] for line in lines]


def _fitting(columns: list[str], lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """On a narrow screen without what can most easily be done without: a cut number is worse than none."""
    for name in DISPENSABLE:
        if room(lines, columns, [0]) >= LEAST:
            break
        if name in columns:
            columns, lines = without(columns.index(name), columns, lines)
    return columns, lines


def _repeated(rate: float) -> str:
    return f"{chart.share(rate, BAR)} {rate:.0%} of calls had an equal one before them"


def _hook(took: Row) -> Facts:
    return Facts([("half within", _ms(took["p50"])), ("95 of 100 within", _ms(took["p95"]))])


def _ms(microseconds: int | None) -> str:
    return "not measured" if microseconds is None else f"{microseconds / 1000:.1f} ms"
