"""The state directory as files: whose they are, who may read them, what waits in them."""

from __future__ import annotations

import os
import stat
import time

from durable.clock import nanoseconds
from durable.doctor.check import FAIL, PASS, WARN, Check
from durable.errors import DurableError
from durable.home import command
from durable.ledger.database import database_in
from durable.native import loads
from durable.view import age, counted
from durable.waiting import waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "state directory"
LONG_WAL = 20 << 20
RECENT_S = 86_400
_NAMED = 3
_LOG_TAIL = 64_000
_SAID = 200


def directory_checks(home: str) -> Iterator[Check]:
    """Nothing is made or changed: a hook would make it and set its mode."""
    if not os.path.lexists(home):
        yield Check(PASS, NAME, f"{home}: the first hook makes it")
        return
    found = {path: look for path in [home, *_below(home)] if (look := _looked_at(path)) is not None}
    faults = [fault for path, look in found.items() if (fault := _fault(path, look, home))]
    if faults:
        yield Check(FAIL, NAME, f"{_some(faults)}: every call is denied", "move it away, or make it yours", seen=faults)
        return
    loose = [path for path, look in found.items() if look.st_mode & 0o077]
    if loose:
        remedy = f"chmod -R go-rwx {home}"
        yield Check(WARN, NAME, f"others may read {_some(loose)}", remedy, seen=loose)
    elif not os.access(home, os.W_OK | os.X_OK):
        yield Check(FAIL, NAME, f"{home} can't be written: every call is denied", f"chmod u+rwx {home}")
    else:
        yield Check(PASS, NAME, f"{home} is yours alone")


def _below(home: str) -> Iterator[str]:
    if os.path.islink(home):
        return
    for folder, folders, names in os.walk(home):
        yield from (os.path.join(folder, name) for name in (*folders, *names))


def _looked_at(path: str) -> os.stat_result | None:
    """None for what a hook at work has taken away meanwhile."""
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _fault(path: str, found: os.stat_result, home: str) -> str:
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a symbolic link"
    if path == home and not stat.S_ISDIR(found.st_mode):
        return f"{path} is no directory"
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user (uid {found.st_uid})"
    return ""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


# ---- what waits ---------------------------------------------------------------------------------


def waiting_checks(home: str, env: Mapping[str, str]) -> Iterator[Check]:
    left, bad = waiting(home, env), _names(f"{home}/spool/bad")
    if bad:
        sentence = f"{counted(len(bad), 'receipt')} in {home}/spool/bad can't be folded into the ledger"
        yield Check(WARN, "spool", sentence, f"{command()} open says why", seen=bad)
    if left:
        sentence = f"{counted(len(left), 'receipt')} waiting to be folded in"
        remedy = "the next hook does it; if they stay, look at the other findings"
        yield Check(WARN, "spool", sentence, remedy, seen=left)
    if not bad and not left:
        yield Check(PASS, "spool", "no receipt waits")


def wal_checks(home: str) -> Iterator[Check]:
    try:
        size = os.stat(database_in(home) + "-wal").st_size
    except OSError:
        return  # No WAL: nothing has been written since the last checkpoint.
    if size > LONG_WAL:
        sentence = f"it has grown to {size >> 20} MiB, which every hook reads: some program keeps an old view open"
        yield Check(WARN, "write-ahead log", sentence, "end the programs that have ledger.db open for long")


def log_checks(home: str) -> Iterator[Check]:
    """Hooks note here what kept them from the ledger, the only place left then."""
    path = f"{home}/hook.log"
    recent = [entry for entry in _entries(path) if _age_s(entry["at"]) < RECENT_S]
    if not recent:
        yield Check(PASS, "hook log", "no hook had trouble in the last 24 hours")
        return
    last = recent[-1]
    times = "once" if len(recent) == 1 else f"{len(recent)} times"
    said = last["problem"] if len(last["problem"]) <= _SAID else last["problem"][:_SAID] + "…"
    sentence = f"hooks had trouble {times} in 24 hours; {age(_age_s(last['at']))}, {last['hook']}: {said}"
    yield Check(WARN, "hook log", sentence, f"if that cause is gone, nothing; all of it stands in {path}")


def _entries(path: str) -> list[dict[str, str]]:
    try:
        with open(path, "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _LOG_TAIL, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [entry for line in lines if (entry := _entry(line))]


def _entry(line: str) -> dict[str, str]:
    """Empty for a line that was cut, or that is none of ours."""
    try:
        entry = loads(line)
        nanoseconds(entry["at"])
        return {name: str(entry[name]) for name in ("at", "hook", "problem")}
    except (DurableError, ValueError, KeyError, TypeError):
        return {}


def _age_s(stamp: str) -> float:
    return (time.time_ns() - nanoseconds(stamp)) / 1_000_000_000


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
