"""The ledger's key: one file of random bytes in hex, and the separate keys derived from it.

A key that was renewed is twice as long: a new secret for chain and spool, followed by the
fingerprint key of the old one. Fingerprints must outlive a renewal, or every call of before would be
a new one and could happen twice.
"""

from __future__ import annotations

from durable.errors import KeyFileError
from durable.home import check_file, command
from durable.lean import os
from durable.ledger.files import BESIDE, sync_dir, write_new
from durable.ledger.head import DIRECTORY as HEADS
from durable.native import hmac_sha256, sha256

NAME = "key"
_BYTES = 32


class Key:
    __slots__ = ("chain", "fingerprint", "key_id", "secret", "spool")

    def __init__(self, secret: bytes) -> None:
        root, carried = secret[:_BYTES], secret[_BYTES:]
        self.secret = secret
        self.key_id = key_id(secret)
        self.chain = _derived(root, "chain")
        self.fingerprint = carried or _derived(root, "fingerprint")
        self.spool = _derived(root, "spool")

    def text(self) -> str:
        return self.secret.hex()


def key_id(secret: bytes) -> str:
    return sha256(b"durable key id\n" + secret)[:16]


def _derived(secret: bytes, purpose: str) -> bytes:
    return bytes.fromhex(hmac_sha256(secret, b"durable " + purpose.encode()))


def path_in(home: str) -> str:
    return f"{home}/{NAME}"


def fresh_path_in(home: str) -> str:
    """A renewed key waits here until the ledger has taken it."""
    return f"{home}/{NAME}.fresh"


def retired_path_in(home: str, key: Key) -> str:
    """Kept, so that what the old key vouched for can still be checked."""
    return f"{home}/{NAME}.retired-{key.key_id}"


def read_key(home: str) -> Key:
    path = path_in(home)
    if not check_file(path):
        raise _missing(home)
    return read_key_file(path)


def read_key_file(path: str) -> Key:
    try:
        with open(path, "rb") as file:
            return parse_key(file.read(200))
    except OSError as error:
        problem = f"the ledger's key {path} can't be read ({error.strerror})"
        raise KeyFileError(problem, "restore your access to it") from None


def parse_key(text: bytes) -> Key:
    try:
        secret = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) not in (_BYTES, 2 * _BYTES):
        raise KeyFileError("the ledger's key file is damaged", import_remedy())
    return Key(secret)


def create_key(home: str) -> Key:
    key = new_key()
    write_key(path_in(home), key)
    return key


def new_key(carried: Key | None = None) -> Key:
    return Key(os.urandom(_BYTES) + (carried.fingerprint if carried else b""))


def write_key(path: str, key: Key) -> None:
    write_new(path, key.text().encode() + b"\n")


class KeyRing:
    """The key that the ledger wants, and while a renewal is on its way the one that it replaces."""

    __slots__ = ("former", "present", "settled")

    def __init__(self, present: Key, former: Key | None = None, settled: bool = True) -> None:
        self.present = present
        self.former = former
        self.settled = settled

    def all(self) -> list[Key]:
        return [self.present, self.former] if self.former else [self.present]


def key_ring(home: str, wanted: str) -> KeyRing:
    """Finds the key with the id that the ledger wants, also where a renewal stopped halfway."""
    key = read_key(home) if check_file(path_in(home)) else None
    if key is not None and key.key_id == wanted:
        return KeyRing(key)
    if check_file(fresh_path_in(home)):
        fresh = read_key_file(fresh_path_in(home))
        if fresh.key_id == wanted:
            return KeyRing(fresh, key, settled=False)
    raise _missing(home) if key is None else KeyMismatch(home)


def write_fresh(home: str, key: Key) -> None:
    """What lies there may be the only copy of a key that the ledger has already taken."""
    path = fresh_path_in(home)
    if check_file(path):
        retire(home, read_key_file(path))
    write_key(path, key)


def settle_renewal(home: str) -> None:
    # The head that the new key vouches for must last before the old key goes: with a power cut between them
    # the old head would come back, and nobody could vouch for it any more.
    sync_dir(f"{home}/{HEADS}")
    os.replace(fresh_path_in(home), path_in(home))
    sync_dir(home)


def retired_keys(home: str) -> list[Key]:
    return [read_key_file(path) for path in retired_paths(home)]


def retired_paths(home: str) -> list[str]:
    start = f"{NAME}.retired-"
    names = [name for name in sorted(os.listdir(home)) if name.startswith(start) and not name.endswith(BESIDE)]
    return [f"{home}/{name}" for name in names]


def retire(home: str, key: Key) -> None:
    write_key(retired_path_in(home, key), key)


class KeyMismatch(KeyFileError):
    def __init__(self, home: str) -> None:
        super().__init__(f"the key {path_in(home)} is not the one this ledger was written with", import_remedy())


def _missing(home: str) -> KeyFileError:
    return KeyFileError(f"the ledger's key {path_in(home)} is missing", import_remedy())


def import_remedy() -> str:
    lost = f"{command()} key renew --lost --reason TEXT"
    return f"put the right one back: {command()} key import FILE (if it is lost for good: {lost})"
