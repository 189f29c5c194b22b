"""Append-only, chained, and all that the rows know."""

import pytest

from conformance.past import RUN, SESSION, all_events, count, move, receipt, seat, session_body, step_in
from durable.ledger import chain
from durable.ledger.walk import Walk, walked
from durable.native import loads, sha256


class Record:
    @pytest.fixture
    def ledger(self, backend):
        ledger = backend.make_ledger()
        with ledger.begin() as tx:
            seat(tx)
            seat(tx, "run-2", "session-2", "owner-2")
            step_in(tx, "succeeded", "s1", "f1")
            step_in(tx, "in_doubt", "s2", "f2")
            tx.commit()
        return ledger

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE events SET body = '{}' WHERE seq = 2",
            "UPDATE events SET seq = 1000 WHERE seq = 2",
            "DELETE FROM events WHERE seq = 2",
            "DELETE FROM events",
        ],
    )
    def test_an_event_can_neither_be_changed_nor_removed(self, backend, ledger, sql):
        before = all_events(ledger)
        with pytest.raises(Exception, match="events are never"):
            backend.direct(sql)
        assert all_events(ledger) == before

    def test_an_event_can_not_be_replaced(self, backend, ledger):
        before = all_events(ledger)
        columns = ", ".join(before[1])
        with pytest.raises(Exception, match=r"events|UNIQUE|unique|duplicate"):
            backend.direct(
                f"INSERT INTO events ({columns}) SELECT {columns} FROM events WHERE seq = 2"
                " ON CONFLICT (seq) DO UPDATE SET body = '{}'"
            )
        assert all_events(ledger) == before

    def test_the_events_are_numbered_without_a_gap_in_ledger_and_run(self, ledger):
        events = all_events(ledger)
        assert [row["seq"] for row in events] == list(range(1, len(events) + 1))
        for run in {row["run_id"] for row in events}:
            numbers = [row["run_seq"] for row in events if row["run_id"] == run]
            assert numbers == list(range(1, len(numbers) + 1))

    def test_each_event_is_linked_to_the_one_before_it_in_ledger_and_run(self, ledger):
        events = all_events(ledger)
        last, last_of_run = chain.START, {}
        for row in events:
            assert row["prev"] == last
            assert row["run_prev"] == last_of_run.get(row["run_id"], chain.START)
            last = last_of_run[row["run_id"]] = row["hash"]

    def test_each_event_is_hashed_over_its_bytes_and_made_with_the_key(self, ledger):
        for row in all_events(ledger):
            assert row["hash"] == chain.digest_of(chain.event_of(row))
            assert row["mac"] == chain.event_mac(ledger.key.chain, row["hash"])
            assert row["mac"] != chain.event_mac(ledger.key.spool, row["hash"])

    def test_the_chain_is_found_whole(self, ledger):
        assert walked(Walk(keys_of(ledger)), all_events(ledger), ledger.key.key_id).faults == []

    @pytest.mark.parametrize("name", ["seq", "run_id", "run_seq", "subject", "type", "at", "body", "hash", "mac"])
    def test_a_change_to_any_field_is_found(self, ledger, name):
        events = all_events(ledger)
        row = events[5]
        row[name] = row[name] + 1 if isinstance(row[name], int) else row[name] + "0"
        assert walked(Walk(keys_of(ledger)), events, ledger.key.key_id).faults

    def test_an_event_taken_out_swapped_or_cut_in_is_found(self, ledger):
        events = all_events(ledger)
        for broken in (
            events[:4] + events[5:],
            [*events[:4], events[5], events[4], *events[6:]],
            [*events, events[-1]],
        ):
            assert walked(Walk(keys_of(ledger)), broken, ledger.key.key_id).faults

    @pytest.mark.parametrize("name", ["seq", "prev", "run_seq", "run_prev"])
    def test_a_link_that_leads_elsewhere_is_found_even_if_made_with_the_key(self, ledger, name):
        events = all_events(ledger)
        last = chain.event_of(events[-1])
        setattr(last, name, last.seq + 7 if name.endswith("seq") else events[1]["hash"])
        last.seal(ledger.key.chain, last.subject, last.type, last.at, loads(last.body))
        assert walked(Walk(keys_of(ledger)), [*events[:-1], last.columns()], ledger.key.key_id).faults

    def test_a_chain_made_with_another_key_is_found(self, ledger):
        events = all_events(ledger)
        for row in events:
            row["mac"] = chain.event_mac(b"another key", row["hash"])
        assert walked(Walk(keys_of(ledger)), events, ledger.key.key_id).faults

    # ---- blobs ----

    def test_a_blob_is_kept_once_under_the_hash_of_itself(self, backend):
        ledger = backend.make_ledger()
        data = bytes(range(256)) * 5000
        with ledger.begin() as tx:
            digests = {tx.put(data), tx.put(data)}
            tx.commit()
        with backend.make_ledger().begin() as tx:
            kept = tx.one("get_blob", digest=digests.pop())["bytes"]
        assert not digests
        assert (sha256(bytes(kept)), bytes(kept)) == (sha256(data), data)

    def test_an_empty_blob_is_a_blob(self, backend):
        with backend.make_ledger().begin() as tx:
            assert bytes(tx.one("get_blob", digest=tx.put(b""))["bytes"]) == b""

    # ---- rows ----

    def test_every_row_follows_from_the_events(self, backend, ledger):
        with ledger.begin() as tx:
            step = tx.step("step", step_id="s2")
            tx.append("step.returned", RUN, "s2", {"task_id": "task-1"})
            tx.append("step.rewritten", RUN, "s2", {"effective_input": tx.put(b"other")})
            tx.append("step.asked", RUN, "s2", {})
            tx.append("step.flagged", RUN, "s2", {"flag": "contradicted"})
            tx.close_step(step, receipt(output=tx.put(b"out")))
            tx.append("session.joined", RUN, SESSION, session_body("resume"))
            tx.append("owner.ended", RUN, "owner-1", {"reason": "done"})
            tx.append("session.ended", RUN, SESSION, {"reason": "other"})
            tx.append("run.completed", RUN, RUN, {})
            tx.append("run.reopened", RUN, RUN, {})
            tx.append("spool.folded", "", "a.json", {"why": "receipt"})
            tx.append("spool.set_aside", "", "b.json", {"why": "no key"})
            tx.commit()
        assert backend.tables() == backend.rebuilt(all_events(ledger))

    def test_an_event_that_nothing_follows_from_changes_no_row(self, backend, ledger):
        before = backend.tables()
        with ledger.begin() as tx:
            tx.append("turn.started", RUN, SESSION, {"prompt_id": "p"})
            tx.commit()
        assert backend.tables() == before

    def test_a_refused_move_changes_no_row(self, backend, ledger):
        before = backend.tables()
        with ledger.begin() as tx:
            events = count(tx)
            tx.attempt(lambda: move(tx, tx.step("step", step_id="s1"), "failed"))
            assert count(tx) == events
            tx.commit()
        assert backend.tables() == before

    def test_an_answer_of_a_model_counts_once_whoever_repeats_it(self, backend, ledger):
        for tokens in (3, 9, 4):
            told = {"messages": [message("m1", tokens), message("m2", 1)]}
            assert_rows_follow(backend, ledger, "usage.counted", RUN, SESSION, told)
        assert [row[7] for row in backend.tables()["messages"]] == [9, 1]

    def test_what_a_session_is_said_to_have_cost_is_its_last_word(self, backend, ledger):
        for micro_usd in (1_000, 2_500):
            assert_rows_follow(backend, ledger, "cost.stated", RUN, SESSION, {"micro_usd": micro_usd})
        assert [row[:3] for row in backend.tables()["costs"]] == [(SESSION, RUN, 2_500)]

    def test_contents_that_were_let_go_are_named_one_by_one(self, backend, ledger):
        blobs = [{"digest": "d1", "bytes": 10, "class": "read"}, {"digest": "d2", "bytes": 20, "class": "sealed"}]
        assert_rows_follow(backend, ledger, "evidence.expired", "", "", {"blobs": blobs})
        assert [row[:3] for row in backend.tables()["expired"]] == [("d1", 10, "read"), ("d2", 20, "sealed")]


def keys_of(ledger):
    return {ledger.key.key_id: ledger.key.chain}


def assert_rows_follow(backend, ledger, kind, run, subject, body):
    with ledger.begin() as tx:
        tx.append(kind, run, subject, body)
        tx.commit()
    assert backend.tables() == backend.rebuilt(all_events(ledger))


def message(message_id, output):
    counted = {"input": 5, "output": output, "cache_read": 0, "cache_write": 0}
    said = {"session_id": SESSION, "agent_id": "", "model": "a-model", "said_at": "2026-01-01T00:00:00.000000Z"}
    return {"message_id": message_id, **said, **counted}
