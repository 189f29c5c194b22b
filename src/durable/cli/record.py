"""What a run's name opens: the ledger, a bundle in a file, or one that was imported."""

from __future__ import annotations

import os
from contextlib import contextmanager

from durable import home
from durable.cli.reading import find_run, has_ledger, no_ledger
from durable.errors import BundleError, UsageError
from durable.ledger.reading import Reader
from durable.view import short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def opened(word: str = "", verb: str = "show") -> Iterator[tuple[Reader, str]]:
    """A reader, and the id of the run in it that `word` names: the path of a bundle (with a slash, or ending in .json,
    or the name of a file); else the beginning of a run or session of the ledger (without a word: its latest run); else
    that of an imported run. A bundle is opened only if it is consistent. UsageError if nothing or several fit, which
    names the `verb` that a bundle can be given to."""
    if is_path(word):
        with _of_bundle(word) as (reader, run_id):
            yield reader, run_id
        return
    with of_ledger(word, verb) as found:
        if found is not None:
            yield found
            return
    with _of_bundle(imported(word)) as (reader, run_id):
        yield reader, run_id


def is_path(word: str) -> bool:
    return "/" in word or word.endswith(".json") or os.path.isfile(word)


@contextmanager
def of_ledger(word: str, verb: str = "show") -> Iterator[tuple[Reader, str] | None]:
    """None where only an imported run can be meant."""
    state = home.data_home()
    if not has_ledger(state):
        if not word:
            raise UsageError(no_ledger(state), f"name a bundle: durable {verb} FILE")
        yield None
        return
    with Reader(state) as reader:
        try:
            run_id = find_run(reader, word)
        except UsageError:
            if not _only_imported(reader, state, word):
                raise
            run_id = ""
        yield (reader, run_id) if run_id else None


def _only_imported(reader: Reader, state: str, word: str) -> bool:
    from durable.evidence.imported import matching

    several = reader.all("runs_by_prefix", prefix=word) or reader.all("sessions_by_prefix", prefix=word)
    return bool(word and not several and matching(state, word))


@contextmanager
def _of_bundle(path: str) -> Iterator[tuple[Reader, str]]:
    from durable.evidence.findings import holds
    from durable.evidence.verify_bundle import Examined

    examined = Examined(path)
    if examined.document is None:
        first = examined.findings[0]
        raise BundleError(first.says, "durable export RUN makes one", first.code)
    if not holds(examined.consistent):
        problem = f"{path} is not consistent: {examined.findings[0].says}"
        raise BundleError(problem, "durable verify FILE names all that is wrong with it", examined.findings[0].code)
    with examined.open() as replica:
        yield replica, str(examined.document["run_id"])


def imported(word: str) -> str:
    """The file of the one imported run that `word` begins."""
    from durable.evidence.imported import matching

    state = home.data_home()
    found = matching(state, word)
    if not found:
        raise UsageError(
            f"no run or session begins with {word!r}", "durable runs, and durable runs --imported, list them"
        )
    if len(found) > 1:
        listed = ", ".join(f"{short_id(one.run_id)} ({one.path})" for one in found)
        raise UsageError(f"{word!r} begins more than one imported run: {listed}", "give more of it, or its path")
    return found[0].path
