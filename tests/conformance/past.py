"""Short ways to a past: a run with a session and an owner, and steps in any state."""

from durable.closing import closing
from durable.step import PREPARED, RUNNING

RUN, SESSION, OWNER = "run-1", "session-1", "owner-1"

# How a step gets to each state, by legal moves.
WAYS = {
    PREPARED: (),
    RUNNING: (RUNNING,),
    "succeeded": (RUNNING, "succeeded"),
    "failed": (RUNNING, "failed"),
    "in_doubt": (RUNNING, "in_doubt"),
    "not_done": (RUNNING, "in_doubt", "not_done"),
    "refused": ("refused",),
    "replayed": ("replayed",),
}


def seat(tx, run=RUN, session=SESSION, owner=OWNER):
    tx.append("run.opened", run, run, {"project": "/project", "client": "claude-code"})
    tx.append("session.joined", run, session, session_body())
    tx.append("owner.seen", run, owner, owner_body(session))


def session_body(source="startup"):
    return {
        "source": source,
        "transcript_path": "/t.jsonl",
        "cwd": "/project",
        "entrypoint": "cli",
        "permission_mode": "default",
        "attended": 1,
    }


def owner_body(session=SESSION):
    return {"session_id": session, "pid": 4711, "started": 99, "boot": "b", "host": "h", "pidns": "1"}


def step_body(tx, fingerprint="f1", **over):
    digest = tx.put(f"input of {fingerprint}".encode())
    return {
        "session_id": SESSION,
        "owner_id": OWNER,
        "tool_use_id": f"toolu_{fingerprint}",
        "tool_name": "Bash",
        "agent_id": "",
        "agent_type": "",
        "cwd": "/project",
        "prompt_id": "p1",
        "permission_mode": "default",
        "transcript_pos": 0,
        "effect": "once",
        "rule": "test",
        "policy": "",
        "mode": "enforce",
        "would": None,
        "attempt": 1,
        "fingerprint": fingerprint,
        "scope": f"run:{RUN}",
        "idempotency_key": f"{fingerprint}-1",
        "nonce": None,
        "duplicate_of": None,
        "input": digest,
        "input_hash": "hash",
        "redacted": None,
        "hook_us": 1,
        "flag": None,
    } | over


def prepare(tx, step_id="s1", fingerprint="f1", run=RUN, **over):
    return tx.prepare(step_id, run, step_body(tx, fingerprint, **over))


def move(tx, step, to, by="PostToolUse"):
    """Asks for the move as an event, past every check but the ledger's own."""
    if to == RUNNING:
        body = {"asked_at": None}
    elif to == "in_doubt":
        body = {"doubt": "why", "error": None, "returned": 1}
    else:
        body = {key: value for key, value in closing(to, by, returned=1).items() if key != "status"}
    tx.append(f"step.{to}", step.run_id, step.step_id, body)
    return tx.step("step", step_id=step.step_id)


def step_in(tx, status, step_id="s1", fingerprint="f1", **over):
    step = prepare(tx, step_id, fingerprint, **over)
    for to in WAYS[status]:
        step = move(tx, step, to)
    return step


def receipt(output=None):
    return closing("succeeded", "PostToolUse", output=output, returned=1)


def all_events(ledger):
    with ledger.begin():
        return ledger.all("events_after", {"seq": 0})


def count(tx):
    return len(tx.all("events_after", seq=0))
