"""The head: how far the ledger had got, kept outside of it and under its key.

A head is a lower bound. It is replaced by rename after each commit, so a crash between the two
leaves it behind, and the next write heals it. A head ahead of the ledger, or one that names another
event, means that the ledger was cut or put back.
"""

from __future__ import annotations

from durable import crash
from durable.errors import HomeError, InputError, TamperError
from durable.home import check_file, command
from durable.lean import os
from durable.ledger.chain import head_mac
from durable.ledger.files import write_synced
from durable.native import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from durable.ledger.keys import Key

DIRECTORY = "heads"


class Head:
    __slots__ = ("hash", "ledger_id", "seq")

    def __init__(self, ledger_id: str, seq: int, digest: str) -> None:
        self.ledger_id = ledger_id
        self.seq = seq
        self.hash = digest


def path_in(home: str) -> str:
    return f"{home}/{DIRECTORY}/ledger"


def exists(home: str) -> bool:
    return check_file(path_in(home))


def read_head(home: str, keys: list[Key]) -> tuple[Head, Key]:
    """The head and which of the keys vouches for it. TamperError if none does."""
    try:
        with open(path_in(home), "rb") as file:
            fields = loads(file.read(1000).decode())
        head = Head(fields["ledger"], fields["seq"], fields["hash"])
        for key in keys:
            if fields["mac"] == head_mac(key.chain, head.ledger_id, head.seq, head.hash):
                return head, key
    except OSError as error:
        problem = f"the head {path_in(home)} can't be read ({error.strerror})"
        raise HomeError(problem, "restore your access to it") from None
    except (InputError, ValueError, TypeError, KeyError):
        pass  # Whatever stands there, it is no head that we wrote.
    raise TamperError(f"the head {path_in(home)} is damaged or not of this key", remedy())


def write_head(home: str, key: Key, head: Head) -> None:
    """Synced before the rename: a power cut must not leave an empty head, which would deny every call."""
    fields = {"ledger": head.ledger_id, "seq": head.seq, "hash": head.hash}
    fields["mac"] = head_mac(key.chain, head.ledger_id, head.seq, head.hash)
    path = path_in(home)
    write_synced(path + ".new", dumps(fields).encode() + b"\n")
    crash.point("before-head-rename")
    os.replace(path + ".new", path)


def check_against(head: Head, ledger_id: str, last_seq: int, hash_at: str | None) -> None:
    """`hash_at` is the hash of the ledger's event number head.seq, None where it has none."""
    if head.ledger_id != ledger_id:
        raise TamperError("the head belongs to another ledger", remedy())
    if head.seq > last_seq:
        raise TamperError(
            f"the ledger ends at event {last_seq} but had reached {head.seq}: it was cut or put back", remedy()
        )
    if hash_at != head.hash:
        raise TamperError(f"event {head.seq} of the ledger is not the one its head names", remedy())


def remedy() -> str:
    return f"put the right ledger back, or accept this one: {command()} restore --reason TEXT"
