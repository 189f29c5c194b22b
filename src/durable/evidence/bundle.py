"""`durable.bundle.v1`: one run as one JSON document, that anybody can check without the ledger it came from.

The digest covers each member but itself, `mac` and `signature`: it is the SHA-256 of a canonical JSON object that
gives the SHA-256 of the canonical JSON of each member. Canonical is what native.dumps writes: sorted keys, no blanks,
ASCII. So the members may stand in any order, and be hashed one by one.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from durable.errors import BundleError, InputError
from durable.native import dumps, loads, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "durable.bundle.v1"
FAMILY = "durable.bundle."
VOUCHING = ("digest", "mac", "signature")
# What says which run it is stands first, so that a list of bundles needs no more than their beginnings.
BEGINNING = 1 << 16

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Scalar = str | int | float | None


class Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)


class Head(Part):
    """The last event of the ledger at the time, and what heads/ledger held of it. `mac` is empty without a key."""

    seq: int = Field(ge=0, le=2**63 - 1)
    hash: Hash
    mac: str


class Ledger(Part):
    """Where the run is from. `keys` are the ids of all keys that it had, the present one last."""

    id: str
    keys: list[str]
    head: Head


class Event(Part):
    """As stored. `body` is the stored text: hashes go over its bytes."""

    seq: int = Field(ge=0, le=2**63 - 1)
    prev: Hash
    run_id: str
    run_seq: int = Field(ge=1, le=2**63 - 1)
    run_prev: Hash
    subject: str
    type: str
    at: str
    body: str
    hash: Hash
    mac: str


class Summary(Part):
    """Where the run stood. `final`: it had ended, and nothing of it was open."""

    run_id: str
    status: str
    final: bool
    started_at: str
    ended_at: str | None
    last_at: str
    project: str
    client: str
    epoch: int
    session_ids: list[str]
    sessions: int
    steps: int
    steps_by_status: dict[str, int]
    open: int
    doubts: int
    approvals: int
    flagged: int
    observed: int
    events: int
    last_hash: Hash


class Expired(Part):
    """A content whose time was over before the run was exported."""

    digest: Hash
    bytes: int
    kept_as: str
    at: str


class Text(Part):
    text: str


class Base64(Part):
    base64: str


class Beside(Part):
    """The content is a file of its own, named after its hash, in the folder `beside`."""

    bytes: int


class Signature(Part):
    """Over "durable bundle", a line feed and the digest in hex."""

    kind: Literal["ed25519"]
    public_key: str
    value: str


class Bundle(Part):
    schema_: Literal["durable.bundle.v1"] = Field(alias="schema")
    made_at: str
    made_by: str
    run_id: str
    summary: Summary
    ledger: Ledger
    rows: dict[str, list[dict[str, Scalar]]]
    events: list[Event] = Field(min_length=1)
    expired: list[Expired]
    lost: list[Hash]
    beside: str | None = Field(pattern=r"^[^/\\\x00.][^/\\\x00]*$")
    blobs: dict[Hash, Text | Base64 | Beside]
    digest: Hash
    mac: str
    signature: Signature | None


def json_schema() -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Bundle.model_json_schema()}


# ---- the digest -------------------------------------------------------------------------------


def covered() -> list[str]:
    """The members that the digest covers, in the order in which we write them."""
    names = [field.alias or name for name, field in Bundle.model_fields.items()]
    return [name for name in names if name not in VOUCHING]


def digest_of(document: dict[str, Any]) -> str:
    return digest_over({name: hash_of(value) for name, value in document.items() if name not in VOUCHING})


def digest_over(hashes: dict[str, str]) -> str:
    return sha256(dumps(hashes).encode())


def hash_of(value: Any) -> str:
    from hashlib import sha256 as started

    hashed = started()
    for piece in pieces(value):
        hashed.update(piece.encode())
    return hashed.hexdigest()


def pieces(value: Any) -> Iterator[str]:
    """Its canonical JSON, entry by entry: contents can be too large to be written as one text."""
    if isinstance(value, dict):
        yield from listed("{", ((f"{dumps(name)}:", value[name]) for name in sorted(value)), "}")
    elif isinstance(value, list):
        yield from listed("[", (("", one) for one in value), "]")
    else:
        yield dumps(value)


def listed(start: str, entries: Iterator[tuple[str, Any]], end: str) -> Iterator[str]:
    yield start
    for number, (name, value) in enumerate(entries):
        if number:
            yield ","
        yield name + dumps(value)
    yield end


# ---- reading ----------------------------------------------------------------------------------


def read(path: str) -> dict[str, Any]:
    """The document, every member of it of the right form. BundleError, with the code of what is wrong."""
    try:
        with open(path, encoding="utf-8") as file:
            document = loads(file.read())
    except OSError as error:
        raise BundleError(f"{path} can't be read ({error.strerror})", "name a file of yours", "unreadable") from None
    except UnicodeDecodeError:
        raise no_bundle(path, "it is no text in UTF-8", "not_json") from None
    except InputError as error:
        raise no_bundle(path, error.problem.replace("the input", "it"), "not_json") from None
    return _checked(path, document)


def beginning(path: str) -> dict[str, Any]:
    """The members that stand whole at its beginning, if we wrote it: schema, run_id, summary and ledger among them."""
    from json import JSONDecoder

    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read(BEGINNING)
    found, at, decode = {}, 1, JSONDecoder().raw_decode
    try:
        while True:
            name, at = decode(text, at)
            found[name], at = decode(text, at + 1)
            at += len(text[at:]) - len(text[at:].lstrip(",\n"))
    except (ValueError, RecursionError):
        return found


def contents(document: dict[str, Any], folder: str) -> Iterator[tuple[str, bytes]]:
    """Each content under its name, whatever its bytes. BundleError if one can't be had."""
    for digest, kept in document["blobs"].items():
        yield digest, content(digest, kept, folder)


def content(digest: str, kept: dict[str, Any], folder: str) -> bytes:
    if "text" in kept:
        return str(kept["text"]).encode("utf-8", "surrogatepass")
    try:
        if "base64" in kept:
            return base64.b64decode(kept["base64"], validate=True)
        with open(os.path.join(folder, digest), "rb") as file:
            return file.read()
    except binascii.Error:
        raise BundleError(f"the content {digest} is no base64", "get the bundle anew", "malformed") from None
    except OSError as error:
        problem = f"the content {digest} can't be read from {folder} ({error.strerror})"
        raise BundleError(problem, "the folder belongs to the bundle: keep both together", "blob_unreadable") from None


def stored(data: bytes) -> dict[str, Any]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def folder_of(path: str, document: dict[str, Any]) -> str:
    """Where the contents lie that are not in the document."""
    return os.path.join(os.path.dirname(os.path.abspath(path)), document["beside"] or "")


def _checked(path: str, document: Any) -> dict[str, Any]:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith(FAMILY):
        raise no_bundle(path, "it names no schema of a bundle", "no_bundle")
    if schema != SCHEMA:
        problem = f"{path} has the schema {schema[:60]}, this durable knows {SCHEMA}"
        raise BundleError(problem, "read it with a later durable", "schema_unknown")
    try:
        Bundle.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"][:4]))[:80]
        raise no_bundle(path, f"{where}: {first['msg']}", "malformed") from None
    found: dict[str, Any] = document
    return found


def no_bundle(path: str, why: str, code: str) -> BundleError:
    return BundleError(f"{path} is no bundle: {why}", "durable export RUN makes one", code)
