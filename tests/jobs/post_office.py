"""An SMTP server on loopback, and the witness of what was sent: it counts what it took, whatever anybody says.

with PostOffice() as office: … office.letters
"""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes
from email.message import Message
from typing import Any

PATIENCE_S = 60.0


class PostOffice(socketserver.ThreadingTCPServer):
    """`late` holds its answer back after it took a letter; `refuses` says no to every one."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Counter)
        self.letters: list[Message] = []
        self.late = False
        self.refuses = False
        self.answers = threading.Event()

    def __enter__(self) -> PostOffice:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.answers.set()
        self.shutdown()
        self.server_close()

    @property
    def env(self) -> dict[str, str]:
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(self.server_address[1])}

    @property
    def taken(self) -> list[str]:
        return [str(letter["Subject"]) for letter in self.letters]

    def take(self, raw: bytes) -> None:
        self.letters.append(message_from_bytes(raw))
        if self.late:
            self.answers.wait(PATIENCE_S)


class Counter(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say("354 go on")
                self._take()
            elif verb == b"RCPT" and self.server.refuses:
                self._say("550 nobody here")
            else:
                self._say("221 bye" if verb == b"QUIT" else "250 fine")

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:  # Cut off in the middle: no letter.
                return
            lines.append(line)
        self.server.take(b"".join(lines))
        self._say("250 taken")

    def _say(self, text: str) -> None:
        try:
            self.wfile.write(f"{text}\r\n".encode())
        except OSError:
            pass
