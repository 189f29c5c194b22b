"""Asks the world about a step in doubt, and writes down what it says.

A probe runs outside lock and transaction. What it says moves the step only from `in_doubt`, so that of
two who probed at once the loser finds it settled. "It happened" is believed at once. "It did not" is
believed only when nothing of the step can still be on its way.
"""

from __future__ import annotations

from durable import owner as owners
from durable.clock import nanoseconds, stamp
from durable.closing import closing
from durable.native import dumps, loads
from durable.orphans import orphans
from durable.policy.rule import is_own
from durable.probe import CANT_TELL, HAPPENED, Verdict
from durable.step import NOT_DONE, SUCCEEDED, could_run_since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.orphans import Orphans
    from durable.policy.rule import Rule
    from durable.redact import Redactor
    from durable.step import Step

    Verdicts = dict[str, Verdict]
else:
    Verdicts = dict

BUILT_IN = "built-in:"  # of the probes in durable/probes
_WRITES = ("Edit", "MultiEdit", "NotebookEdit", "Write")


class Question:
    """Everything that a probe is told, taken from the ledger before it is let go."""

    __slots__ = ("command", "cwd", "key", "possible", "rule", "speaks", "step", "step_id")

    def __init__(self, tx: Transaction, step: Step, rule: Rule, settle_s: float) -> None:
        row = {name: value for name, value in step.row.items() if value is not None and name != "exit_hidden"}
        row["input"] = loads(tx.content(step.effective_input or step.input) or "null")
        self.step: dict[str, Any] = row
        self.step_id: str = step.step_id
        self.cwd: str = step.cwd
        self.rule = rule
        self.key: bytes = tx.key.fingerprint
        # Before the probe looks: an orphan that acts and ends behind its look would be gone afterwards.
        self.possible = still_possible(tx, step, settle_s)
        claims = tx.all("claims_of_step", step_id=step.step_id)
        # What becomes of the step becomes of all its claims: who sees one of them can't speak for another.
        # A job speaks of its step as a whole, and its claim is no other call.
        calls = [claim["rule"] for claim in claims if not is_own(claim["rule"])]
        self.speaks = is_own(rule.name) or calls == [rule.name]
        self.command = self._command({claim["fingerprint"] for claim in claims})
        if self.command is not None:
            self.step["command"] = self.command

    def _command(self, marks: set[str]) -> dict[str, Any] | None:
        if self.step["tool_name"] != "Bash" or not isinstance(self.step["input"], dict):
            return None
        from durable.probe_command import command_of

        return command_of(self.step["input"].get("command"), self.cwd, self.rule, marks, self.key)


def can_be_probed(step: Step, rule: Rule) -> bool:
    return bool(rule.probe) or (step.tool_name in _WRITES and bool(step.file_before))


def ask(question: Question, seconds: float, env: Mapping[str, str]) -> Verdict:
    """Never raises for what is wrong with a probe: then it can't tell."""
    verdict = _asked(question, seconds, env)
    verdict.possible = question.possible
    return verdict


def _asked(question: Question, seconds: float, env: Mapping[str, str]) -> Verdict:
    from durable.probe import built_in, run_probe

    rule, step = question.rule, question.step
    if step["input"] is None:
        # Asked about nothing, a probe would say that nothing is there.
        return Verdict(CANT_TELL, "", "its input is on record by its hash alone")
    if not rule.probe:
        return built_in(step["tool_name"], step["input"], step, question.key)
    if not question.speaks:
        return Verdict(CANT_TELL, "", f"its line holds other calls too, and a probe of {rule.name} sees one")
    seconds = min(seconds, rule.probe_timeout_s or seconds)
    if not rule.probe.startswith(BUILT_IN):
        return run_probe(rule.probe, step, question.cwd, seconds, env)
    if question.command is None:
        return Verdict(
            CANT_TELL, "", "its line, or what stands in its directory now, does not tell what it was to make"
        )
    return run_probe(_built_in(rule.probe), step, question.command["cwd"], seconds, env)


def _built_in(probe: str) -> str:
    """As a line for the shell."""
    import sys

    script = f"{__file__.rpartition('/')[0]}/probes/run.py"
    words = (sys.executable, "-I", "-S", script, probe.removeprefix(BUILT_IN))
    return "exec " + " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def record_probe(tx: Transaction, step: Step, verdict: Verdict, redactor: Redactor) -> None:
    tx.append("step.probed", step.run_id, step.step_id, {"says": verdict.says, "why": redactor.text(verdict.why)})


def settle_by_probe(tx: Transaction, step: Step, verdict: Verdict, settle_s: float, redactor: Redactor) -> str:
    """Moves the step as far as the verdict is believed. "" if that settled it, else why it did not."""
    record_probe(tx, step, verdict, redactor)
    if verdict.says == CANT_TELL:
        return redactor.text(verdict.why) or "its probe can't tell"
    if verdict.says == HAPPENED:
        output = tx.put(dumps({"stdout": redactor.text(verdict.receipt)}).encode())
        tx.close_step(step, closing(SUCCEEDED, "probe", output=output))
        return ""
    why = verdict.possible or still_possible(tx, step, settle_s)
    if not why:
        error = tx.put_text(redactor.text(verdict.why) or "its probe says that it did not happen")
        tx.close_step(step, closing(NOT_DONE, "probe", error=error))
    return why


def left_of(tx: Transaction, step: Step) -> Orphans | None:
    """Its processes that outlived its client; None if that is not on record."""
    row = tx.one("owner_row", owner_id=step.owner_id)
    if row is None:
        return None
    ended = nanoseconds(row["ended_at"] or step.doubted_at or step.closed_at)
    clients = [owners.from_row(other) for other in tx.all("owners_of_session", session_id=step.session_id)]
    return orphans(owners.from_row(row), nanoseconds(could_run_since(step.row)), ended, clients)


def still_possible(tx: Transaction, step: Step, settle_s: float) -> str:
    """Why "it did not happen" can't be believed yet; "" if it can. A dead client proves no dead call:
    its command lives on as an orphan, its request arrives a little later."""
    left = left_of(tx, step)
    if left is None:
        return "its client is not on record"
    if left.found:
        return f"process {left.found[0].pid} of it still runs"
    if not left.known:
        return f"whether a process of it still runs can't be known ({left.reason})"
    until = nanoseconds(step.doubted_at or step.closed_at) + int(settle_s * 1_000_000_000)
    if nanoseconds(tx.at) < until:
        return f"its probe says that it did not happen, but it may still be under way until {stamp(until)}"
    return ""
