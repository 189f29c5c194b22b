"""send.py LETTER sends it by SMTP, and leaves on disk how far it came.

    outbox/ID.eml   before the server gets the letter
    sent/ID.eml     the same file, once the server has said that it took it

SMTP_HOST and SMTP_PORT name the server (localhost, 25); SMTP_USER and SMTP_PASSWORD log in, over TLS.
Exit 75: nothing was sent, for sure.
"""

from __future__ import annotations

import contextlib
import os
import smtplib
import sys
from email import message_from_bytes
from email.message import Message
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

OUTBOX, SENT = Path("outbox"), Path("sent")
NOT_SENT = 75  # EX_TEMPFAIL of sysexits.h
# The server answered, and its answer was no.
REFUSED = (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)


def main(path: str) -> None:
    raw = Path(path).read_bytes()
    name = name_of(raw)
    letter = message_from_bytes(raw)
    del letter["Message-ID"]
    letter["Message-ID"] = f"<{name}@durable.example>"
    server = connected()
    keep(OUTBOX / f"{name}.eml", letter.as_bytes())
    try:
        server.send_message(letter)
    except REFUSED as error:
        (OUTBOX / f"{name}.eml").unlink()
        give_up(error)
    move(OUTBOX / f"{name}.eml", SENT / f"{name}.eml")
    with contextlib.suppress(smtplib.SMTPException, OSError):
        server.quit()
    print(receipt(letter))


def name_of(raw: bytes) -> str:
    """A step of a job has a key, and its probe gets the same; an agent's Bash has none, so there the text counts."""
    key = os.environ.get("DURABLE_IDEMPOTENCY_KEY", "")
    return sha256(key.encode() or raw).hexdigest()[:32]


def receipt(letter: Message) -> str:
    return f"sent to {letter['To']}, Message-ID {letter['Message-ID']}"


def connected() -> smtplib.SMTP:
    try:
        server = smtplib.SMTP(os.environ.get("SMTP_HOST", "localhost"), int(os.environ.get("SMTP_PORT", "25")))
        if user := os.environ.get("SMTP_USER"):
            server.starttls()
            server.login(user, os.environ["SMTP_PASSWORD"])
    except (smtplib.SMTPException, OSError) as error:
        give_up(error)
    return server


def give_up(error: Exception) -> NoReturn:
    print(f"nothing was sent: {error}", file=sys.stderr)
    sys.exit(NOT_SENT)


# A power cut must not take away what the server has been told after it: each file and folder is synced.


def keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)
    sync(path.parent.parent)


def move(path: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    path.rename(to)
    sync(to.parent)
    sync(to.parent.parent)


def sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    main(sys.argv[1])
