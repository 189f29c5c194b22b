"""A plan: lines that say what clients, models, persons and accidents do, in this order.

    open PROJECT attended|alone            a new client with a session and a run of its own
    continue CLIENT | resume CLIENT | move CLIENT | second CLIENT
                                           a new session of its run; its session, by a new process; its session
                                           under another run; one more process in its session while it lives
    call CLIENT,AGENT,LINE,ID[,twice][,no] ...
                                           at once, each by a hook of its own; `no`: the person, if asked
    end CALL ok|nothing|fail-before|fail-after|lost|spooled
    kill CLIENT before|after|orphan        kill -9 of one that has calls under way, if there is one: their effects
                                           have not happened, have, or will
    orphan CALL effect|die                 what a process that outlived its client comes to
    leave CLIENT before|after              the session ends
    escape CLIENT before|after             the agent's calls end and no hook hears of it; a new prompt begins
    crash CLIENT,AGENT,LINE,ID POINT       the hook before the call dies there
    gone CLIENT,AGENT,LINE,ID POINT        its client dies while that hook is there
    person CALL happened|not-happened|allow
    hour                                   passes

Numbers count what there is by then, modulo: every part of a plan is a plan.
"""

from __future__ import annotations

import random

from .rules import WHOM

AGENTS = ("main", "main", "main", "a1", "a2")
ENDS = ("ok", "ok", "ok", "ok", "nothing", "fail-before", "fail-after", "lost", "spooled")
CRASHES = (
    "before-commit:kill", "after-permit:raise", "before-commit:term", "after-commit:kill", "before-answer:kill",
    "after-commit:term", "before-answer:term",
)  # fmt: skip
HELD = ("after-permit", "after-commit", "before-answer")
CUTS = ("before", "after")
VERBS = {
    "call": 34, "end": 22, "kill": 8, "orphan": 4, "leave": 3, "escape": 3, "crash": 5, "gone": 2, "person": 6,
    "hour": 2, "open": 4, "continue": 3, "resume": 3, "move": 1, "second": 2,
}  # fmt: skip


def plan(seed: int, length: int = 14) -> list[str]:
    """Few rules and few ids, so that calls meet."""
    dice = random.Random(seed)
    rules = dice.sample(["pay", "ship", "wire", "mcp", "rent", "vote", "book", "book"], 2)
    lines = [f"open P {dice.choice(('alone', 'alone', 'attended'))}", "open P alone"]
    verbs = dice.choices(list(VERBS), list(VERBS.values()), k=length)
    for number, verb in enumerate(verbs):
        lines.append(_line(dice, verb, rules, number))
        if verb in ("kill", "hour"):
            lines.append(_line(dice, "call", rules, length + number))  # what it changed is met at once
        if verb == "call" and dice.random() < 0.5:
            lines.append(f"end {dice.randrange(60)} ok")  # most calls succeed
    return lines


def _line(dice: random.Random, verb: str, rules: list[str], number: int) -> str:
    some = dice.randrange(60)
    if verb == "open":
        return f"open {dice.choice('PPPQ')} {dice.choice(('alone', 'alone', 'attended'))}"
    if verb == "call":
        calls = range(dice.choice((1, 1, 1, 2, 2, 3, 4)))
        return " ".join(["call", *(_call(dice, rules, f"{number}{at}") for at in calls)])
    if verb in ("crash", "gone"):
        return f"{verb} {_who(dice, rules, f'{number}')} {dice.choice(CRASHES if verb == 'crash' else HELD)}"
    choices = {
        "end": ENDS,
        "kill": (*CUTS, "orphan", "orphan"),
        "orphan": ("effect", "die"),
        "leave": CUTS,
        "escape": CUTS,
        "person": ("happened", "not-happened", "allow"),
    }
    if verb == "hour":
        return "hour"
    return f"{verb} {some} {dice.choice(choices[verb])}" if verb in choices else f"{verb} {some}"


def _call(dice: random.Random, rules: list[str], fresh: str) -> str:
    words = _who(dice, rules, fresh)
    return words + (",twice" if dice.random() < 0.1 else "") + (",no" if dice.random() < 0.3 else "")


def _who(dice: random.Random, rules: list[str], fresh: str) -> str:
    use_id = dice.choice(("u1", "u2")) if dice.random() < 0.4 else f"u{fresh}"
    return f"{dice.randrange(60)},{dice.choice(AGENTS)},{_what(dice, rules)},{use_id}"


def _what(dice: random.Random, rules: list[str]) -> str:
    rule = dice.choice((*rules, *rules, *rules, "make"))
    if rule not in ("make", "mcp") and dice.random() < 0.1:
        return "+".join(f"{rule}:{whom}" for whom in WHOM)
    return f"{rule}:{dice.choice((*WHOM, 'bob'))}"
