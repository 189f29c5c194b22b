"""`durable.bundle.v1`: one run as one JSON document, that anybody can check without the ledger it came from.

The digest covers each member but itself, `mac` and `signature`: it is the SHA-256 of a canonical JSON object that
gives the SHA-256 of the canonical JSON of each member. Canonical is what native.dumps writes: sorted keys, no blanks,
ASCII. So the members may stand in any order, and be hashed one by one.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from durable.errors import BundleError, InputError
from durable.native import dumps, loads, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SCHEMA = "durable.bundle.v1"
FAMILY = "durable.bundle."
VOUCHING = ("digest", "mac", "signature")
# What says which run it is stands first, so that a list of bundles needs no more than their beginnings.
BEGINNING = 1 << 16
TOGETHER = "contents"
TELLING = {"made_at", "run_id", "summary", "ledger"}

# ---- the digest -------------------------------------------------------------------------------


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
    """The members that say which run it is: of one that we wrote from its first lines, else all of it is read."""
    with open(path, encoding="utf-8", errors="replace") as file:
        found = _members(file.read(BEGINNING))
    return found if found.keys() >= TELLING else read(path)


def _members(text: str) -> dict[str, Any]:
    """Those that stand whole in this piece of a document."""
    from json import JSONDecoder

    found, at, decode = {}, text.find("{") + 1, JSONDecoder().raw_decode
    try:
        while True:
            name, at = decode(text, _next(text, at))
            found[name], at = decode(text, _next(text, at))
    except (ValueError, RecursionError, TypeError):
        return found


def _next(text: str, at: int) -> int:
    """Where the next name or value begins."""
    while text[at : at + 1] and text[at] in ",: \n\r\t":
        at += 1
    return at


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
            if os.fstat(file.fileno()).st_size == kept["bytes"]:
                return file.read(kept["bytes"])
    except ValueError:
        raise BundleError(f"the content {digest} is no base64", "get the bundle anew", "malformed") from None
    except OSError as error:
        problem = f"the content {digest} can't be read from {folder} ({error.strerror})"
        raise BundleError(problem, "the folder belongs to the bundle: keep both together", "blob_unreadable") from None
    problem = f"the content {digest} in {folder} is not {kept['bytes']:,} bytes long"
    raise BundleError(problem, "get the bundle anew", "blob_changed")


def stored(data: bytes) -> dict[str, Any]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def folder_of(path: str, document: dict[str, Any]) -> str:
    """Where the contents lie that are not in the document. Those of all that were imported lie together."""
    room = os.path.dirname(os.path.abspath(path))
    own = os.path.join(room, document["beside"] or "")
    return own if os.path.isdir(own) else os.path.join(room, TOGETHER)


def _checked(path: str, document: Any) -> dict[str, Any]:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith(FAMILY):
        raise no_bundle(path, "it names no schema of a bundle", "no_bundle")
    if schema != SCHEMA:
        problem = f"{path} has the schema {schema[:60]}, this durable knows {SCHEMA}"
        raise BundleError(problem, "read it with a later durable", "schema_unknown")
    from pydantic import ValidationError

    from durable.evidence.bundles.bundle_model import Bundle

    try:
        Bundle.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"][:4]))[:80]
        raise no_bundle(path, f"{where}: {first['msg']}", "malformed") from None
    if document["beside"] is None and any("bytes" in kept for kept in document["blobs"].values()):
        raise no_bundle(path, "beside: it names no folder, and contents lie in one", "malformed")
    found: dict[str, Any] = document
    return found


def no_bundle(path: str, why: str, code: str) -> BundleError:
    return BundleError(f"{path} is no bundle: {why}", "durable export RUN makes one", code)
