"""The form of a `durable.bundle.v1`, member by member. docs/bundle.schema.json is made of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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

    bytes: int = Field(ge=0)


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
