"""What a deny says to the model that reads it, and to the person beside it.

It has to stop the model from trying again in other words: what is already done, its result, and what to
do instead. The line for the person comes last. All ids are those that the verbs take.
"""

from __future__ import annotations

from durable.step import ONCE, way_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.policy.claimed import Claimed
    from durable.policy.decide import Answer
    from durable.step import Step

# They know that it happened, and need not know more.
_WITNESSES = ("probe", "operator")
_NOT_AGAIN = "Don't run it again, and not in other words or by another tool either."
_WITHOUT = "Go on without its result; what it did can be looked at with a read-only command."


def done(c: Claimed, twin: Step, step_id: str) -> str:
    assert c.receipt is not None
    said = c.receipt.text.strip()
    if c.receipt.sure:
        head = f"Already done: {c.title()} ran as step {twin.step_id} at {_when(twin.closed_at)} and succeeded."
        then = f"{_NOT_AGAIN} {_WITHOUT if c.receipt.gone else 'Go on with this result.'}"
    else:
        head = (
            f"Already run: {c.title()} ran as step {twin.step_id} at {_when(twin.closed_at)}, in a line that hides "
            "whether it succeeded."
        )
        then = f"{_NOT_AGAIN} Check with a read-only command what it did, and go on from there."
    nothing = "What it printed is not known." if twin.closed_by in _WITNESSES else "It printed nothing."
    if c.receipt.gone:
        nothing = f"Its result was {c.receipt.gone}."
    result = f"Its recorded result:\n{said}" if said else nothing
    return _joined(head, "It was not run a second time.", then, result, _one_more(step_id))


def in_flight(twin: Step) -> str:
    return _joined(
        f"The same call is in flight as step {twin.step_id} since {_began(twin)}.",
        "It was not run a second time. Wait for that one's result; don't start it again in other words.",
    )


def elsewhere(twin: Step, why: str, step_id: str) -> str:
    return _joined(
        f"The same call may be in flight as step {twin.step_id} since {_began(twin)}: {why}.",
        "It was not run. It can be settled on that machine, or by a person here.",
        _settle(twin.step_id),
        _one_more(step_id),
    )


def in_doubt(c: Claimed, step: Step, step_id: str) -> str:
    return _joined(
        f"{_capital(c.title())} was cut off as step {step.step_id} at {_when(step.doubted_at or step.running_at)}: "
        "nobody knows whether it took effect.",
        _why(step, c.doubt),
        "It was not run a second time. Check with a read-only command whether its effect is there, tell the "
        "person what you found, and go on with other work.",
        _settle(step.step_id),
    )


def reworded(c: Claimed, step: Step, step_id: str) -> str:
    return _joined(
        f"{_capital(c.title())} may be step {step.step_id} again in other words: that call of the same rule "
        f"({c.rule.name}) was cut off at {_when(step.doubted_at or step.running_at)}, and nobody knows whether "
        "it took effect.",
        _why(step, c.doubt),
        "Nothing was run. Check with a read-only command whether that call's effect is there, and tell the "
        "person what you found.",
        _settle(step.step_id),
        _one_more(step_id),
    )


def twice(c: Claimed) -> str:
    return (
        f"The line holds {c.title()} twice or more, and each time counts. Nothing of the line was run. "
        "Run it once, and alone."
    )


def of_line(claims: list[Claimed], answers: list[Answer]) -> str:
    """A line that holds several claims: what is wrong with which, and what is left to do."""
    left = [c.title() for c, answer in zip(claims, answers, strict=True) if answer.verdict == "permit"]
    wrong = [answer.reason for answer in answers if answer.verdict != "permit" and answer.reason]
    rest = f"Nothing of the line was run. Left to do, each alone: {', '.join(left)}." if left else ""
    return _joined(*dict.fromkeys(wrong), rest)


def awaiting(twin: Step) -> str:
    if twin.approval == "approved":
        return _joined(
            f"The same call was approved as step {twin.step_id}, for whoever asked then; it was not started again.",
            f"It runs when that session and agent ask for it again: {way_on(twin.row)}.",
        )
    return _joined(
        f"The same call waits as step {twin.step_id} for a person's approval. It was not started a second time.",
        f"A person decides: durable approve {twin.step_id}, or durable deny {twin.step_id}.",
    )


def approval(rule: str, step_id: str) -> str:
    return _joined(
        f"The rule {rule} wants a person's approval for this call.",
        f"A person decides: durable approve {step_id}, or durable deny {step_id}.",
    )


def asked_before(step: Step) -> str:
    twin = f" It may be step {step.duplicate_of} again." if step.duplicate_of else ""
    return f"A person is being asked about this call, as step {step.step_id}.{twin}"


def refused_by_person(by: str) -> str:
    return f"A person ({by}) refused this call. It was not run. Don't try it in other words."


def gate(rule: str) -> str:
    return f"The rule {rule} forbids this call. It was not run. Don't try it in other words."


def broken_policy(broken: str) -> str:
    return (
        f"durable can't decide about this call because a policy file is invalid: {broken}. "
        "Nothing was run. Reading, and editing that one file, are still possible."
    )


def cancelled() -> str:
    return "A person cancelled this run: none of its calls runs any more. Stop, and say what is done and what is not."


def over_budget(what: str) -> str:
    return f"This run is over its budget: {what}. The call was not run. Stop, and say what is done and what is left."


def strict(listed: list[tuple[Step, str]], more: int, run_id: str) -> str:
    return _joined(
        "This run was cut off, and what it was cut off in comes first. This call was not run.",
        f"Interrupted, in the order they began:\n{_interrupted(listed, more, run_id)}",
        "Take the first one: make exactly that call again, with the same input, and durable answers it from its "
        "record or lets it run. If you can't, check with a read-only call whether its effect is there and tell "
        "the person. Then the next one. Until none is left, only reading and planning go by.",
    )


def strict_stop(listed: list[tuple[Step, str]], more: int, run_id: str, denied: int) -> str:
    return _joined(
        f"A person must settle the interrupted calls of this run first; {denied} other calls were denied meanwhile.",
        "Stop now: make no other call, and tell the person what is left. This call was not run.",
        f"Interrupted, in the order they began:\n{_interrupted(listed, more, run_id)}",
        f"Or a person lets other calls run: durable resume --run-id {run_id} --no-strict",
    )


def _interrupted(listed: list[tuple[Step, str]], more: int, run_id: str) -> str:
    lines = [f"- step {step.step_id}, {title}, in {step.cwd}. {_open_end(step)}" for step, title in listed]
    return "\n".join([*lines, f"- and {more} more: durable show {run_id}"] if more else lines)


def _open_end(step: Step) -> str:
    if step.effect != ONCE:
        return "It may be repeated."
    return f"It must not happen twice, and nobody knows whether it did. {_settle(step.step_id)}"


# ---- parts ------------------------------------------------------------------------------------


def _one_more(step_id: str) -> str:
    return f"If one more is really wanted, a person says so with: durable allow {step_id}"


def _settle(step_id: str) -> str:
    return f"A person settles it with: durable happened {step_id}, or durable not-happened {step_id}"


def _why(step: Step, doubt: str) -> str:
    known = doubt or step.doubt or ""
    return f"({known}.)" if known else ""


def _began(step: Step) -> str:
    return _when(step.running_at or step.prepared_at)


def _when(at: str | None) -> str:
    return f"{at[:10]} {at[11:19]} UTC" if at else "an unknown time"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
