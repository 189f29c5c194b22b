"""Who a step was permitted to, and whether that client process still lives.

Three verdicts, never a guess: ALIVE and DEAD are proven, all else is UNKNOWN with its reason.

    other host name                                  unknown
    other boot, this machine, both outside containers   dead     (restarted since)
    other boot, anything less than that              unknown  (a namesake, a clone, a container)
    same boot, other PID namespace                   unknown
    same boot and namespace                          the process table decides
"""

from __future__ import annotations

from durable.lean import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ALIVE, DEAD, UNKNOWN = "alive", "dead", "unknown"

MACHINE_ID = "/etc/machine-id"
# The kernel gives the first PID namespace this inode on every machine. Any other means a container,
# whose image may bring host name and machine id along to a second machine.
FIRST_PIDNS = "4026531836"
KERNEL_THREAD = 0x00200000


class Owner:
    """`started` is the process start in clock ticks since boot, None where it can't be known.

    `boot` is "machine.bootid": the first eight digits of the machine id, then the kernel's boot id.
    Either half is empty where the system has none.
    """

    __slots__ = ("boot", "host", "owner_id", "pid", "pidns", "session_id", "started")

    def __init__(
        self,
        owner_id: str,
        pid: int | None,
        started: int | None,
        boot: str,
        host: str,
        pidns: str,
        session_id: str,
    ) -> None:
        self.owner_id = owner_id
        self.pid = pid
        self.started = started
        self.boot = boot
        self.host = host
        self.pidns = pidns
        self.session_id = session_id


def from_row(row: Mapping[str, Any]) -> Owner:
    """The owner that a row of the ledger describes."""
    return Owner(**{name: row[name] for name in Owner.__slots__})


class Process:
    """What /proc/PID/stat says of one process."""

    __slots__ = ("flags", "pid", "ppid", "started", "state", "threads")

    def __init__(self, pid: int, state: str, ppid: int, flags: int, threads: int, started: int) -> None:
        self.pid = pid
        self.state = state
        self.ppid = ppid
        self.flags = flags
        self.threads = threads
        self.started = started

    @property
    def ended(self) -> bool:
        # A main thread that ended before its other threads is shown as a zombie too, and they work on.
        return self.state in "ZXx" and self.threads <= 1

    @property
    def is_kernel_thread(self) -> bool:
        return bool(self.flags & KERNEL_THREAD)


def current(session_id: str, env: Mapping[str, str], proc: str = "/proc") -> Owner:
    """The owner of whatever this hook permits. Same client process and session: same `owner_id`."""
    pid = _client_pid(env)
    running = read_process(pid, proc) if pid and is_our_proc(proc) else None
    started = running.started if running else None
    host, boot, pidns = _here(proc)
    where = f"{host}/{boot.replace('-', '')[:17]}/{pidns}"
    process = f"{pid or ''}.{'' if started is None else started}"
    return Owner(f"{where}/{process}/{session_id}", pid, started, boot, host, pidns, session_id)


def liveness(owner: Owner, proc: str = "/proc") -> tuple[str, str]:
    """ALIVE, DEAD or UNKNOWN, and the reason in words."""
    return elsewhere(owner, proc) or _judge_process(owner, proc)


def elsewhere(owner: Owner, proc: str = "/proc") -> tuple[str, str] | None:
    """The verdict on an owner whose processes can't be looked up here; None if they can."""
    host, boot, pidns = _here(proc)
    machine, _, boot_id = boot.rpartition(".")
    its_machine, _, its_boot_id = owner.boot.rpartition(".")
    if owner.host != host:
        return UNKNOWN, f"it belongs to host {owner.host}, which can't be seen from here"
    if bool(its_boot_id) != bool(boot_id):
        return UNKNOWN, f"nothing shows that host {owner.host} is this machine"
    if its_boot_id != boot_id:
        same_machine = bool(machine) and its_machine == machine
        return _other_boot(owner, same_machine and owner.pidns == pidns == FIRST_PIDNS)
    if owner.pidns != pidns or (boot_id and not pidns):
        return UNKNOWN, f"it runs in another PID namespace (container) on {host}"
    return None


def _other_boot(owner: Owner, surely_this_machine: bool) -> tuple[str, str]:
    if surely_this_machine:
        return DEAD, "the machine was restarted since"
    return UNKNOWN, f"it belongs to another machine or container named {owner.host}"


def _judge_process(owner: Owner, proc: str) -> tuple[str, str]:
    pid = owner.pid
    if pid is None or pid <= 0:
        return UNKNOWN, "the client gave no process id"
    running = read_process(pid, proc) if is_our_proc(proc) else None
    if running is None:
        return _judge_by_signal(pid)
    if running.ended:
        return DEAD, f"process {pid} has ended"
    if owner.started is None:
        return UNKNOWN, f"process {pid} runs, but nothing shows that it is the same one"
    if running.started != owner.started:
        return DEAD, f"process id {pid} belongs to a later process"
    return ALIVE, f"process {pid} is running"


def _judge_by_signal(pid: int) -> tuple[str, str]:
    # A /proc mounted with hidepid hides living processes of others: only the kernel's "no such process"
    # is proof. Signal 0 tests and sends nothing.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return DEAD, f"process {pid} is gone"
    except (OSError, OverflowError):
        pass
    return UNKNOWN, f"process {pid} can't be looked at from here"


def read_process(pid: int, proc: str = "/proc") -> Process | None:
    """None if there is no such process or it can't be read."""
    line = read_bytes(f"{proc}/{pid}/stat")
    # The command's name stands in brackets and may itself hold brackets and blanks: fields count from
    # the last closing one.
    fields = line[line.rfind(b")") + 1 :].split()
    try:
        state, ppid, flags, threads, started = (fields[i] for i in (0, 1, 6, 17, 19))
        return Process(pid, state.decode("ascii"), int(ppid), int(flags), int(threads), int(started))
    except (IndexError, ValueError):
        return None


def is_our_proc(proc: str = "/proc") -> bool:
    """Whether `proc` speaks of our own PID namespace: a new one without its own mount shows another's."""
    return _link(f"{proc}/self") == str(os.getpid())


def read_bytes(path: str) -> bytes:
    """Empty if it can't be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _client_pid(env: Mapping[str, str]) -> int | None:
    text = env.get("CLAUDE_PID", "")
    is_number = text.isascii() and text.isdigit() and len(text) <= 10
    return int(text) if is_number and 0 < int(text) < 2**31 else None


def _here(proc: str) -> tuple[str, str, str]:
    machine = read_bytes(MACHINE_ID).decode("ascii", "replace").strip()[:8]
    boot_id = read_bytes(f"{proc}/sys/kernel/random/boot_id").decode("ascii", "replace").strip()
    pidns = _link(f"{proc}/self/ns/pid").removeprefix("pid:[").removesuffix("]")
    return os.uname().nodename, f"{machine}.{boot_id}", pidns


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
