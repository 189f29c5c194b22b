"""What stays and what goes, decided from rows alone."""

import pytest

from durable.evidence.keeping.letting_go import MOST_BYTES, MOST_CONTENTS, batches
from durable.evidence.retention import (
    CONTRADICTED,
    JOB,
    JOB_GIVEN,
    KEPT_FOREVER,
    OPEN_RUN,
    SCHEDULE,
    UNNAMED,
    UNSETTLED,
    YOUNG,
    Content,
    class_of,
    plan,
    use_by_event,
    uses_of,
)
from durable.step import OPEN

DAYS = {"public_days": 30, "sealed_days": 7, "read_days": 7}
CLOSED, NOW = "2026-01-01T00:00:00.000000Z", "2026-03-01T00:00:00.000000Z"


def row(**over):
    found = {
        "run_id": "r", "tool_name": "Bash", "effect": "repeatable", "status": "succeeded", "evidence": None,
        "redacted": None, "closed_at": CLOSED, "input": "i", "effective_input": None, "output": "o", "error": None,
        "run_status": "completed", "job": 0, "flag": None,
    }  # fmt: skip
    return found | over


def decided(*rows, days=DAYS, now=NOW, given=(), more=()):
    uses = [use for one in rows for use in uses_of(one, days)]
    sizes = {use.digest: 10 for use in uses} | dict.fromkeys([*given, *more], 10)
    return plan(sizes, uses, given, days, now, 1)


def whys(found):
    return {one.digest: one.why for one in [*found.goes, *found.stays]}


@pytest.mark.parametrize(
    ("over", "kind"),
    [
        ({}, "public"),
        ({"effect": "once"}, "public"),
        ({"effect": "read"}, "read"),
        ({"evidence": "sealed"}, "sealed"),
        ({"evidence": "sealed", "effect": "read"}, "sealed"),
        ({"redacted": '{"api-key": 1}'}, "sealed"),
    ],
)
def test_each_step_has_one_class(over, kind):
    assert class_of(row(**over)) == kind


@pytest.mark.parametrize(("kind", "days"), [({}, 30), ({"effect": "read"}, 7), ({"evidence": "sealed"}, 7)])
def test_the_time_counts_from_the_end_of_the_call_to_the_microsecond(kind, days):
    last = f"2026-01-{days:02d}T23:59:59.999999Z"
    assert decided(row(**kind), now=last).goes == []
    over = "2026-01-31T00:00:00.000000Z" if days == 30 else "2026-01-08T00:00:00.000000Z"
    assert {one.digest for one in decided(row(**kind), now=over).goes} == {"i", "o"}


STAYS = [
    *(({"status": status, "closed_at": None}, UNSETTLED) for status in OPEN),
    ({"flag": "contradicted"}, CONTRADICTED),
    ({"flag": "contradicted", "effect": "once", "run_status": "open"}, CONTRADICTED),
    ({"job": 1, "run_status": "failed"}, JOB),
    ({"job": 1, "run_status": "open"}, JOB),
    ({"effect": "once", "run_status": "open"}, OPEN_RUN),
]
GOES = [
    {"job": 1},
    {"effect": "once"},
    {"effect": "once", "run_status": "cancelled"},
    {"run_status": "open"},
    {"status": "failed"},
    {"flag": "unprepared"},
    {"status": "refused"},
    {"status": "not_done", "effect": "once"},
]


@pytest.mark.parametrize(("over", "why"), STAYS)
def test_what_may_still_be_needed_stays_whatever_its_age(over, why):
    assert whys(decided(row(**over))) == {"i": why, "o": why}


@pytest.mark.parametrize("over", GOES)
def test_what_is_over_goes(over):
    assert whys(decided(row(**over))) == {"i": "", "o": ""}


def test_the_words_of_a_schedule_stay_and_its_answer_goes():
    assert whys(decided(row(tool_name="CronCreate"))) == {"i": SCHEDULE, "o": ""}


def test_forever_is_for_ever():
    found = decided(row(), row(effect="read", input="j", output=None), days=DAYS | {"public_days": "forever"})
    assert whys(found) == {"i": KEPT_FOREVER, "o": KEPT_FOREVER, "j": ""}


@pytest.mark.parametrize("turn", [1, -1])
def test_one_that_is_shared_lives_as_long_as_whoever_needs_it_longest(turn):
    def shared(*rows):
        return decided(*rows[::turn])

    early, late = row(run_id="a", output=None), row(run_id="b", output=None, closed_at="2026-02-20T00:00:00.000000Z")
    (stays,) = shared(early, late).stays
    assert (stays.why, stays.run_id, stays.runs) == (YOUNG, "b", {"a", "b"})
    reads = row(run_id="b", output=None, effect="read", closed_at="2026-01-05T00:00:00.000000Z")
    (goes,) = shared(early, reads).goes
    assert (goes.kind, goes.run_id) == ("public", "a")
    assert whys(shared(early, row(output=None, status="in_doubt", closed_at=None))) == {"i": UNSETTLED}


def test_what_a_job_was_started_with_stays_even_if_a_step_names_it_too():
    assert whys(decided(row(output=None), given=["i", "g"])) == {"i": JOB_GIVEN, "g": JOB_GIVEN}


def test_what_nothing_names_is_left_alone():
    assert whys(decided(more=["x"])) == {"x": UNNAMED}


def test_what_a_late_receipt_names_goes_with_its_step():
    uses = [use_by_event("late", row(effect="read"), DAYS)]
    assert whys(plan({"late": 1}, uses, [], DAYS, NOW, 1)) == {"late": ""}
    uses = [use_by_event("late", row(status="in_doubt", closed_at=None), DAYS)]
    assert whys(plan({"late": 1}, uses, [], DAYS, NOW, 1)) == {"late": UNSETTLED}


def test_the_next_to_go_is_named_by_its_day():
    assert decided(row(), now=CLOSED).next_at == "2026-01-31T00:00:00.000000Z"
    assert decided(row()).next_at is None


def content(number, size):
    return Content(f"{number}", size, "r", frozenset("r"), "public", CLOSED, CLOSED, "")


def test_a_transaction_takes_so_many_contents_and_bytes_and_no_more():
    many = [content(number, 1) for number in range(2 * MOST_CONTENTS + 1)]
    assert [len(batch) for batch in batches(many)] == [MOST_CONTENTS, MOST_CONTENTS, 1]
    large = [content(1, 1), content(2, MOST_BYTES), content(3, 3 * MOST_BYTES), content(4, 1)]
    assert [[one.digest for one in batch] for batch in batches(large)] == [["1"], ["2"], ["3"], ["4"]]
    assert list(batches([])) == []
