"""A ledger made anew in memory from events answers what the one that they came from does."""

from conformance.past import RUN
from durable.ledger.reading import Reader
from durable.ledger.replica import Replica


def events(state):
    with Reader(str(state)) as reader:
        return reader.all("events_of_run", run_id=RUN)


def test_it_has_the_same_rows(home):
    with Replica("a copy", events(home)) as replica, Reader(str(home)) as reader:
        assert replica.unprojected == []
        for query in ("steps_of_run", "sessions_of_run", "owners_of_run", "run"):
            assert replica.all(query, run_id=RUN) == reader.all(query, run_id=RUN) != []


def test_of_a_part_of_the_events_it_shows_how_things_stood_then(home):
    past = [event for event in events(home) if event["type"] != "step.succeeded"]
    with Replica("as it was", past) as replica:
        assert {row["status"] for row in replica.all("steps_of_run", run_id=RUN)} == {"running"}


def test_an_event_that_nothing_follows_from_is_named(home):
    past = events(home)
    without = [event for event in past if event["type"] != "step.prepared"]
    moves = [event["seq"] for event in without if event["type"].startswith("step.")]
    with Replica("torn", without) as replica:
        assert replica.unprojected == moves != []


def test_contents_are_its_own_or_looked_up_beside(home):
    with Reader(str(home)) as reader:
        digest = reader.all("steps_of_run", run_id=RUN)[0]["input"]
        kept = reader.one("blob_up_to", digest=digest, most=100)
        with Replica("a copy", events(home), beside=reader) as replica:
            assert replica.one("blob_up_to", digest=digest, most=100) == kept
        with Replica("a copy", events(home)) as replica:
            assert replica.one("blob_up_to", digest=digest, most=100) is None
        with Replica("a copy", events(home), [(digest, kept["bytes"])]) as replica:
            assert replica.one("blob_up_to", digest=digest, most=100) == kept
