"""A job between its file and the ledger. What the ledger keeps is redacted; the original may be needed again."""

from __future__ import annotations

import os

from pydantic import ValidationError

from durable.errors import DurableError, InputError, UsageError
from durable.fingerprint import input_hash
from durable.job.model import Job
from durable.native import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from durable.ledger.transaction import Transaction
    from durable.redact import Redactor

LARGEST = 50_000_000
DEEPEST = 100


class Loaded:
    """`given` is the file's content as it stood."""

    __slots__ = ("given", "job", "path")

    def __init__(self, job: Job, given: Any, path: str) -> None:
        self.job = job
        self.given = given
        self.path = path


class JobLost(DurableError):
    """What the run was started with can't be had any more."""

    code = "job-lost"


def read_job(path: str) -> Loaded:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"the job {path} can't be read ({error.strerror})", "name a file like examples/mail/job.json"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"the job {path} is no text in UTF-8 (byte {error.start})", "save it as UTF-8") from None
    if len(text) > LARGEST:
        raise UsageError(f"the job {path} is larger than {LARGEST} characters", "pass large inputs as files")
    try:
        given = loads(text)
    except InputError as error:
        raise UsageError(f"the job {path} is no valid JSON ({error.problem})", "mend that") from None
    if _nests(given, DEEPEST):
        raise UsageError(f"the job {path} nests deeper than {DEEPEST} levels", "pass such an input in a file")
    return Loaded(_checked(given, path), given, os.path.abspath(path))


def _nests(value: Any, levels: int) -> bool:
    """Deeper than so many levels: whoever redacts or hashes it walks down all of them."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_nests(one, levels - 1) for one in below)


def _checked(given: Any, path: str) -> Job:
    try:
        return Job.model_validate(given)
    except ValidationError as error:
        faults = [_fault(given, one["loc"], one["msg"]) for one in error.errors()]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise UsageError(f"the job {path} is wrong: {faults[0]}{more}", "nothing of it was run") from None


def _fault(given: Any, location: tuple[str | int, ...], said: str) -> str:
    said = said.removeprefix("Value error, ")
    if location[:1] != ("steps",) or len(location) < 2 or not isinstance(location[1], int):
        return ": ".join([".".join(map(str, location)), said] if location else [said])
    step = given["steps"][location[1]]
    name = step.get("id") if isinstance(step, dict) else None
    where = f"step {name!r}" if isinstance(name, str) else f"step {location[1] + 1}"
    return ": ".join(part for part in (where, ".".join(map(str, location[2:])), said) if part)


def remember(tx: Transaction, run_id: str, loaded: Loaded, redactor: Redactor) -> None:
    content = tx.put(dumps(redactor.value(loaded.given)).encode())
    body = {
        "name": loaded.job.name,
        "path": loaded.path,
        "content": content,
        "hash": input_hash(tx.key.fingerprint, loaded.given),
    }
    tx.append("job.loaded", run_id, run_id, body)


def recall(tx: Transaction, run_id: str) -> Loaded:
    """To the letter what the run was started with: what the ledger keeps, else the file, if it is still that."""
    row = tx.one("job", run_id=run_id)
    assert row is not None
    kept = tx.content(row["content"])
    if kept is not None and input_hash(tx.key.fingerprint, loads(kept)) == row["hash"]:
        return Loaded(Job.model_validate(loads(kept)), loads(kept), row["path"])
    try:
        found = read_job(row["path"])
    except UsageError as error:
        raise JobLost(f"{_SECRET}, and {error.problem}", _back(row["path"])) from None
    if input_hash(tx.key.fingerprint, found.given) != row["hash"]:
        raise JobLost(f"{_SECRET}, and {row['path']} has changed since", _back(row["path"]))
    return found


_SECRET = "the job holds what looks like a secret, which no ledger keeps"


def _back(path: str) -> str:
    return f"put {path} back as it was when the run began"
