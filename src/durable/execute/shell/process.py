"""A command in a process group of its own: what it prints is drained while it runs, and its end is seen for sure.

It is left unreaped until its group needs no more signals, so that its number can't come to name another group.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from durable.execute.shell.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOK_S = 0.05
GRACE_S = 5.0
CHUNK = 65_536


class Process:
    """Raises OSError or ValueError if it can't be started; then nothing of it ran."""

    def __init__(self, words: list[str], cwd: str, env: Mapping[str, str]) -> None:
        self.stdout, self.stderr = Kept(), Kept()
        self._open = selectors.DefaultSelector()
        ends = [self._pipe(kept) for kept in (self.stdout, self.stderr)]
        try:
            self.popen = subprocess.Popen(
                words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=ends[0], stderr=ends[1],
                start_new_session=True,
            )  # fmt: skip
        except BaseException:
            self._close_all()
            raise
        finally:
            for end in ends:
                os.close(end)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever interrupted us, a command that is still at work doesn't outlive its watcher."""
        if self.popen.returncode is None and not self.ended():
            self._signal(signal.SIGKILL)
        self.popen.wait()
        self._close_all()

    def wait(self, enough: Callable[[], bool]) -> bool:
        """True once the command itself has ended; False when it was `enough` before."""
        while not self.ended():
            if enough():
                return False
            self._drain(LOOK_S)
        return True

    def drain_for(self, seconds: float) -> bool:
        """True if all that it printed was read to the end, False if somebody still holds its output open."""
        until = time.monotonic() + seconds
        while self._open.get_map() and (left := until - time.monotonic()) > 0:
            self._drain(min(left, LOOK_S))
        return not self._open.get_map()

    def end(self) -> None:
        """It and all that it started in its group: asked first, forced after GRACE_S."""
        self._signal(signal.SIGTERM)
        until = time.monotonic() + GRACE_S
        # The shell may be gone while what it started still cleans up: that is seen by the output held open.
        self.wait(lambda: time.monotonic() > until)
        self.drain_for(until - time.monotonic())
        self._signal(signal.SIGKILL)
        self.wait(lambda: False)

    def exit_code(self) -> int:
        """As a shell tells it: 128 and the signal that it died of."""
        code = self.popen.wait()
        return code if code >= 0 else 128 - code

    def ended(self) -> bool:
        if self.popen.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.popen.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            # macOS says so of a group of which none but the dead are left.
            if not self.ended():
                raise

    def _drain(self, seconds: float) -> None:
        if not self._open.get_map():
            time.sleep(seconds)
            return
        for key, _ in self._open.select(seconds):
            data = os.read(key.fd, CHUNK)
            key.data.add(data)
            if not data:
                self._close(key.fd)

    def _pipe(self, kept: Kept) -> int:
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self._open.register(ours, selectors.EVENT_READ, kept)
        return theirs

    def _close_all(self) -> None:
        for key in list(self._open.get_map().values()):
            self._close(key.fd)
        self._open.close()

    def _close(self, descriptor: int) -> None:
        self._open.unregister(descriptor)
        os.close(descriptor)
