"""A golden file: what a run is expected to do, to be kept in a repository and compared with later ones.

It holds what an account holds and nothing that is another value each time, so that its own changes can be read in
a review. What came back from a call is kept as a hash.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from durable.errors import InputError, UsageError
from durable.evidence.compare import GONE, MOVED, ONLY_A, ONLY_B, REWORDED
from durable.evidence.comparing.account import LONGEST, Account, Call, key_of
from durable.evidence.findings import FAIL, UNKNOWN, Finding
from durable.home import config_dir, data_home, is_within
from durable.ledger.files import write_new
from durable.native import loads

if TYPE_CHECKING:
    from typing import Any

    from durable.evidence.compare import Comparison, Pair

SCHEMA = "durable.golden.v1"
_ANY = "durable.golden.v"
HEAD = 200


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class GoldenCall(_Strict):
    tool: str
    given: str = ""
    place: str = ""
    key: str
    lane: str = ""
    effect: Literal["read", "repeatable", "once"]
    status: str
    exit_code: int | None = None
    approval: str | None = None
    flag: str | None = None
    result: str


class Golden(_Strict):
    kind: str = Field(alias="schema")
    status: str
    tokens: int | None = None
    micro_usd: int | None = None
    calls: list[GoldenCall]


def is_golden(text: str) -> bool:
    """Whether it says so itself. Whether it is a whole one is found when it is read."""
    return f'"{_ANY}' in text[:HEAD]


def read(path: str) -> Account:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    golden = _parsed(path, text)
    _check_keys(path, golden)
    calls = [Call(number=number, output=kept.result, **kept.model_dump(exclude={"result"}))
             for number, kept in enumerate(golden.calls, 1)]  # fmt: skip
    return Account(path, golden.status, calls, lambda call: call.output, [], golden.tokens, golden.micro_usd)


def _parsed(path: str, text: str) -> Golden:
    try:
        value: Any = loads(text)
        found = value.get("schema") if isinstance(value, dict) else None
        if found != SCHEMA and str(found).startswith(_ANY):
            raise UsageError(f"{path} was written by a later durable ({found})", "update durable, or make it anew")
        return Golden.model_validate(value)
    except (InputError, ValidationError, RecursionError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise UsageError(f"{path} is no golden file: {said}", "make it anew with --update") from None


def _check_keys(path: str, golden: Golden) -> None:
    """Keys are compared, and what was given is read in a review: the one must not say another thing than the other."""
    for number, kept in enumerate(golden.calls, 1):
        if len(kept.given) < LONGEST and kept.key != key_of(kept.tool, kept.place, _given(kept)):
            problem = f"{path} is no golden file: what was given of call {number} is not what its key stands for"
            raise UsageError(problem, "make it anew with --update")


def _given(kept: GoldenCall) -> Any:
    try:
        return loads(kept.given)
    except InputError:
        return kept.given


def write(path: str, account: Account) -> None:
    """Replaces the file as a whole. UsageError if nobody knows what the run did: later ones could only be like it
    by not being known either; or if what stands there is something else."""
    _check_place(path)
    results = [account.result(call) for call in account.calls]
    missing = account.missing + (["what some of its calls brought back is gone"] if None in results else [])
    if missing:
        raise UsageError(f"{account.name} makes no golden file: {missing[0]}", "take a run that ended, and is whole")
    names = ("tool", "given", "place", "key", "lane", "effect", "status", "exit_code", "approval", "flag")
    calls = [{name: told for name in names if (told := getattr(call, name)) not in (None, "")} | {"result": result}
             for call, result in zip(account.calls, results, strict=True)]  # fmt: skip
    told = {"schema": SCHEMA, "status": account.status, "tokens": account.tokens, "micro_usd": account.micro_usd}
    write_new(os.path.realpath(path), (json.dumps(told | {"calls": calls}, indent=1) + "\n").encode())


def _check_place(path: str) -> None:
    """An agent may renew a golden file, and must not reach what its calls are recorded in that way."""
    if any(is_within(path, folder) for folder in (data_home(), config_dir())):
        raise UsageError(f"{path} lies where durable keeps its own files", "choose another place")
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            if not is_golden(file.read(HEAD)):
                raise UsageError(f"{path} is there and is no golden file", "choose another name")


# ---- the verdict ------------------------------------------------------------------------------

CODES = {
    ONLY_A: ("step_missing", "is expected and was not made"),
    ONLY_B: ("step_added", "was made and is not expected"),
    MOVED: ("step_moved", "was made in another place"),
    REWORDED: ("step_changed", "was made with other arguments"),
}


def findings(compared: Comparison, golden: Account, run: Account, cost_within: float | None) -> list[Finding]:
    """What says that the run is not as expected, and what keeps one from knowing. None: it is."""
    found = [Finding(UNKNOWN, "golden_incomplete", f"the golden run is not whole: {why}") for why in golden.missing]
    found += [Finding(UNKNOWN, "run_incomplete", f"the run is not whole: {why}") for why in run.missing]
    if golden.status != run.status:
        found.append(Finding(FAIL, "run_status", f"the run is {run.status}, expected was {golden.status}"))
    found += [_of_pair(pair) for pair in compared.differing]
    return found + ([] if cost_within is None else _of_cost(golden, run, cost_within))


def _of_pair(pair: Pair) -> Finding:
    call = pair.a or pair.b
    assert call is not None
    where = {"golden": pair.a and pair.a.number, "run": pair.b and pair.b.number, "step_id": pair.b and pair.b.step_id}
    if pair.kind in CODES:
        code, says = CODES[pair.kind]
        return Finding(FAIL, code, f"a call of {call.tool} {says}", where)
    if set(pair.changes) == {"output"}:
        return _of_output(pair, where)
    changed = ", ".join(f"{name} {was} → {is_}" for name, (was, is_) in pair.changes.items() if name != "output")
    return Finding(FAIL, "step_ended_otherwise", f"a call of {call.tool} ended otherwise: {changed}", where)


def _of_output(pair: Pair, where: dict[str, Any]) -> Finding:
    assert pair.b is not None
    if GONE in pair.changes["output"]:
        return Finding(UNKNOWN, "output_gone", f"what a call of {pair.b.tool} brought back is gone", where)
    return Finding(FAIL, "output_changed", f"a call of {pair.b.tool} brought back something else", where)


def _of_cost(golden: Account, run: Account, within: float) -> list[Finding]:
    if golden.micro_usd is None or run.micro_usd is None:
        which = "golden run" if golden.micro_usd is None else "run"
        return [Finding(UNKNOWN, "cost_unknown", f"the client gives no cost of the {which}")]
    if run.micro_usd <= golden.micro_usd * (1 + within):
        return []
    more = f"${run.micro_usd / 1e6:.4f}, expected was ${golden.micro_usd / 1e6:.4f} and at most {within:.0%} more"
    return [Finding(FAIL, "cost_grew", f"the run cost {more}", {"golden": golden.micro_usd, "run": run.micro_usd})]
