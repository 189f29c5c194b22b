"""Where news waits that could not reach the ledger, and under which names: what each hook has to look at.

Where the state directory itself can't be written, the user's config directory or a private directory
under /tmp holds the file until it can.
"""

from __future__ import annotations

from durable.errors import DurableError
from durable.home import config_dir, is_ours
from durable.lean import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable.ledger.transaction import Transaction

_NOTE = "not-answered-"
_OF_HOME = "@"


def rooms(home: str, env: Mapping[str, str]) -> list[str]:
    """Where a spool file may lie, best first."""
    found = [f"{home}/spool"] if home else []
    try:
        found.append(f"{config_dir(env)}/spool")
    except DurableError:
        pass  # Without HOME there is no config directory.
    return [*found, f"/tmp/durable-{os.geteuid()}/spool"]


def waiting(home: str, env: Mapping[str, str]) -> list[str]:
    """The files that may be this ledger's, in the order they were written, wherever they lie."""
    found: list[str] = []
    for room in rooms(home, env):
        # In /tmp anyone may have made that directory, and could fill it with what is none of ours.
        if is_ours(os.path.dirname(room)) and is_ours(room):
            names = [name for name in os.listdir(room) if name.endswith(".json")]
            found += [f"{room}/{name}" for name in names if _may_be_ours(name, home)]
    return sorted(found, key=os.path.basename)


def file_name(room: str, name: str, home: str) -> str:
    """In a room that several state directories share each names its own, so that no hook has to open
    what waits for another."""
    if not home or room == f"{home}/spool":
        return name
    return f"{name.removesuffix('.json')}{_OF_HOME}{_tag(home)}.json"


def _tag(home: str) -> str:
    from durable.native import sha256

    return sha256(os.fsencode(home))[:8]


def name_of(path: str, home: str) -> str:
    """What the news itself is called, wherever it lies."""
    name = os.path.basename(path)
    ours = f"{_OF_HOME}{_tag(home)}.json"
    is_shared = os.path.dirname(path) != f"{home}/spool"
    return name.removesuffix(ours) + ".json" if is_shared and name.endswith(ours) else name


def _may_be_ours(name: str, home: str) -> bool:
    """A name without a tag is of an earlier version, or of a hook that found no state directory."""
    _, tagged, tag = name.removesuffix(".json").rpartition(_OF_HOME)
    return not tagged or tag == _tag(home)


def note_name(step_id: str) -> str:
    """Only the hook that prepared a step can fail to answer for it: one step, one name."""
    return f"{_NOTE}{step_id}.json"


def void_note(tx: Transaction, step_id: str) -> None:
    """Whatever note there is about this step, or will be, no longer counts.

    A second start is about to be permitted on it. A note that no fold has met (its hook has yet to fail,
    or it lies where another HOME looks) would close the step as refused, though the call ran.
    """
    name = note_name(step_id)
    if tx.one("was_spooled", name=name) is None:
        tx.append("spool.folded", "", name, {"why": "the same call was permitted to start again"})


def is_note(path: str) -> bool:
    return os.path.basename(path).startswith(_NOTE)
