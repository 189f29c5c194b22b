"""A /proc of our own making, for the cases no test can bring about on a real machine."""

import os
import time
from pathlib import Path

BOOT_ID = "8501da25-5fe8-49bd-a963-b21676d21fbd"
FIRST_PIDNS = "4026531836"
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class FakeProc:
    def __init__(self, root: Path, boot_id: str = BOOT_ID, pidns: str = FIRST_PIDNS) -> None:
        self.root = root
        boot = root / "sys/kernel/random/boot_id"
        boot.parent.mkdir(parents=True)
        boot.write_text(boot_id + "\n")
        (root / "self").symlink_to(str(os.getpid()))
        ours = root / str(os.getpid()) / "ns"
        ours.mkdir(parents=True)
        (ours / "pid").symlink_to(f"pid:[{pidns}]")
        self.add(os.getpid(), 1, 0)

    def __str__(self) -> str:
        return str(self.root)

    def add(
        self,
        pid: int,
        ppid: int,
        started: int,
        session: str | None = None,
        *,
        state: str = "S",
        flags: int = 0,
        threads: int = 1,
        comm: str = "sh",
    ) -> None:
        folder = self.root / str(pid)
        folder.mkdir(exist_ok=True)
        between = " ".join(["0"] * 10)
        (folder / "stat").write_text(
            f"{pid} ({comm}) {state} {ppid} 1 1 0 -1 {flags} {between} {threads} 0 {started} 0 0\n"
        )
        environ = ["HOME=/h", f"CLAUDE_CODE_SESSION_ID={session}"] if session else ["HOME=/h"]
        (folder / "environ").write_bytes(b"".join(e.encode() + b"\0" for e in environ))
        (folder / "cmdline").write_bytes(f"cmd\0{pid}\0".encode())

    def make_unreadable(self, pid: int, file: str = "environ") -> None:
        """Even for root, whom no permission bit stops."""
        (self.root / str(pid) / file).unlink()
        (self.root / str(pid) / file).mkdir()


def ticks_now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // TICK_NS


def wall(ticks: int) -> int:
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + ticks * TICK_NS
