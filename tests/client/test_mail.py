"""An agent's e-mail, the client killed with -9 round it, and `durable resume`: the model repeats everything, and the
SMTP server holds one letter.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

import ledger_view
from jobs.post_office import PostOffice

from .client import REPOSITORY, Running
from .scripted_model import Block, ScriptedModel, bash, say
from .shop import Shop
from .waiting import wait_for

EXAMPLES = REPOSITORY / "examples"
SEND = "python3 send.py letter.eml"
OTHER_WORDS = "true; python3 'send.py'  \"letter.eml\" || echo no"
RULE = re.findall(r"^```toml\n(.*?)^```", (EXAMPLES / "README.md").read_text("utf-8"), re.M | re.S)[0]
WHERE = ("a call of its own", "before the send", "after the send")


class Desk(Shop):
    """The mail example's scripts in the project, the rule of its page in the policy, a pause that a test can end."""

    def __init__(self, root: Path, binary: Path, model: ScriptedModel, office: PostOffice) -> None:
        self.office = office
        super().__init__(root, binary, model)
        (self.home / ".config" / "durable" / "policy.toml").write_text(RULE, encoding="utf-8")
        for name in ("send.py", "sent.py"):
            shutil.copy(EXAMPLES / "mail" / name, self.project)
        (self.project / "letter.eml").write_text(
            "From: me@x.example\nTo: ann@x.example\nSubject: Report\n\nIt is ready.\n"
        )
        self.pause = self.gate()

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(**self.office.env, **more)

    def calls(self, where: str) -> list[Block]:
        lines = {
            "a call of its own": [self.pause.command("true"), SEND],
            "before the send": [self.pause.command(SEND)],
            "after the send": [f"{SEND}; {self.pause.command('true')}"],
        }
        return [bash(line, f"toolu_{number}") for number, line in enumerate(lines[where])]

    def kills(self, running: Running, whole: bool) -> None:
        """With -9: the client alone, or also all that it had started."""
        running.kill()
        for pid in self.processes(running.session_id) if whole else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def goes_on(self, run_id: str, where: str) -> str:
        """The model makes the same calls, and sends twice more. What it is told before that."""
        repeated = [{**call, "id": f"{call['id']}_again"} for call in self.calls(where)]
        more = [bash(SEND, "toolu_more"), bash(OTHER_WORDS, "toolu_words")]
        self.plays([*([call] for call in [*repeated, *more]), [say("sent")]])
        done = self.durable("resume", "--run-id", run_id, "--yes", "--wait", "0", "--prompt", "go on")
        assert '"is_error":false' in done.stdout, (done.stdout, done.stderr)
        return self.model.requests[0].told


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with PostOffice() as office:
        yield office


@pytest.fixture
def desk(tmp_path: Path, binary: Path, office: PostOffice) -> Iterator[Desk]:
    with ScriptedModel() as model, closing(Desk(tmp_path, binary, model, office)) as desk:
        yield desk


@pytest.mark.parametrize("whole", [False, True], ids=["the client alone", "every process"])
@pytest.mark.parametrize("where", WHERE)
def test_killed_in_the_pause_and_resumed_the_letter_is_sent_once(desk: Desk, where: str, whole: bool) -> None:
    desk.plays([[call] for call in desk.calls(where)])
    running = desk.start()
    desk.pause.wait_until_reached()
    desk.kills(running, whole)
    assert len(desk.office.letters) == (where == "after the send")
    desk.pause.open()
    desk.wait_for_quiet(running.session_id)
    told = desk.goes_on(running.session_id, where)
    assert len(desk.office.letters) == 1
    assert all("Already done" in desk.heard()[use_id].text for use_id in ("toolu_more", "toolu_words"))
    assert f"on record (run {running.session_id})" in told
    if where == "before the send" and whole:
        assert "it is known that nothing of it happened" in told


def test_killed_right_after_the_send_the_letter_is_sent_once(desk: Desk) -> None:
    played = desk.plays([[bash(SEND, "toolu_0")]], pauses_at=1)
    running = desk.start()
    desk.model.wait_for_turn(1)
    desk.kills(running, whole=True)
    played.speak.set()
    told = desk.goes_on(running.session_id, "a call of its own")
    assert len(desk.office.letters) == 1
    assert f"on record (run {running.session_id})" in told and "sent to ann@x.example" in told


def test_taken_by_the_server_and_not_heard_of_it_is_never_sent_again(desk: Desk) -> None:
    desk.office.late = True
    desk.plays([[bash(SEND, "toolu_0")]])
    running = desk.start()
    wait_for(lambda: desk.office.letters, "a letter at the server")
    desk.kills(running, whole=True)
    step_id = ledger_view.step(desk.state, tool_use_id="toolu_0")["step_id"]
    desk.pause.open()
    told = desk.goes_on(running.session_id, "a call of its own")
    assert len(desk.office.letters) == 1
    assert f"step {step_id}" in told and "whether the server took outbox" in told
    assert all(step_id in desk.heard()[use_id].text for use_id in ("toolu_1_again", "toolu_more", "toolu_words"))
