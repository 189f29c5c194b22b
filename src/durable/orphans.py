"""Processes of a step that outlived its client: Linux, by /proc.

A tool's processes inherit the session's id. Kill the client, and they go on with their effect under
another parent; only that id still tells whose they are. While one lives, the step may yet happen.
"""

from __future__ import annotations

import os
import time

from durable.owner import UNKNOWN, Process, elsewhere, is_our_proc, read_bytes, read_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from durable.owner import Owner

# Starts are counted in ticks of 10 ms, the clock may be nudged meanwhile, and a permit's time is taken
# a moment away from the permit. A wider window can only call more processes orphans.
MARGIN_NS = 2_000_000_000
COMMAND_LENGTH = 200
# What the client gives to its commands, and durable to those that it executes itself.
MARKS = (b"CLAUDE_CODE_SESSION_ID=", b"DURABLE_SESSION_ID=")
MOST_LOOKS = 4


class Orphan:
    """A living process of the step. `command` is its command line as it stands: redact before writing."""

    __slots__ = ("command", "pid", "started")

    def __init__(self, pid: int, started: int, command: str) -> None:
        self.pid = pid
        self.started = started
        self.command = command


class Orphans:
    """What is in `found` lives. Only `known` says that there are no others; if not, `reason` says why."""

    __slots__ = ("found", "known", "reason")

    def __init__(self, found: list[Orphan], known: bool, reason: str) -> None:
        self.found = found
        self.known = known
        self.reason = reason


def orphans(
    owner: Owner,
    permitted_at_ns: int,
    ended_at_ns: int | None,
    clients: Collection[Owner] = (),
    proc: str = "/proc",
) -> Orphans:
    """The orphans of a step permitted to `owner`.

    Times are wall-clock nanoseconds; `ended_at_ns` is the end of the step or of its owner, None where
    neither is known. `clients` are owners of the same session, the asking one among them: what descends
    from a living one other than `owner` is that one's business.
    """
    verdict = elsewhere(owner, proc)
    if verdict is not None:
        return Orphans([], verdict[0] != UNKNOWN, verdict[1])
    if owner.pid is None or not owner.session_id:
        return Orphans([], False, "the client gave no process id, so its processes can't be told from others")
    if not is_our_proc(proc):
        return Orphans([], False, "processes can't be read on this system")
    earliest, latest = _window(permitted_at_ns, ended_at_ns)
    marks = frozenset(name + os.fsencode(owner.session_id) for name in MARKS)
    return _look_again(_Search(proc, marks, earliest, latest), owner, clients)


def _look_again(search: _Search, owner: Owner, clients: Collection[Owner]) -> Orphans:
    # A process can hand over to a child and end between the listing and its reading: nothing found
    # once is not yet nothing there. One that can't be read while it starts or ends can be, or is gone, a moment later.
    looks: list[Orphans] = []
    for _ in range(MOST_LOOKS):
        look = search.look(owner, clients)
        if look.found or (look.known and looks and looks[-1].known):
            return look
        looks.append(look)
    return next(look for look in looks if not look.known)


def _window(permitted_at_ns: int, ended_at_ns: int | None) -> tuple[int, int | None]:
    """In ticks since boot, the unit in which processes tell their start."""
    booted = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    earliest = (permitted_at_ns - MARGIN_NS - booted) // tick
    return earliest, None if ended_at_ns is None else (ended_at_ns + MARGIN_NS - booted) // tick + 1


class _Search:
    __slots__ = ("earliest", "latest", "marks", "proc")

    def __init__(self, proc: str, marks: frozenset[bytes], earliest: int, latest: int | None) -> None:
        self.proc = proc
        self.marks = marks
        self.earliest = earliest
        self.latest = latest

    def look(self, owner: Owner, clients: Collection[Owner]) -> Orphans:
        table, unreadable = self._table()
        if 1 not in table:
            return Orphans([], False, "processes of other users are hidden here")
        shields = {c.pid for c in clients if _is_other(c, owner) and _is_running(c, table)}
        owners = {owner.pid} if _is_running(owner, table) else set()
        mine = _own_family(table, shields | owners)
        found = []
        for process in table.values():
            if process.started < self.earliest or process.ended or process.pid in mine:
                continue
            line = _line_of(process, table)
            if shields.intersection(p.pid for p in line):
                continue
            environ = self._environ(process)
            if environ is None:
                unreadable += self._could_be_one(process)
            elif not self.marks.isdisjoint(environ) and self._in_window(self._topmost(line)):
                found.append(Orphan(process.pid, process.started, self._command(process.pid)))
        return Orphans(found, not unreadable, _reason(len(found), unreadable))

    def _table(self) -> tuple[dict[int, Process], int]:
        """All processes, and how many are there but don't even tell when they started."""
        table, unreadable = {}, 0
        for name in os.listdir(self.proc):
            process = read_process(int(name), self.proc) if name.isdigit() else None
            if process is not None:
                table[process.pid] = process
            elif name.isdigit():
                unreadable += os.path.isdir(f"{self.proc}/{name}")
        return table, unreadable

    def _topmost(self, line: list[Process]) -> Process:
        carriers = [p for p in line[1:] if not self.marks.isdisjoint(self._environ(p) or ())]
        return carriers[-1] if carriers else line[0]

    def _in_window(self, process: Process) -> bool:
        return self.earliest <= process.started and (self.latest is None or process.started <= self.latest)

    def _could_be_one(self, process: Process) -> bool:
        return self._in_window(process) and not process.is_kernel_thread

    def _environ(self, process: Process) -> list[bytes] | None:
        # Where only the main thread has ended, its environment reads as empty while the others work on.
        if process.state == "Z":
            return None
        try:
            with open(f"{self.proc}/{process.pid}/environ", "rb") as file:
                return file.read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return []
        except OSError:
            return None

    def _command(self, pid: int) -> str:
        words = read_bytes(f"{self.proc}/{pid}/cmdline").replace(b"\0", b" ")
        return words.decode("utf-8", "replace").strip()[:COMMAND_LENGTH]


def _is_other(client: Owner, owner: Owner) -> bool:
    # A client of another session, started by the step's own command, is part of the step.
    same = (client.pid, client.started) == (owner.pid, owner.started)
    return not same and client.session_id == owner.session_id


def _is_running(client: Owner, table: dict[int, Process]) -> bool:
    process = table.get(client.pid or 0)
    return process is not None and not process.ended and process.started == client.started


def _line_of(process: Process, table: dict[int, Process]) -> list[Process]:
    """The process and its ancestors, nearest first."""
    line: list[Process] = []
    above: Process | None = process
    while above is not None and above not in line:
        line.append(above)
        above = table.get(above.ppid)
    return line


def _own_family(table: dict[int, Process], clients: Iterable[int | None]) -> set[int]:
    """Ourselves, and the shells between us and the client that started us: they carry the id as well."""
    line = [p.pid for p in _line_of(table[os.getpid()], table)] if os.getpid() in table else []
    for place, pid in enumerate(line):
        if pid in set(clients):
            return set(line[:place])
    return {os.getpid()}


def _reason(found: int, unreadable: int) -> str:
    if unreadable:
        return f"{unreadable} process(es) started meanwhile can't be read, they may belong to the step"
    return f"{found} process(es) of the step still run" if found else "no process of the step runs"
