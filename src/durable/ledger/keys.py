"""The ledger's key: one file of 32 random bytes in hex, and the separate keys derived from it."""

from __future__ import annotations

import os

from durable.errors import KeyFileError
from durable.home import check_file, command
from durable.ledger.files import write_new
from durable.native import hmac_sha256, sha256

NAME = "key"
_BYTES = 32


class Key:
    __slots__ = ("chain", "fingerprint", "key_id", "spool")

    def __init__(self, secret: bytes) -> None:
        self.key_id = key_id(secret)
        self.chain = _derived(secret, "chain")
        self.fingerprint = _derived(secret, "fingerprint")
        self.spool = _derived(secret, "spool")


def key_id(secret: bytes) -> str:
    return sha256(b"durable key id\n" + secret)[:16]


def _derived(secret: bytes, purpose: str) -> bytes:
    return bytes.fromhex(hmac_sha256(secret, b"durable " + purpose.encode()))


def path_in(home: str) -> str:
    return f"{home}/{NAME}"


def read_key(home: str) -> Key:
    return Key(read_secret(home))


def read_secret(home: str) -> bytes:
    path = path_in(home)
    if not check_file(path):
        raise KeyFileError(f"the ledger's key {path} is missing", f"put it back: {command()} key import FILE")
    try:
        with open(path, "rb") as file:
            return parse_secret(file.read(200))
    except OSError as error:
        problem = f"the ledger's key {path} can't be read ({error.strerror})"
        raise KeyFileError(problem, "restore your access to it") from None


def parse_secret(text: bytes) -> bytes:
    try:
        secret = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise KeyFileError("the ledger's key file is damaged", f"put it back: {command()} key import FILE")
    return secret


def create_key(home: str) -> Key:
    secret = os.urandom(_BYTES)
    write_new(path_in(home), secret.hex().encode() + b"\n")
    return Key(secret)
