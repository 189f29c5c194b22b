"""What the rules say of a call, which of them and why; and, from the ledger as it stands, what it would meet."""

from __future__ import annotations

import os
import time

from durable.cli.blocks import Facts, Heading, Note, Paragraph
from durable.cli.foretold import answers, now_facts
from durable.cli.living import Living
from durable.cli.policy_show import said
from durable.cli.reading import has_ledger, heard, no_ledger, notices
from durable.cli.result import Result
from durable.cli.when import moment
from durable.cli.words import standing
from durable.errors import DurableError, UsageError
from durable.event import Call
from durable.fingerprint import of_claim
from durable.home import data_home
from durable.ledger.keys import read_key
from durable.ledger.reading import Reader
from durable.native import loads
from durable.policy.files import load_policy
from durable.policy.match import rules_for
from durable.policy.place import EDITING, READING
from durable.policy.rule import ALLOW, ASK, DENY, REPLAY, RUN
from durable.step import ONCE, SUCCEEDED
from durable.view import short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.cli.blocks import Block
    from durable.policy.match import Claim
    from durable.policy.policy import Policy
    from durable.policy.rule import Rule
    from durable.policy.ruling import Ruling
    from durable.view import Row

# What stands in the brackets, where it is no JSON object.
PLAIN = {"Bash": "command", "WebFetch": "url", "WebSearch": "query", "Agent": "subagent_type", "Skill": "skill"}
PLAIN |= EDITING | READING
SECOND = {
    DENY: "a second one is denied, with its receipt",
    ASK: "a second one is asked about",
    REPLAY: "a second one is handed its receipt",
    ALLOW: "a second one runs",
}


def run(what: str, cwd: str = "") -> Result:
    call = parsed(what)
    here = os.path.abspath(cwd) if cwd else os.getcwd()
    state = data_home()
    policy = load_policy(state, os.getcwd(), os.environ)
    ruling = rules_for(call, here, os.getcwd(), policy)
    twins = _Twins(state, call)
    data = {
        "call": {"tool_name": call.tool, "input": call.input, "cwd": here},
        "effect": ruling.effect,
        "rule": ruling.rule,
        "gate": ruling.gate or None,
        "gate_rule": ruling.gate_rule or None,
        "parsed": ruling.line.parsed if ruling.line is not None else None,
        "matched": [_rule(rule) for rule in ruling.matched],
        "claims": [_claim(claim, twins) for claim in ruling.claims],
        "answers": answers(state, call, here, policy) if not twins.absent else [],
        "ledger": twins.absent or None,
        "policy": policy.digest,
        "broken": policy.broken or None,
    }
    return Result("policy", data, 0, [*notices(), *_view(data, ruling, policy)])


def parsed(what: str) -> Call:
    """`Bash(gh pr create)`, `Edit(src/a.py)`, `mcp__pay__charge({"amount": 5})`, `Read`."""
    tool, bracket, rest = what.strip().partition("(")
    if not tool or (bracket and not rest.endswith(")")):
        raise UsageError(f"{what!r} is no call", "write TOOL(INPUT), like 'Bash(gh pr create)'")
    return Call("rehearsal", tool, _input(tool, rest[:-1].strip() if bracket else ""))


def _input(tool: str, text: str) -> Row:
    if not text:
        return {}
    if text.startswith("{"):
        try:
            given = loads(text)
        except DurableError as error:
            raise UsageError(f"the input of {tool} can't be read: {error.problem}", "give a JSON object") from None
        if isinstance(given, dict):
            return given
    if tool not in PLAIN:
        raise UsageError(f"the input of {tool} is no JSON object", f"write {tool}({{…}})")
    return {PLAIN[tool]: text}


# ---- what there is ----------------------------------------------------------------------------


def _rule(rule: Rule) -> Row:
    return {
        "name": rule.name,
        "origin": rule.origin,
        "effect": rule.effect,
        "match": [pattern.text for pattern in rule.match],
        "fields": {name: value for name, value in rule.fields.items() if name not in ("match", "effect")},
        "tightened_by": rule.tightened_by or None,
        "not_taken": list(rule.ignored),
    }


