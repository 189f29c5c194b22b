"""The Typer application: help, `--version`, and what is to be said of a line that names no verb.

`--help` alone imports every verb, to list their first lines. Verbs that are run are not run from here: Typer
brings pydantic in as soon as it reads an option, which costs three times as much as most answers.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from durable.cli.frame import INTERRUPTED
from durable.cli.frame import version as version_result
from durable.cli.options import JSON, Option, call, help_line
from durable.cli.verbs import VERBS
from durable.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType

    from durable.cli.result import Outcome

# Typer has carried a click of its own since 0.2x; what both spellings share is the family of this class.
BadUsage: type[Exception] = typer.BadParameter.__mro__[1]


def outcome(words: list[str]) -> Outcome:
    if words[0] == "--version":
        return version_result()
    try:
        answer = typer.main.get_command(_app()).main(words, prog_name="durable", standalone_mode=False)
    except BadUsage as error:
        raise UsageError(str(error.format_message()).rstrip("."), _remedy(words)) from None  # type: ignore[attr-defined]
    except typer.Abort:
        raise KeyboardInterrupt from None
    if answer == INTERRUPTED:  # Typer makes a number of Ctrl-C.
        raise KeyboardInterrupt
    # An int is the exit code of --help, which printed for itself.
    return iter(()) if isinstance(answer, int) else answer


def _app() -> typer.Typer:
    app = typer.Typer(cls=_Verbs, add_completion=False, rich_markup_mode=None)
    app.callback(invoke_without_command=True)(_root)
    return app


def _root(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version."),
    as_json: bool = typer.Option(False, "--json", hidden=True),
) -> Any:
    """No tool call of an agent runs unless a durable row in a ledger said so first."""
    if not version and ctx.invoked_subcommand is None:
        raise UsageError("no verb is given", _remedy([]))
    return version_result()


class _Verbs(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _command(cmd_name) if cmd_name in VERBS else None


def _command(verb: str) -> Any:
    module = importlib.import_module(VERBS[verb])
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    line = help_line(module)
    # Left to itself it shortens the line for the list of verbs, in the middle of what it says.
    app.command(verb, help=line, short_help=line)(_callback(module))
    return typer.main.get_command(app)


def _callback(module: ModuleType) -> Any:
    """A function with the signature that Typer reads options from."""
    options = [*module.OPTIONS, JSON]

    def run(**given: Any) -> Outcome:
        given.pop(JSON.name)
        return call(module, {name: chosen for name, chosen in given.items() if chosen is not None})

    run.__signature__ = inspect.Signature([_parameter(option) for option in options])  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: _kind(option) for option in options}
    return run


def _parameter(option: Option) -> inspect.Parameter:
    default: Any = ... if option.required else None
    if option.positional:
        declared = typer.Argument(default, help=option.help, metavar=option.metavar)
    else:
        metavar = None if option.kind is bool else option.metavar
        declared = typer.Option(default, option.spelling, help=option.help, metavar=metavar)
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=declared, annotation=_kind(option))


def _kind(option: Option) -> Any:
    return list[str] if option.kind is list else option.kind


def _remedy(words: list[str]) -> str:
    verb = next((word for word in words if word in VERBS), "")
    return f"see durable {verb} --help" if verb else f"the verbs are {', '.join(VERBS)}"
