from __future__ import annotations

import os

from durable import home
from durable.cli.blocks import Note, Paragraph, Verbatim
from durable.cli.options import argument, flag, value
from durable.cli.record import opened
from durable.cli.result import Result
from durable.errors import UsageError
from durable.view import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.cli.blocks import Block

OPTIONS = (
    argument("RUN", "A run or session: its id or the beginning; or a bundle; else the latest run.", required=False),
    value("-o", "FILE", "Where to write it (run-ID.html here); a directory, or - for the screen.", name="output"),
    flag("--open", "Open it in the browser.", name="show"),
    flag("--force", "Write over a file that is no report."),
)
STDOUT = "-"
LONGEST_NAME = 100
BEGINNING = 2048


def run(run: str = "", output: str = "", show: bool = False, force: bool = False) -> Result:
    """Write one page that shows what a run did: its steps in time, what they read and said, what is open."""
    if output == STDOUT and (show or force):
        raise UsageError("what goes to the screen is in no file", "leave out --open and --force, or name a file")
    from durable.evidence.reporting.gathering import gathered
    from durable.evidence.reporting.page import page

    with opened(run, "report") as (reader, run_id):
        path = "" if output == STDOUT else target(output, run_id, force)
        data = gathered(reader, run_id, _keys())
    text = page(data)
    if output == STDOUT:
        return Result("report", {"run_id": run_id, "path": None, "html": text}, view=[Verbatim(text)])
    _write(path, text.encode())
    found = _result(path, len(text), data)
    if show and not _is_opened(path):
        found.view.append(Note("warning", "no browser could be started: open the file in one"))
    return found


def _keys() -> dict[str, bytes]:
    """A bundle is looked at without a ledger too."""
    from durable.evidence.verify import keys_at_hand

    return keys_at_hand(home.data_home())


# ---- where to ---------------------------------------------------------------------------------


def target(output: str, run_id: str, force: bool) -> str:
    """The file to write. UsageError for one that is somebody else's, or part of the ledger."""
    path = os.path.abspath(os.path.expanduser(output)) if output else os.getcwd()
    if os.path.isdir(path):
        path = os.path.join(path, f"run-{_plain(run_id)}.html")
    folder, state = os.path.realpath(os.path.dirname(path)), os.path.realpath(home.data_home())
    if os.path.commonpath((folder, state)) == state:
        raise UsageError(f"{path} lies among the ledger's own files", "write it elsewhere: -o FILE")
    if not os.path.isdir(folder):
        raise UsageError(f"there is no directory {folder}", "make it, or write elsewhere: -o FILE")
    _check_free(path, force)
    return path


def _plain(run_id: str) -> str:
    """Somebody may have named a run with what no file name can hold."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in run_id)
    return kept[:LONGEST_NAME]


def _check_free(path: str, force: bool) -> None:
    from durable.evidence.reporting.page import MARK

    if not os.path.lexists(path):
        return
    if os.path.islink(path) or not os.path.isfile(path):
        raise UsageError(f"{path} is no ordinary file", "name another: -o FILE")
    with open(path, "rb") as file:
        is_ours = MARK.encode() in file.read(BEGINNING)
    if not (is_ours or force):
        raise UsageError(f"{path} is there already, and is no report", "name another, or write over it with --force")


def _write(path: str, data: bytes) -> None:
    """Whole or not at all, and for its owner alone: it holds what the calls read and said."""
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile(dir=os.path.dirname(path), prefix=".report-", delete=False) as beside:
        try:
            beside.write(data)
            beside.flush()
            os.fsync(beside.fileno())
            os.replace(beside.name, path)
        except BaseException:
            os.unlink(beside.name)
            raise


# ---- what is said -----------------------------------------------------------------------------


def _is_opened(path: str) -> bool:
    import webbrowser
    from pathlib import Path

    return webbrowser.open(Path(path).as_uri())


def _result(path: str, size: int, data: dict[str, Any]) -> Result:
    needing = sum(bool(step["needs"]) for step in data["steps"])
    verdicts = {look["name"]: look["verdict"] for look in data["looks"]}
    found = {
        "run_id": data["run"]["run_id"],
        "path": path,
        "bytes": size,
        "steps": len(data["steps"]),
        "left_out": data["left_out"],
        "need_somebody": needing,
        "verdicts": verdicts,
    }
    looked = ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items())
    holds = f"{counted(len(data['steps']), 'step')}, {size / 1000:,.0f} kB"
    view: list[Block] = [Note("ok", path), Paragraph(f"{holds}; {looked}")]
    if needing:
        view.append(Note("warning", f"{counted(needing, 'step')} in it {'needs' if needing == 1 else 'need'} somebody"))
    return Result("report", found, view=view)
