"""Tokens and costs from the client's transcript, recorded when a turn, a sub-agent or a session ends, each once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ledger_view
from durable.agents.registry import AGENTS, CLIENT
from durable.ledger.sqlite import SqliteLedger
from durable.usage import count

from .door import Door, bash, ran, recorded

SESSION = "session-one"
FORK = "session-two"
NUMBERS = ("input", "output", "cache_read", "cache_write")


class Transcript:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, *lines: dict[str, Any] | str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            for line in lines:
                file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")


def answer(message_id: str | None = "msg_1", model: str = "opus", output: Any = 5, **more: Any) -> dict[str, Any]:
    used = {"input_tokens": 10, "output_tokens": output, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 3}
    message = {"id": message_id, "model": model, "usage": used, "content": [{"type": "text", "text": "x"}]}
    return {"type": "assistant", "message": message, "timestamp": "2026-11-21T07:30:24.806Z", **more}


def cost(dollars: Any, counter: int = 1795, **more: Any) -> dict[str, Any]:
    return {"type": "cost-state", "totalCostUSD": dollars, "startTime": counter, **more}


@pytest.fixture
def transcript(door: Door) -> Transcript:
    return Transcript(door.root / "main.jsonl")


def about(path: Path, name: str, session: str = SESSION, **fields: Any) -> dict[str, Any]:
    return {**recorded(name), "session_id": session, "transcript_path": str(path), **fields}


def stop(door: Door, transcript: Transcript, session: str = SESSION) -> None:
    assert door.lifecycle(about(transcript.path, "Stop", session)).permits


def rows(door: Door, query: str) -> list[dict[str, Any]]:
    with ledger_view.connect(door.state) as ledger:
        return [dict(row) for row in ledger.execute(query)]


def messages(door: Door) -> dict[str, list[Any]]:
    names = ("session_id", "agent_id", "model", *NUMBERS)
    return {row["message_id"]: [row[name] for name in names] for row in rows(door, "SELECT * FROM messages")}


def events(door: Door, kind: str) -> list[dict[str, Any]]:
    return [json.loads(row["body"]) for row in rows(door, "SELECT * FROM events") if row["type"] == kind]


def test_a_message_counts_once_however_many_lines_it_has(door: Door, transcript: Transcript) -> None:
    transcript.write(answer(), answer(), answer("msg_2"))
    stop(door, transcript)
    assert messages(door) == {name: [SESSION, "", "opus", 10, 5, 7, 3] for name in ("msg_1", "msg_2")}
    assert rows(door, "SELECT at FROM messages")[0]["at"] == "2026-11-21T07:30:24.806000Z"


def test_what_was_told_is_not_told_again(door: Door, transcript: Transcript) -> None:
    transcript.write(answer())
    stop(door, transcript)
    transcript.write({"type": "user"}, answer())
    stop(door, transcript)
    assert len(events(door, "usage.counted")) == 1


def test_numbers_that_have_grown_are_told_again_and_count_once(door: Door, transcript: Transcript) -> None:
    transcript.write(answer(output=1))
    stop(door, transcript)
    transcript.write(answer(output=400), answer(output=9))
    stop(door, transcript)
    assert [body["messages"][0]["output"] for body in events(door, "usage.counted")] == [1, 400]
    assert messages(door)["msg_1"][4] == 400


def test_a_fork_that_repeats_its_parent_adds_only_what_is_new(door: Door, transcript: Transcript) -> None:
    transcript.write(answer())
    stop(door, transcript)
    fork = Transcript(door.root / "fork.jsonl")
    fork.write(answer(), answer("msg_2"))
    stop(door, fork, FORK)
    assert {name: row[0] for name, row in messages(door).items()} == {"msg_1": SESSION, "msg_2": FORK}


def test_a_sub_agents_messages_carry_its_id(door: Door, transcript: Transcript) -> None:
    transcript.write(answer())
    Transcript(door.root / "main/subagents/agent-a1b2.jsonl").write(answer("msg_2"))
    told = about(transcript.path, "SubagentStop", agent_id="a1b2", agent_type="Explore")
    assert door.lifecycle(told).code == 0
    assert {name: row[1] for name, row in messages(door).items()} == {"msg_1": "", "msg_2": "a1b2"}


def test_the_end_of_a_session_counts_as_well(door: Door, transcript: Transcript) -> None:
    transcript.write(answer(), cost(0.0007820000000000001))
    assert door.lifecycle(about(transcript.path, "SessionEnd-other")).code == 0
    assert set(messages(door)) == {"msg_1"}
    assert events(door, "cost.stated") == [{"micro_usd": 782, "counter": "1795", "partial": 0}]


def test_calls_count_nothing(door: Door, transcript: Transcript) -> None:
    """Each of them waits for us; a turn's end does not."""
    transcript.write(answer(), cost(1))
    where = {"session_id": SESSION, "transcript_path": str(transcript.path)}
    assert door.pre(bash(**where)).permits
    assert door.post(ran(**where)).permits
    assert messages(door) == {}


