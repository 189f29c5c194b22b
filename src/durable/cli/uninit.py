from __future__ import annotations

from durable.cli.init import DIFF, PROJECT, USER, YES, Words, change, chosen_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.cli.result import Result

OPTIONS = (USER, PROJECT, DIFF, YES)
WORDS = Words(
    "takes durable's hooks out of",
    "Take them out of {}?",
    "durable's hooks are out of {}",
    "no hook of durable stands in {}",
)


def run(user: bool = False, project: bool = False, diff: bool = False, yes: bool = False) -> Result:
    """Take durable's hooks out of the client's settings, and nothing else."""
    return change("uninit", chosen_file(user, project), _unregistered, WORDS, diff, yes)


def _unregistered(settings: dict[str, Any]) -> dict[str, Any]:
    from durable.settings.merge import without_ours
    from durable.settings.ours import is_ours

    return without_ours(settings, is_ours)
