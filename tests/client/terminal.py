"""The real client at a terminal: a tmux of the test's own, keys typed, screen read."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .client import FAKE_KEY, Client
from .scripted_model import Turn
from .waiting import wait_for

SIZE = ("-x", "180", "-y", "50")
READY = "❯"
ATTEMPTS = 5
ANSWER_S = 4


def find_tmux() -> str | None:
    return shutil.which("tmux")


def skip_first_questions(client: Client) -> None:
    """Without these answers the client greets a new home with a theme, a trust and a key dialog."""
    answers = {
        "hasCompletedOnboarding": True,
        "bypassPermissionsModeAccepted": True,
        "projects": {str(client.project.resolve()): {"hasTrustDialogAccepted": True}},
        "customApiKeyResponses": {"approved": [FAKE_KEY[-20:]], "rejected": []},
    }
    (client.home / ".claude.json").write_text(json.dumps(answers), encoding="utf-8")


class Terminal:
    """One interactive session. The tmux server is its own and ends with it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.session_id = str(uuid.uuid4())
        self.server = f"durable-{self.session_id}"
        self.socket: Path | None = None

    def start(
        self,
        turns: Sequence[Turn],
        *,
        settings: dict[str, Any] | None = None,
        permission_mode: str = "default",
        args: Sequence[str] = (),
    ) -> None:
        client = self.client
        client.model.scripts["main"] = list(turns)
        skip_first_questions(client)
        path = client.write_settings(client.settings if settings is None else settings)
        env = {**client.environment(), "TERM": "xterm-256color"}
        command = [
            "env", "-i", *(f"{name}={value}" for name, value in env.items()),
            str(client.binary), "--session-id", self.session_id, "--settings", str(path),
            "--permission-mode", permission_mode, *client.args, *args,
        ]  # fmt: skip
        line = f"exec {shlex.join(command)}"
        where = ("-s", "main", *SIZE, "-c", str(client.project))
        self.tmux("-f", "/dev/null", "new-session", "-d", *where, line)
        self.socket = Path(self.tmux("display-message", "-p", "#{socket_path}").strip())
        self.wait_for_text(READY)

    def tmux(self, *args: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.server, *args], capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout

    @property
    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "main")

    def wait_for_text(self, text: str) -> str:
        """The screen, once `text` stands on it."""
        try:
            return wait_for(lambda: text in self.screen and self.screen, f"{text!r} on the screen")
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.screen}") from None

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-t", "main", "-l", text)

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "main", *keys)

    def press_until(self, key: str, seen: str = "", gone: str = "") -> None:
        """Presses `key` until the screen answers. A dialog ignores keys for a moment after it is drawn."""
        for _ in range(ATTEMPTS):
            self.press(key)
            try:
                wait_for(lambda: self.shows(seen, gone), f"an answer to {key}", ANSWER_S)
            except AssertionError:
                continue
            return
        raise AssertionError(f"no answer to {key}\n{self.screen}")

    def shows(self, seen: str, gone: str) -> bool:
        screen = self.screen
        return seen in screen and not (gone and gone in screen)

    def submit(self, prompt: str) -> None:
        """Types a prompt and sends it once the client has shown it."""
        self.type(prompt)
        self.wait_for_text(prompt)
        self.press("Enter")

    def close(self) -> None:
        if self.socket is None:
            return
        # The server also ends by itself, once the client has left it.
        command = ["tmux", "-L", self.server, "kill-server"]
        subprocess.run(command, capture_output=True, timeout=20, check=False)
        self.socket.unlink(missing_ok=True)
