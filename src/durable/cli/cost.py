from __future__ import annotations

from durable import home
from durable.agents.registry import AGENTS, CLIENT
from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table
from durable.cli.options import argument
from durable.cli.reading import find_run, read
from durable.cli.result import Result
from durable.cli.screen import cut
from durable.cli.span import FROM, TO, WORKSPACE, described, span
from durable.errors import UsageError
from durable.evidence.usage import FIELDS, cost, cost_of, summed, tokens, tokens_of
from durable.usage import is_behind
from durable.view import counted, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.ledger.reading import Reader
    from durable.view import Row

OPTIONS = (
    argument("RUN", "The run, or one of its sessions, or a bundle; without one the latest run.", required=False),
    FROM,
    TO,
    WORKSPACE,
)
COLUMNS = ("messages", "input", "output", "from cache", "into cache")
NO_COST = "the client gives no cost, and durable keeps no list of prices"
NOTHING = "no answer of a model was counted"
SHOWN, WIDEST = 20, 28


def run(run: str = "", begin: str = "", end: str = "", workspace: str = "") -> Result:
    """Show the tokens of a run by model and sub-agent, and what its client says that it cost."""
    chosen = span(begin, end, workspace)
    if not (begin or end or workspace):
        return _of_run(run)
    if run:
        raise UsageError("a run is counted whole", "give a run, or --from, --to and --workspace")
    return read("cost", _data(None, tokens([], {}), cost([], 0), [], chosen), lambda reader: _between(reader, chosen))


def _of_run(word: str) -> Result:
    whole = span("", "", "")
    if not word:
        empty = _data(None, tokens([], {}), cost([], 0), [], whole)
        return read("cost", empty, lambda reader: _one(reader, find_run(reader, ""), whole))
    from durable.cli.record import opened

    with opened(word) as (reader, run_id):
        return _one(reader, run_id, whole)


def _one(reader: Reader, run_id: str, whole: Row) -> Result:
    data = _data(run_id, tokens_of(reader, run_id), cost_of(reader, run_id), [], whole)
    return Result("cost", data, view=[*_view(data), *_behind(reader, run_id)])


def _between(reader: Reader, chosen: Row) -> Result:
    asked = {**chosen, "run_id": ""}
    models = [{"model": row["name"], "agent_id": "", **row} for row in reader.all("tokens_by_model", **asked)]
    stated = reader.all("costs_between", **chosen)
    sessions = (reader.one("sessions_between", **chosen) or {"sessions": 0})["sessions"]
    runs = [_run(row, stated) for row in reader.all("tokens_by_run", **asked)]
    runs.sort(key=lambda one: -(one["input"] + one["output"] + one["cache_write"]))
    found = {**tokens(models, {}), "agents": None}
    data = _data(None, found, cost(stated, max(sessions, len(stated))), runs, chosen)
    return Result("cost", data, view=_view(data))


def _run(row: Row, stated: list[Row]) -> Row:
    its = [one for one in stated if one["run_id"] == row["name"]]
    return {"run_id": row["name"], **summed([row]), "micro_usd": cost(its, len(its))["micro_usd"]}


def _data(run_id: str | None, found: Row, money: Row, runs: list[Row], chosen: Row) -> Row:
    return {"run_id": run_id, **described(chosen), "tokens": found, "cost": money, "runs": runs}


# ---- for people -------------------------------------------------------------------------------


def _view(data: Row) -> list[Block]:
    found, money = data["tokens"], data["cost"]
    known = NO_COST if money["micro_usd"] is None else said(money)
    head = Facts([*([("run", data["run_id"])] if data["run_id"] else []), ("cost", known)])
    if not found["messages"]:
        return [head, Paragraph(NOTHING)]
    blocks: list[Block] = [
        head,
        Heading("By model"),
        _table("model", [(one["model"] or "not told", one) for one in found["models"]]),
    ]
    agents = [(_agent(one), one) for one in found["agents"] or ()]
    if len(agents) > 1 or any(one["agent_id"] for _, one in agents):
        blocks += [Heading("By agent"), _table("agent", agents)]
    if data["runs"]:
        blocks += [Heading("By run"), _runs(data["runs"][:SHOWN])]
    if len(data["runs"]) > SHOWN:
        blocks.append(Paragraph(f"{len(data['runs']) - SHOWN} more, with fewer tokens; --json has them all"))
    return blocks


def said(money: Row) -> str:
    """`at_least` where it can't be all."""
    what = dollars(money["micro_usd"])
    if not money["at_least"]:
        return f"{what}, as the client states it"
    whose = f"{money['stated']} of {counted(money['sessions'], 'session')} stated one"
    return f"at least {what}: {whose if money['stated'] < money['sessions'] else 'the client knows not every price'}"


def dollars(micro_usd: int) -> str:
    """To the cent, and what is less than a dollar to its first four digits."""
    return f"${micro_usd / 1_000_000:,.2f}" if micro_usd >= 1_000_000 else f"${micro_usd / 1_000_000:.4f}"


def _agent(one: Row) -> str:
    if not one["agent_id"]:
        return "main"
    return f"{one['agent_type'] or 'sub-agent'} {one['agent_id'][:8]}"


def _table(name: str, rows: list[tuple[str, Row]], more: str = "") -> Table:
    lines = [[label, *_numbers(one), *([_money(one)] if more else [])] for label, one in rows]
    if len(rows) > 1 and name != "run":
        lines.append(["all", *_numbers(summed([one for _, one in rows]))])
    cut(lines, 0, WIDEST)
    return Table([name, *COLUMNS, *([more] if more else [])], lines)


def _runs(rows: list[Row]) -> Table:
    priced = any(one["micro_usd"] is not None for one in rows)
    return _table("run", [(short_id(one["run_id"]), one) for one in rows], more="cost" if priced else "")


def _money(one: Row) -> str:
    return "" if one["micro_usd"] is None else dollars(one["micro_usd"])


def _numbers(one: Row) -> list[str]:
    return [f"{one[name]:,}" for name in ("messages", *FIELDS)]


def _behind(reader: Reader, run_id: str) -> list[Block]:
    """A client that was killed told no hook of its last turn, and reading writes nothing. A bundle is what it is."""
    from durable.ledger.replica import Replica

    if isinstance(reader, Replica):
        return []
    counted_up = {row["path"]: row["position"] for row in reader.all("counted_up_to")}
    agent = AGENTS[CLIENT]
    paths = {row["transcript_path"] for row in reader.all("sessions_of_run", run_id=run_id)}
    behind = sum(is_behind(agent, path, counted_up) for path in paths if path)
    if not behind:
        return []
    text = f"{counted(behind, 'session')} of it said more than was counted; {home.command()} reconcile counts it"
    return [Note("warning", text)]
