"""What a command answers, and the only code that prints it.

A command returns a Result (or, for a live one, an iterator of them) and never prints. `data` is what
`--json` shows, `view` what a person sees: blocks.
"""

from __future__ import annotations

import os
import sys

from durable.cli.blocks import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TextIO, TypeAlias

    from durable.cli.blocks import Block

    Outcome: TypeAlias = "Result | Iterator[Result]"
    Render: TypeAlias = Callable[[Iterable[Block], TextIO], None]
    View: TypeAlias = Iterable[Block] | Callable[[], Iterable[Block]]

ENVELOPE = "durable.{verb}.v1"
# Above so many entries JSON is written in one line: json lays lines out in Python, at twice the cost of all the rest.
LONG = 200


class Result:
    """`begins`: what follows has to happen, whether or not anybody reads on. A view that takes time may be given as a
    function, which is not called for JSON."""

    __slots__ = ("_view", "begins", "data", "exit_code", "verb")

    def __init__(self, verb: str, data: Any, exit_code: int = 0, view: View = (), begins: bool = False) -> None:
        self.begins = begins
        self.verb = verb
        self.data = data
        self.exit_code = exit_code
        self._view = view

    @property
    def view(self) -> list[Block]:
        if not isinstance(self._view, list):
            self._view = list(self._view() if callable(self._view) else self._view)
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        self._view = view

    def precede(self, blocks: Iterable[Block]) -> None:
        before, after = list(blocks), self._view
        self._view = lambda: [*before, *(after() if callable(after) else after)]


def show(outcome: Outcome, as_json: bool) -> int:
    """Prints a result, or each one of a live command as it comes. Returns the exit code of the last."""
    live = not isinstance(outcome, Result)
    exit_code = 0
    for result in _each(outcome):
        exit_code = result.exit_code
        try:
            _print(result, as_json, live)
            sys.stdout.flush()
        except OSError as error:
            # Python would try once more at exit to flush what is left, and complain with a traceback.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            # A reader that went away (`durable runs | head`) has all it wanted.
            if not isinstance(error, BrokenPipeError):
                raise
            if not result.begins:
                break
    return exit_code


def complain(text: str) -> None:
    """One line on stderr, whatever the text holds."""
    _forgive(sys.stderr)
    sys.stderr.write(f"durable: {visible(' '.join(text.split()))}\n")


def agrees(view: Iterable[Block], question: str) -> bool:
    """Shows what is at stake and asks for a yes, on the terminal. Enter alone is a no."""
    return typed(view, f"{question} [y/N] ").lower() in ("y", "yes")


def typed(view: Iterable[Block], question: str) -> str:
    """Shows what is at stake and asks; what was typed, on the terminal."""
    _for_people(sys.stderr)(view, sys.stderr)
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def attended() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _each(outcome: Outcome) -> Iterable[Result]:
    return [outcome] if isinstance(outcome, Result) else outcome


def _print(result: Result, as_json: bool, live: bool) -> None:
    if as_json:
        sys.stdout.write(_envelope(result, None if live or _is_long(result.data) else 2) + "\n")
    else:
        _for_people(sys.stdout)(result.view, sys.stdout)


def _is_long(data: Any) -> bool:
    listed = data.values() if isinstance(data, dict) else [data]
    return any(isinstance(one, list) and len(one) > LONG for one in listed)


def _envelope(result: Result, indent: int | None) -> str:
    import json

    # ASCII only: valid in every locale, and a lone surrogate of a file name stays a JSON escape. Bytes are in a row
    # only where somebody put them, and what says so is shown.
    return json.dumps({"schema": ENVELOPE.format(verb=result.verb), "data": result.data}, indent=indent, default=str)


def _for_people(stream: TextIO) -> Render:
    _forgive(stream)
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        try:
            from durable.cli.render_rich import render
        except ImportError:
            pass
        else:
            return render
    from durable.cli.render_plain import render as plain

    return plain


def _forgive(stream: Any) -> None:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
