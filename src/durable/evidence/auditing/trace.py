"""What a client's own record says of its calls, in words no client owns. Adapters in agents/ read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RAN, NEVER_RAN, PERHAPS = "ran", "never ran", "perhaps"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as the model asked for it. `line` is the same wherever a fork repeats it; `turn` counts the prompts."""

    use_id: str
    tool: str
    input: Any
    at: str
    line: int
    turn: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the model was told of a call. `why` names what shows that it ran, or that it did not. `response` is what
    the client keeps beside the text, None where it keeps nothing; `agent` the sub-agent that the call began."""

    use_id: str
    ran: str
    why: str
    is_error: bool
    content: Any
    response: Any
    agent: str
    at: str


@dataclass(frozen=True, slots=True)
class Broken:
    """From here on the record is not what the client wrote: something is torn, missing, or in another order."""

    why: str
    at: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that the person ran without the model: no tool call, and no hook hears of it."""

    at: str


Item = Asked | Told | Broken | Typed