def test_the_last_word_on_a_cost_stands_and_is_told_when_it_changes(door: Door, transcript: Transcript) -> None:
    transcript.write(cost(0.5), cost(1.25))
    stop(door, transcript)
    transcript.write(cost(1.25))
    stop(door, transcript)
    transcript.write(cost(2, hasUnknownModelCost=True))
    stop(door, transcript)
    assert [(body["micro_usd"], body["partial"]) for body in events(door, "cost.stated")] == [
        (1_250_000, 0),
        (2_000_000, 1),
    ]


def test_what_is_no_message_of_a_model_counts_nothing(door: Door, transcript: Transcript) -> None:
    copied = json.dumps(answer("msg_copied")).replace('{"type": "assistant"', '{"type":"api-request","x":1', 1)
    transcript.write(answer("msg_s", model="<synthetic>"), answer(None), answer(""), copied, answer("msg\n1"))
    transcript.write({**answer("msg_u"), "type": "user"}, '{"type": "assistant", "usage": ', "\x00", "[" * 5000)
    transcript.write({"type": "assistant", "message": {"id": "msg_n", "usage": "many"}}, answer("msg_1"))
    stop(door, transcript)
    assert set(messages(door)) == {"msg_1"}


@pytest.mark.parametrize("odd", [-1, True, "5", 1.5, None, 10**30, [5]])
def test_a_number_that_is_none_costs_itself_alone(door: Door, transcript: Transcript, odd: Any) -> None:
    transcript.write(answer(output=odd, timestamp="yesterday"), cost(odd if odd != 1.5 else "much"))
    stop(door, transcript)
    assert messages(door)["msg_1"] == [SESSION, "", "opus", 10, 0, 7, 3]
    assert events(door, "cost.stated") == []


def test_a_line_that_is_still_being_written_waits(door: Door, transcript: Transcript) -> None:
    line = json.dumps(answer("msg_2")) + "\n"
    transcript.write(answer())
    with transcript.path.open("a") as file:
        file.write(line[:40])
    stop(door, transcript)
    assert set(messages(door)) == {"msg_1"}
    with transcript.path.open("a") as file:
        file.write(line[40:])
    stop(door, transcript)
    assert set(messages(door)) == {"msg_1", "msg_2"}


@pytest.mark.parametrize("others", [["msg_3"], ["msg_3", "msg_4"], ["msg_3", "msg_4", "msg_5"]])
def test_a_transcript_that_another_one_took_the_place_of_is_read_from_its_start(
    door: Door, transcript: Transcript, others: list[str]
) -> None:
    """Shorter, as long, and longer: what was behind the place reached says whether it is the same."""
    transcript.write(answer("msg_1"), answer("msg_2"))
    stop(door, transcript)
    transcript.path.unlink()
    transcript.write(*map(answer, others))
    stop(door, transcript)
    assert set(messages(door)) == {"msg_1", "msg_2", *others}