def _claim(claim: Claim, twins: _Twins) -> Row:
    command = claim.command
    found = twins.of(claim)
    return {
        "rule": claim.rule.name,
        "words": claim.words,
        "command": command.text if command is not None else None,
        "cwd": claim.place or None,
        "exit_hidden": claim.exit_hidden,
        "counts": claim.parts,
        "twins": found,
        "now": _now(claim.rule, found),
    }


def _now(rule: Rule, twins: list[Row]) -> str:
    if not twins:
        return "nothing like it is on record"
    latest = next((twin for twin in twins if twin["status"] != SUCCEEDED), twins[0])
    where = f"step {latest['step_id']} of run {short_id(latest['run_id'])}"
    if latest["status"] != SUCCEEDED:
        return f"{where} is {latest['status'].replace('_', ' ')}: {latest['standing']}"
    counted = f" in that {RUN}" if rule.scope == RUN else f" in this {rule.scope}" if rule.scope == "project" else ""
    return f"{where} did it at {moment(latest['closed_at'])};{counted} {SECOND[rule.on_duplicate]}".replace(
        "; a", "; a"
    )


class _Twins:
    """The steps that hold a claim. `absent` says why none can be looked up."""

    def __init__(self, state: str, call: Call) -> None:
        self._call = call
        self._state = state
        self._key = b""
        self.absent = "" if has_ledger(state) else no_ledger(state)
        if not self.absent:
            self._key = read_key(state).fingerprint

    def of(self, claim: Claim) -> list[Row]:
        if self.absent:
            return []
        mark = of_claim(self._key, self._call.tool, claim.place, claim.parts)
        with Reader(self._state) as reader:
            living = Living(reader)
            rows = reader.all("steps_holding", fingerprint=mark)
            return [_twin(reader, living, row) for row in rows if not row.get("released_at")]


def _twin(reader: Reader, living: Living, row: Row) -> Row:
    life = living.of(row)
    told = standing(row, life, heard(reader, row["run_id"]), time.time_ns()) if life is not None else None
    names = ("step_id", "run_id", "session_id", "status", "prepared_at", "closed_at")
    return {**{name: row[name] for name in names}, "standing": told}


# ---- for people -------------------------------------------------------------------------------


def _view(data: Row, ruling: Ruling, policy: Policy) -> list[Block]:
    blocks: list[Block] = []
    if policy.broken:
        blocks.append(Note("problem", f"a policy file is invalid: {policy.broken}"))
    facts = [("effect", _effect(ruling)), ("rule", ruling.rule)]
    facts += [("gate", f"{ruling.gate}, by {ruling.gate_rule}")] if ruling.gate else []
    facts += now_facts(data["answers"])
    blocks.append(Facts(facts))
    if data["parsed"] is False:
        blocks.append(Note("note", "the line can't be taken apart: it gets the strictest rule whose words it holds"))
    for rule in data["matched"]:
        blocks += _of_rule(rule)
    for claim in data["claims"]:
        blocks += _of_claim(claim)
    if not data["matched"] and not ruling.gate:
        blocks.append(Paragraph("No rule speaks of it; this is the built-in table."))
    return [*blocks, *([Paragraph(data["ledger"])] if data["ledger"] and data["claims"] else [])]


def _effect(ruling: Ruling) -> str:
    meaning = {ONCE: "must not happen twice", "repeatable": "may be repeated", "read": "changes nothing"}
    return f"{ruling.effect}: {meaning[ruling.effect]}"


def _of_rule(rule: Row) -> list[Block]:
    facts = [("matches", ", ".join(rule["match"])), ("effect", rule["effect"])]
    facts += [("says", said(rule["fields"]))] if rule["fields"] else []
    blocks: list[Block] = [Heading(f"{rule['name']} ({rule['origin']})"), Facts(facts)]
    if rule["tightened_by"]:
        blocks.append(Note("note", f"made stricter by the project's rule {rule['tightened_by']!r}"))
    if rule["not_taken"]:
        blocks.append(Note("warning", f"not taken from the project's rule: {', '.join(rule['not_taken'])}"))
    return blocks


def _of_claim(claim: Row) -> list[Block]:
    facts = [("what", claim["command"] or claim["words"])]
    facts += [("in", claim["cwd"])] if claim["cwd"] else []
    facts += [("now", claim["now"])]
    facts += [("its exit code", "is hidden by the line")] if claim["exit_hidden"] else []
    return [Heading("Must not happen twice"), Facts(facts)]
