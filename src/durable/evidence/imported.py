"""Bundles of other ledgers, kept to be read: one file a run, in a room of its own. No part of our record."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from durable.errors import BundleError, DurableError, InputError
from durable.evidence import bundle
from durable.evidence.bundles.bundle_file import placed
from durable.evidence.bundles.signature import EXTRA, fingerprint, is_possible
from durable.home import check_file, secure_dir
from durable.ledger.files import sync_dir, write_synced
from durable.native import loads, sha256

if TYPE_CHECKING:
    from typing import Any

    Row = dict[str, Any]

ROOM = "imported"
_ENDING = ".json"
NEW, SAME, ANOTHER = "imported", "the same", "made anew of the same events"
LONGER, SHORTER = "longer than before", "shorter than what is here"


class Kept:
    """One of them, as far as its beginning tells."""

    __slots__ = ("ledger_id", "made_at", "path", "run_id", "summary")

    def __init__(self, path: str, beginning: Row) -> None:
        self.path = path
        self.run_id = str(beginning["run_id"])
        self.made_at = str(beginning["made_at"])
        self.ledger_id = str(beginning["ledger"]["id"])
        self.summary: Row = beginning["summary"]


def room_in(home: str) -> str:
    return f"{home}/{ROOM}"


def contents_in(home: str) -> str:
    """Where the contents lie that came beside a bundle: under their hash, whichever brought them."""
    return f"{home}/{ROOM}/{bundle.TOGETHER}"


def path_of(home: str, document: Row) -> str:
    """A run's id may be any text, and two ledgers may use the same."""
    name = sha256(f"{document['ledger']['id']}\n{document['run_id']}".encode("utf-8", "surrogatepass"))
    return f"{room_in(home)}/{name[:32]}{_ENDING}"


def all_kept(home: str) -> list[Kept]:
    """The latest first."""
    room = room_in(home)
    names = [name for name in os.listdir(room) if name.endswith(_ENDING)] if os.path.isdir(room) else []
    found = [_kept(f"{room}/{name}") for name in sorted(names)]
    return sorted((one for one in found if one is not None), key=lambda one: one.made_at, reverse=True)


def _kept(path: str) -> Kept | None:
    try:
        return Kept(path, bundle.beginning(path)) if check_file(path) else None
    except (DurableError, KeyError, TypeError, OSError):
        return None  # Nothing of what we put there: `opened` by its path says what is wrong with it.


def matching(home: str, prefix: str) -> list[Kept]:
    """Those whose run, or one of whose sessions, `prefix` begins. A whole id wins."""
    kept = all_kept(home)
    for fits in (_is_it, _begins_run, _begins_session):
        found = [one for one in kept if fits(one, prefix)]
        if found:
            return found
    return []


def _is_it(one: Kept, word: str) -> bool:
    return word == one.run_id or word in one.summary["session_ids"]


def _begins_run(one: Kept, word: str) -> bool:
    return one.run_id.startswith(word)


def _begins_session(one: Kept, word: str) -> bool:
    return any(session.startswith(word) for session in one.summary["session_ids"])


# ---- taking one in ----------------------------------------------------------------------------


def take_in(home: str, path: str, document: Row, folder: str) -> tuple[str, str]:
    """Keeps a consistent bundle, to the byte. What became of it, and where it lies. BundleError if another of the same
    run contradicts it. Killed on the way, the room holds what it held."""
    target = path_of(home, document)
    secure_dir(home)
    secure_dir(room_in(home))
    fate = _fate(target, document) if check_file(target) else NEW
    if fate in (NEW, LONGER, ANOTHER):
        data = _unchanged(path, document)
        _take_contents(home, document, folder)
        with placed(target, force=True) as out:
            out.buffer.write(data)
    return fate, target


def _unchanged(path: str, document: Row) -> bytes:
    """A pipe gives nothing a second time, and a file may be another by now than the one that was looked at."""
    with open(path, "rb") as source:
        data = source.read()
    try:
        same = loads(data.decode()) == document
    except (UnicodeDecodeError, InputError):
        same = False
    if not same:
        problem = f"{path} is no longer what was looked at"
        raise BundleError(problem, "import a file that stays as it is, and no pipe", "changed")
    return data


def _fate(target: str, document: Row) -> str:
    here = bundle.read(target)
    if here["digest"] == document["digest"] and here["signature"] == document["signature"]:
        return SAME
    ours, theirs = (_hashes(one) for one in (here, document))
    shared = min(len(ours), len(theirs))
    if ours[:shared] != theirs[:shared]:
        differs = next(number for number in range(shared) if ours[number] != theirs[number])
        problem = f"it contradicts the bundle {target} of the same run from event {theirs[differs][0]} on"
        raise BundleError(problem, "one of the two is false: durable verify says who vouches for each", "contradicts")
    if len(theirs) < len(ours):
        return SHORTER
    _check_signer(target, here, document)
    return LONGER if len(theirs) > len(ours) else ANOTHER


def _check_signer(target: str, here: Row, document: Row) -> None:
    """Anybody can add events to a bundle. To take the place of a signed one it must be signed as that one was."""
    before = here["signature"] and here["signature"]["public_key"]
    if before and before != (document["signature"] or {}).get("public_key"):
        problem = f"the bundle {target} of the same run was signed by {fingerprint(before)}, and this one was not"
        raise BundleError(problem, "get one that was, or remove that file", "signer")
    if before and not is_possible():
        problem = f"whether {fingerprint(before)} signed this one, as it did the bundle {target}, can't be checked"
        raise BundleError(problem, EXTRA, "signature_unchecked")


def _hashes(document: Row) -> list[tuple[int, str]]:
    return [(event["seq"], event["hash"]) for event in document["events"]]


def _take_contents(home: str, document: Row, folder: str) -> None:
    """Those that lie beside the bundle. They were checked against their names."""
    beside = [digest for digest, kept in document["blobs"].items() if "bytes" in kept]
    if not beside:
        return
    secure_dir(contents_in(home))
    for digest in beside:
        data = bundle.content(digest, document["blobs"][digest], folder)
        if sha256(data) != digest:
            raise BundleError(f"the content {digest} was changed just now", "import it again", "blob_changed")
        write_synced(f"{contents_in(home)}/{digest}.new", data)
        os.replace(f"{contents_in(home)}/{digest}.new", f"{contents_in(home)}/{digest}")
    sync_dir(contents_in(home))
