"""What happens round every verb: an outcome is shown, a failure becomes one line and an exit code."""

from __future__ import annotations

import os
import sys

from durable import __version__
from durable.cli.blocks import Paragraph
from durable.cli.result import Result, complain, show
from durable.errors import DurableError
from durable.home import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from durable.cli.result import Outcome

CANNOT = 3
INTERRUPTED = 130


def guarded(work: Callable[[], Outcome], as_json: bool) -> int:
    """Runs one verb and prints its outcome. Returns an exit code; raises nothing, shows no traceback."""
    _open_what_is_closed()
    try:
        return show(work(), as_json)
    except DurableError as error:
        complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        complain(f"{_what(error)}; check that path and its permissions, then run this again")
        return CANNOT
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets a line, not a stack
        what = f"unexpected {type(error).__name__} in {_where(error.__traceback__)}: {error}"
        complain(f"{what}; if {command()} verify finds nothing that was changed, please report this line")
        return CANNOT


def version() -> Result:
    return Result("version", {"version": __version__}, view=[Paragraph(f"durable {__version__}")])


def _open_what_is_closed() -> None:
    """Some daemons start us without a stdout or stderr: the ledger would be opened under its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode))  # noqa: SIM115 - it stays open to the end


def _what(error: OSError) -> str:
    place = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{place}"


def _where(trace: TracebackType | None) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "an unknown place" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
