"""What is taken from a run's record to be compared: lanes, order, contents, what was spent."""

import sqlite3

import pytest

from conformance.past import RUN, SESSION, move, prepare, seat
from durable.evidence.compare import SAME, compare
from durable.evidence.comparing.account import account_of
from durable.ledger.reading import Reader
from durable.ledger.sqlite import SqliteLedger
from durable.native import dumps


class Book:
    """A ledger of a run; each write is a moment of its own."""

    def __init__(self, home):
        self.home = str(home)
        self.ledger = SqliteLedger(self.home)
        self.write(seat)

    def write(self, work):
        with self.ledger.begin() as tx:
            found = work(tx)
            tx.commit()
        return found

    def begin(self, name, command, **over):
        def work(tx):
            given = tx.put(dumps({"command": command, "description": name}).encode())
            body = {"input": given, "effect": "repeatable"} | over
            return move(tx, prepare(tx, name, name, **body), "running")

        return self.write(work)

    def end(self, step, to="succeeded"):
        self.write(lambda tx: move(tx, step, to))

    def ran(self, name, command, **over):
        self.end(self.begin(name, command, **over))

    def completed(self):
        self.write(lambda tx: tx.append("run.completed", RUN, RUN, {}))

    def account(self):
        with Reader(self.home) as reader:
            return account_of(reader, RUN)


@pytest.fixture
def books(tmp_path):
    made = [Book(tmp_path / name) for name in ("one", "other")]
    yield made
    for book in made:
        book.ledger.close()


def changed(book, statement):
    """By hand, past all that is ours."""
    book.ledger.close()
    database = sqlite3.connect(f"{book.home}/ledger.db")
    with database:
        database.execute(statement)
    database.close()


def keys(book):
    return [call.key for call in book.account().calls]


def test_calls_under_way_together_have_no_order(books):
    for book, commands in zip(books, ("ab", "ba"), strict=True):
        book.ran("first", "before")
        for step in [book.begin(f"s{command}", command) for command in commands]:
            book.end(step)
        book.ran("last", "after")
    assert keys(books[0]) == keys(books[1])


def test_calls_one_after_the_other_have_an_order(books):
    for book, commands in zip(books, ("ab", "ba"), strict=True):
        for command in commands:
            book.ran(f"s{command}", command)
    assert keys(books[0]) == keys(books[1])[::-1]


def test_what_runs_in_the_background_makes_no_order_meaningless(books):
    for book, commands in zip(books, ("ab", "ba"), strict=True):
        server = book.begin("server", "serve")
        book.write(lambda tx, step=server: tx.append("step.returned", RUN, step.step_id, {"task_id": "b6ddpmbx2"}))
        for command in commands:
            book.ran(f"s{command}", command)
        book.end(server)
    assert sorted(keys(books[0])) == sorted(keys(books[1])) and keys(books[0]) != keys(books[1])


def test_sub_agents_are_lanes_named_by_their_kind(books):
    book = books[0]
    for number, agent in enumerate(("", "a1", "a2", "a1")):
        book.ran(f"s{number}", str(number), agent_id=agent, agent_type="Explore" if agent else "")
    assert [call.lane for call in book.account().calls] == ["", "Explore 1", "Explore 1", "Explore 2"]


def test_words_beside_a_command_are_no_part_of_it_and_its_directory_is(books):
    book = books[0]
    book.ran("s1", "make")
    book.ran("s2", "make")
    book.ran("s3", "make", cwd="/project/sub")
    first, second, third = keys(book)
    assert first == second != third


def test_a_run_that_is_not_whole_says_why(books):
    book = books[0]
    book.begin("s1", "make", effect="once")
    assert book.account().missing == ["it has not come to its end", "how 1 of its calls ended is not known"]
    other = books[1]
    other.ran("s1", "make")
    other.completed()
    assert other.account().missing == []


def test_a_call_whose_input_was_let_go_is_known_by_its_hash_and_said_to_be_gone(books):
    for book in books:
        book.ran("s1", "make")
        book.completed()
    changed(books[1], "DELETE FROM blobs")
    whole, gone = (book.account() for book in books)
    assert gone.missing == ["what 1 of its calls were given is gone"]
    assert [pair.kind for pair in compare(whole, gone).pairs] == [SAME]


def test_bytes_that_are_no_longer_what_was_recorded_are_not_compared(books):
    book = books[0]
    book.ran("s1", "make")
    book.completed()
    changed(book, """UPDATE blobs SET bytes = CAST('{"command":"rm"}' AS BLOB)""")
    assert book.account().missing == ["what 1 of its calls were given is gone"]


def test_tokens_and_cost_are_those_that_are_known(books):
    book = books[0]
    assert (book.account().tokens, book.account().micro_usd) == (None, None)
    told = {"message_id": "m1", "session_id": SESSION, "agent_id": "", "model": "m", "input": 10, "output": 5,
            "said_at": "2026-01-01T00:00:00.000000Z", "cache_read": 7, "cache_write": 1}  # fmt: skip
    book.write(lambda tx: tx.append("usage.counted", RUN, SESSION, {"messages": [told]}))
    stated = {"micro_usd": 1500, "counter": "", "partial": 0}
    book.write(lambda tx: tx.append("cost.stated", RUN, SESSION, stated))
    assert (book.account().tokens, book.account().micro_usd) == (15, 1500)
    book.write(lambda tx: tx.append("cost.stated", RUN, SESSION, stated | {"partial": 1}))
    assert book.account().micro_usd is None
