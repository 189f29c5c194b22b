"""Ways to break a ledger. Each takes a copy that is whole, and leaves one that no hook may trust."""

from __future__ import annotations

import fcntl
import os
import shutil
from typing import TYPE_CHECKING

from durable.ledger.database import SIDE_FILES, database_in
from durable.ledger.keys import new_key, path_in, write_key

if TYPE_CHECKING:
    from collections.abc import Callable

    # Given the state directory and an older copy of it; may answer with what ends the breakage.
    Break = Callable[[str, str], Callable[[], None] | None]


def garbage(state: str, older: str) -> None:
    _remove_side_files(state)
    with open(database_in(state), "wb") as file:
        file.write(b"this is no database\n" * 500)


def gone(state: str, older: str) -> None:
    _remove_side_files(state)
    os.unlink(database_in(state))


def a_directory(state: str, older: str) -> None:
    gone(state, older)
    os.mkdir(database_in(state))


def put_back(state: str, older: str) -> None:
    gone(state, older)
    for suffix in ("", *SIDE_FILES):
        if os.path.exists(database_in(older) + suffix):
            shutil.copy(database_in(older) + suffix, database_in(state) + suffix)


def keyless(state: str, older: str) -> None:
    os.unlink(path_in(state))


def of_another_key(state: str, older: str) -> None:
    write_key(path_in(state), new_key())


def locked(state: str, older: str) -> Callable[[], None]:
    # The lock is this process's, so to the hook it is another's.
    descriptor = os.open(f"{state}/locks/ledger.lock", os.O_RDWR)
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lambda: os.close(descriptor)


def read_only(state: str, older: str) -> None:
    for folder, _, names in os.walk(state):
        for name in names:
            os.chmod(os.path.join(folder, name), 0o400)
        os.chmod(folder, 0o500)


def _remove_side_files(state: str) -> None:
    for suffix in SIDE_FILES:
        if os.path.exists(database_in(state) + suffix):
            os.unlink(database_in(state) + suffix)


def breaks() -> dict[str, Break]:
    """By what the ledger is afterwards."""
    found: dict[str, Break] = {
        "full of garbage": garbage,
        "gone": gone,
        "a directory": a_directory,
        "put back to an older one": put_back,
        "without its key": keyless,
        "under another key": of_another_key,
        "locked by another process": locked,
    }
    # Root may write whatever the mode says.
    return found if os.geteuid() == 0 else {**found, "read-only": read_only}