def test_a_copy_in_the_place_of_a_transcript_is_not_read_again(door: Door, transcript: Transcript) -> None:
    transcript.write(answer("msg_1"), {"type": "user", "text": "x" * 5000}, answer("msg_2"))
    stop(door, transcript)
    text = transcript.path.read_bytes()
    transcript.path.unlink()
    transcript.path.write_bytes(text.replace(b"msg_1", b"msg_9"))  # It would be counted by whoever began anew.
    transcript.write(answer("msg_3"))
    stop(door, transcript)
    assert set(messages(door)) == {"msg_1", "msg_2", "msg_3"}


def test_what_was_counted_before_marks_were_kept_is_read_once_more(door: Door, transcript: Transcript) -> None:
    transcript.write(answer())
    stop(door, transcript)
    with ledger_view.sqlite3.connect(door.state / "ledger.db") as ledger:
        ledger.execute("DELETE FROM cursors WHERE path LIKE 'usage:before:%'")
    transcript.write(answer("msg_2"))
    stop(door, transcript)
    assert set(messages(door)) == {"msg_1", "msg_2"} and len(events(door, "usage.counted")) == 2


def test_one_hook_reads_a_bounded_piece_and_the_next_goes_on(door: Door, transcript: Transcript) -> None:
    """A line longer than the piece is passed over, and what follows it is not lost."""
    filler = json.dumps({"type": "user", "text": "x" * 3_000_000})
    transcript.write(answer("msg_1"), filler, filler, answer("msg_2"), json.dumps({"text": "x" * 9_000_000}))
    transcript.write(answer("msg_3"))
    seen = []
    for _ in range(6):
        stop(door, transcript)
        seen.append(set(messages(door)))
    assert seen[0] == {"msg_1"} and seen[-1] == {"msg_1", "msg_2", "msg_3"}


def test_many_messages_are_told_in_events_of_some_hundreds(door: Door, transcript: Transcript) -> None:
    transcript.write(*(answer(f"msg_{number}") for number in range(450)))
    stop(door, transcript)
    assert [len(body["messages"]) for body in events(door, "usage.counted")] == [200, 200, 50]


@pytest.mark.parametrize("kind", ["missing", "folder", "odd agent", "broken bytes"])
def test_a_strange_transcript_fails_no_hook(door: Door, transcript: Transcript, kind: str) -> None:
    if kind == "folder":
        transcript.path.mkdir()
    elif kind == "odd agent":
        folder = door.root / "main/subagents"
        folder.mkdir(parents=True)
        (folder / "agent-\udce9.jsonl").write_text(json.dumps(answer("msg_2")) + "\n")
        transcript.write(answer())
    elif kind == "broken bytes":
        transcript.path.write_bytes(b'\xff\xfe{"usage"\n' + json.dumps(answer()).encode() + b"\n")
    stop(door, transcript)
    assert set(messages(door)) == ({"msg_1"} if kind in ("odd agent", "broken bytes") else set())


def test_where_counting_fails_the_rest_of_the_hook_is_recorded(door: Door, transcript: Transcript) -> None:
    stop(door, transcript)
    with ledger_view.sqlite3.connect(door.state / "ledger.db") as ledger:
        ledger.execute("DROP TABLE messages")
    transcript.write(answer())
    stop(door, transcript)
    assert len(events(door, "turn.ended")) == 2 and events(door, "usage.counted") == []


def test_whoever_takes_its_time_is_told_that_more_is_left_until_all_is_counted(
    door: Door, transcript: Transcript
) -> None:
    stop(door, transcript)
    transcript.write(*(answer(f"msg_{number}") for number in range(9)))
    for name in ("a", "b"):
        Transcript(door.root / f"main/subagents/agent-{name}.jsonl").write(answer(f"msg_{name}"))
    ledger = SqliteLedger(str(door.state))
    more, first = [], set()
    try:
        while not more or more[-1]:
            with ledger.begin() as tx:
                more.append(count(tx, AGENTS[CLIENT], SESSION, SESSION, str(transcript.path), limit=1000))
                tx.commit()
            first = first or set(messages(door))
    finally:
        ledger.close()
    assert len(messages(door)) == 11
    assert "msg_0" in first and not first & {"msg_8", "msg_b"}
