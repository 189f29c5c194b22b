"""Prepares a call of our own, and starts the worker that will make it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time

from durable import crash
from durable.execute.own import MARK, OwnPreparation, before, us
from durable.policy.decide import PROBE
from durable.probing import ask
from durable.protection.tampering import tampers
from durable.recovery import lease
from durable.redact import Redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.event import Call
    from durable.execute.own import Own, Place
    from durable.ledger.sqlite import SqliteLedger
    from durable.policy.policy import Policy
    from durable.prepare import Prepared
    from durable.probing import Verdicts

PROBE_S = 60.0
# `-P`: a directory named durable where the job runs must not be taken for us.
ARGV = (sys.executable, "-P", "-m", "durable.execute.worker")


class Hand:
    """Who executes: one run under one lease, in one ledger, by one policy."""

    def __init__(self, home: str, ledger: SqliteLedger, place: Place, token: int, policy: Policy) -> None:
        self.home = home
        self.ledger = ledger
        self.place = place
        self.token = token
        self.policy = policy
        self._beaten = time.monotonic()

    def prepare(self, call: Call, cwd: str, own: Own | None = None, place: Place | None = None) -> Prepared:
        """Its row is on disk when this returns, and nothing runs yet."""
        verdicts: Verdicts = {}
        event = before(place or self.place, call, cwd)
        while True:
            redactor = Redactor.of(self.policy)
            with self.ledger.begin() as tx:
                lease.check(tx, self.place.run_id, self.token)
                preparation = OwnPreparation(tx, event, self.policy, redactor, us(), verdicts)
                preparation.own = own
                prepared = preparation.prepare(None, tampers(call, cwd, self.home, os.environ, self.place.project))
                tx.commit()
            if prepared.decision.verdict != PROBE:
                crash.point("job-step-prepared")
                return prepared
            question = prepared.question
            assert question is not None
            verdicts[question.step_id] = ask(question, PROBE_S, os.environ)

    def beat(self) -> None:
        """Now and then, while it waits: a sign of life for whoever can't see this process."""
        if time.monotonic() - self._beaten > lease.BEATS_EVERY_S:
            lease.beat(self.ledger, self.place.run_id, self.token)
            self._beaten = time.monotonic()

    def start(
        self,
        prepared: Prepared,
        call: Call,
        cwd: str,
        own: Own | None = None,
        file: dict[str, str] | None = None,
        place: Place | None = None,
    ) -> Working:
        """`file` holds what is known of the file that the call was first prepared for, if it writes one."""
        assert prepared.step is not None
        place = place or self.place
        request = {
            "home": self.home,
            "run_id": place.run_id,
            "session_id": place.session_id,
            "project": place.project,
            "token": self.token,
            "step_id": prepared.step.step_id,
            "use_id": call.use_id,
            "agent_id": call.agent_id,
            "tool": call.tool,
            "input": prepared.replacement or call.input,
            "cwd": cwd,
            "file": file,
            "own": None if own is None else {name: getattr(own, name) for name in own.__slots__},
        }
        return Working(request, {**os.environ, MARK: place.session_id})


class Working:
    """A worker under way. Its output can be waited for; its end is its answer."""

    def __init__(self, request: dict[str, Any], env: dict[str, str]) -> None:
        self.step_id: str = request["step_id"]
        self._said = bytearray()
        # A session of its own: Ctrl-C in the terminal is for us to pass on.
        self._process = subprocess.Popen(
            ARGV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, start_new_session=True
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self.outlet = self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request).encode())
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # It has died already; its silence says so.

    def ended(self, wait_s: float) -> bool:
        """Waits so long for it at most."""
        return bool(select.select([self.outlet], [], [], wait_s)[0]) and self.listen()

    def listen(self) -> bool:
        """Takes in what it says; whether that was all."""
        part = os.read(self.outlet.fileno(), 1 << 20)
        self._said += part
        return not part

    def answer(self) -> dict[str, Any] | None:
        """None if it ended without one."""
        self._process.wait()
        self.outlet.close()
        try:
            found: dict[str, Any] = json.loads(self._said)
        except ValueError:
            return None
        return found

    def stop(self) -> None:
        self._process.terminate()
