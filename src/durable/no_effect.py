"""What a rule makes of a result: whether it shows that nothing happened, or hides what did.

An exit code speaks for one command only: in a line of several it may be an earlier one's. The words of an
error speak for themselves.
"""

from __future__ import annotations

from durable.ending import Ending
from durable.native import dumps
from durable.step import FAILED, IN_DOUBT, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.policy.match import Claim


def judged(ending: Ending, claims: list[Claim], said: Any) -> Ending:
    """`ending` as the rules of the call's claims see it; `said` is what the tool gave back."""
    if not claims or ending.status not in (SUCCEEDED, IN_DOUBT):
        return ending
    text = _text(said)
    if ending.status == IN_DOUBT:
        if all(_shows_nothing_happened(claim, text, ending.exit_code) for claim in claims):
            return Ending(FAILED, "", ending.exit_code)
        return ending
    if all(claim.exit_hidden and _says_so(claim, text) for claim in claims):
        return Ending(FAILED, "its output shows that nothing happened", ending.exit_code)
    if any(claim.exit_hidden for claim in claims):
        return Ending(SUCCEEDED, ending.why, ending.exit_code, exit_hidden=True)
    return ending


def _shows_nothing_happened(claim: Claim, text: str, code: int | None) -> bool:
    alone = claim.command is None or not claim.command.failure_hidden
    return (code in claim.rule.no_effect_exits and alone) or _says_so(claim, text)


def _says_so(claim: Claim, text: str) -> bool:
    """What failed in the third round says nothing of the first two."""
    if claim.command is not None and claim.command.may_repeat:
        return False
    return any(_found(pattern, text) for pattern in claim.rule.no_effect_output)


def _found(pattern: str, text: str) -> bool:
    """A text that stands there as it is, or /a regular expression/."""
    if len(pattern) > 2 and pattern[0] == pattern[-1] == "/":
        import re

        return re.search(pattern[1:-1], text) is not None
    return pattern in text


def _text(said: Any) -> str:
    if isinstance(said, str):
        return said
    if isinstance(said, dict) and ("stdout" in said or "stderr" in said):
        return f"{said.get('stdout') or ''}\n{said.get('stderr') or ''}"
    return dumps(said)
