"""One conversation with the client, over as many starts of it as that takes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING

from durable.errors import UsageError
from durable.supervision import record
from durable.supervision.child import attend
from durable.supervision.keep_going import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from durable.supervision.launch import Launch


class Session:
    """`bring_up_to_date` gets the run, and why it was cut off, before it goes on; DurableError if it must not."""

    def __init__(
        self,
        state: str,
        launch: Launch,
        run_id: str,
        env: Mapping[str, str],
        bring_up_to_date: Callable[[str, str], None],
        say: Callable[[str], None],
    ) -> None:
        self.state = state
        self.launch = launch
        self.env = env
        self.bring_up_to_date = bring_up_to_date
        self.say = say
        self.session_id = launch.session_id
        # A session that goes on stays in its own run; "" where only the client knows which session that is.
        own = record.session_known(state, self.session_id).run_id or self.session_id
        self.run_id = run_id or env.get("DURABLE_RUN_ID", "") or own
        self.headless = bool(launch.words.has("--print")) or not sys.stdout.isatty()
        self.argv = launch.first()
        self.begun = False
        self.resumed = False
        self.kept: IO[bytes] | None = None

    def keep_input(self) -> None:
        """A prompt that is piped in can be read once, and may have to be said twice."""
        if not self.headless or self.launch.words.prompts() or sys.stdin.isatty():
            return
        self.kept = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open for the starts to come
        while part := sys.stdin.buffer.read(1 << 16):
            self.kept.write(part)

    def announce(self) -> None:
        if self.run_id:
            self.say(f"run {self.run_id}; if it is cut off: {self.by_hand()}")
        else:
            self.say("the run is that of the session that goes on; if it is cut off: durable runs")

    def run(self) -> Ending:
        path = record.transcript_of(self.session_id, self.env)
        before = record.length(path)
        chosen = {"DURABLE_RUN_ID": self.run_id} if self.run_id else {}
        ended = attend(self.argv, {**self.env, **chosen}, self._input())
        self._follow(ended.pid, ended.started)
        now = record.transcript_of(self.session_id, self.env)
        since = before if now == path else 0
        self.begun = record.begun(now, since)
        lost = record.lost(now, since) if self.headless and ended.code else ""
        return Ending(ended.code, ended.passed_on or (self.headless and ended.interrupted), lost)

    def prepare_again(self, why: str) -> None:
        if not self.begun and not self.resumed:
            self.argv = self.launch.anew()
            self.session_id = self.launch.session_id
            return
        if not (self.session_id and self.run_id):
            raise UsageError("which session it was is not known", "look for it: durable runs")
        self.bring_up_to_date(self.run_id, why)
        self.argv = self.launch.again(self.session_id, self.headless)
        self.resumed = True

    def by_hand(self) -> str:
        return f"durable resume --run-id {self.run_id}" if self.run_id else "durable resume"

    def miss_record(self) -> None:
        """The client drops hooks without a word; whoever relies on the record must not find out later."""
        only_says = self.launch.words.has("--help", "--version")
        if not only_says and not record.session_known(self.state, self.session_id).run_id:
            self.say("nothing of this session is on record: its hooks did not run; durable doctor says why")

    def _input(self) -> IO[bytes] | int | None:
        if self.resumed and self.headless:
            return subprocess.DEVNULL
        if self.kept is not None:
            self.kept.seek(0)
        return self.kept

    def _follow(self, pid: int, started: int | None) -> None:
        found = record.session_of(self.state, pid, started)
        self.session_id = found.session_id or self.session_id
        self.run_id = self.run_id or found.run_id
