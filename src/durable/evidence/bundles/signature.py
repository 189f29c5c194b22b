"""Ed25519 over a bundle's digest. The arithmetic is that of the package `cryptography`, which is an extra."""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING

from durable.errors import KeyFileError, UsageError

if TYPE_CHECKING:
    from typing import Any

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KIND = "ed25519"
_SSH = "ssh-ed25519"
# What precedes the 32 bytes of the key itself: RFC 8709 (as OpenSSH writes it), RFC 8410 (in a PEM file).
_SSH_BEFORE = b"\x00\x00\x00\x0b" + _SSH.encode() + b"\x00\x00\x00\x20"
_DER_BEFORE = bytes.fromhex("302a300506032b6570032100")
_KEY_BYTES = 32
_MAKE_ONE = "ssh-keygen -t ed25519 -f FILE makes one"
EXTRA = "pip install 'durable[sign]'"


def is_possible() -> bool:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        return False
    return True


def sign(digest: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    value = base64.b64encode(key.sign(_signed(digest))).decode()
    return {"kind": KIND, "public_key": _as_ssh(key.public_key().public_bytes_raw()), "value": value}


def is_good(signature: dict[str, Any], digest: str) -> bool:
    """Whether the key that it carries made it over this digest. Only where `is_possible`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(_raw(signature["public_key"]))
        key.verify(base64.b64decode(signature["value"], validate=True), _signed(digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def private_key(path: str) -> Ed25519PrivateKey:
    """From a file as ssh-keygen or openssl write it."""
    if not is_possible():
        raise UsageError("the package that signs is not installed", EXTRA)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = _loaded(path, _read(path))
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds no Ed25519 key", _MAKE_ONE)
    return key


def _loaded(path: str, data: bytes) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else load_pem_private_key
    try:
        return load(data, None)
    except TypeError:
        raise KeyFileError(f"{path} is locked with a passphrase", "sign with a copy without: ssh-keygen -p") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path} is no private key that can be read", _MAKE_ONE) from None


def public_key(given: str) -> str:
    """The public key that `given` is, or that the file of this name holds, in OpenSSH's one-line form."""
    is_file = os.path.exists(os.path.expanduser(given))
    text = _read(os.path.expanduser(given)).decode("utf-8", "replace") if is_file else given
    try:
        return _as_ssh(_raw(text))
    except ValueError:
        what = f"{given} holds" if is_file else f"{given[:60]!r} is no file and"
        remedy = "name a .pub file, or give its text: ssh-ed25519 AAAA…"
        raise UsageError(f"{what} no public Ed25519 key", remedy) from None


def fingerprint(public: str) -> str:
    """As `ssh-keygen -lf` shows it. Text that is no key is shown as such."""
    from hashlib import sha256

    try:
        blob = _SSH_BEFORE + _raw(public)
    except ValueError:
        return "a key that is none"
    return "SHA256:" + base64.b64encode(sha256(blob).digest()).decode().rstrip("=")


def _raw(text: str) -> bytes:
    """The 32 bytes. ValueError for anything else."""
    words = text.split()
    if words[:1] == [_SSH] and len(words) > 1:
        return _behind(_SSH_BEFORE, words[1])
    lines = [line.strip() for line in text.strip().splitlines()]
    if lines and lines[0] == "-----BEGIN PUBLIC KEY-----":
        return _behind(_DER_BEFORE, "".join(lines[1:-1]))
    raise ValueError("no public key of this kind")


def _behind(before: bytes, encoded: str) -> bytes:
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError("no base64") from None
    if not data.startswith(before) or len(data) != len(before) + _KEY_BYTES:
        raise ValueError("another kind of key")
    return data[len(before) :]


def _as_ssh(raw: bytes) -> str:
    return f"{_SSH} {base64.b64encode(_SSH_BEFORE + raw).decode()}"


def _signed(digest: str) -> bytes:
    return b"durable bundle\n" + digest.encode()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 16)
    except OSError as error:
        raise KeyFileError(f"the key {path} can't be read ({error.strerror})", "name a file of yours") from None
