"""What came of a call that durable itself made, in the words in which the client would have told it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class Outcome:
    """`response` is what the client's own tool would answer. `error` tells of a failure; unless `not_begun` is set
    too, its effect may have happened all the same. `not_begun`: nothing of it happened, and that is certain.
    `interrupted`: it was ended half-way. `truncated`: its output was longer than what is kept."""

    __slots__ = ("error", "interrupted", "not_begun", "response", "truncated")

    def __init__(
        self,
        response: Any,
        error: str | None,
        *,
        interrupted: bool = False,
        not_begun: bool = False,
        truncated: bool = False,
    ) -> None:
        self.response = response
        self.error = error
        self.interrupted = interrupted
        self.not_begun = not_begun
        self.truncated = truncated

    @classmethod
    def done(cls, response: Any, *, truncated: bool = False) -> Outcome:
        return cls(response, None, truncated=truncated)

    @classmethod
    def failed(cls, error: str, response: Any = None, *, not_begun: bool = False, truncated: bool = False) -> Outcome:
        return cls(response, error, not_begun=not_begun, truncated=truncated)

    @classmethod
    def stopped(cls, error: str, response: Any = None, *, truncated: bool = False) -> Outcome:
        return cls(response, error, interrupted=True, truncated=truncated)
