"""Two accounts beside each other, made by hand."""

import itertools

import pytest

from durable.evidence.compare import CHANGED, MOVED, ONLY_A, ONLY_B, REWORDED, SAME, compare, shared
from durable.evidence.comparing.account import Account, Call


def call(key, lane="", tool="Bash", given=None, **more):
    return {"key": key, "tool": tool, "given": key if given is None else given, "lane": lane, "effect": "repeatable",
            "status": "succeeded"} | more  # fmt: skip


def account(*calls, status="completed", **more):
    made = [Call(number=number, **(one if isinstance(one, dict) else call(one))) for number, one in enumerate(calls, 1)]
    return Account("run", status, made, lambda one: one.output or "", **more)


def kinds(a, b, **more):
    pairs = compare(account(*a), account(*b), **more).pairs
    return [(pair.kind, *(pair.changes or ())) for pair in pairs]


def test_the_same_calls_are_no_difference():
    found = compare(account("a", "b"), account("a", "b"))
    assert found.same and [pair.kind for pair in found.pairs] == [SAME, SAME]
    assert compare(account(), account()).same


def test_how_the_run_ended_is_a_difference():
    assert not compare(account("a"), account("a", status="failed")).same


def test_what_one_did_alone_stands_where_it_did_it():
    assert kinds("axb", "ab") == [(SAME,), (ONLY_A,), (SAME,)]
    assert kinds("ab", "ayb") == [(SAME,), (ONLY_B,), (SAME,)]
    assert kinds("axb", "ayb") == [(SAME,), (ONLY_A,), (ONLY_B,), (SAME,)]
    assert kinds("", "ab") == [(ONLY_B,), (ONLY_B,)]


def test_one_more_of_the_same_call_is_one_more():
    assert kinds("aab", "ab").count((ONLY_A,)) == 1


def test_what_was_done_elsewhere_is_moved_not_done_twice():
    assert sorted(kinds("abcd", "bcda")) == [(MOVED,), (SAME,), (SAME,), (SAME,)]


@pytest.mark.parametrize(
    "change", [{"status": "failed"}, {"exit_code": 1}, {"approval": "approved"}, {"flag": "contradicted"},
               {"effect": "once"}, {"output": "other"}]
)  # fmt: skip
def test_the_same_call_that_ended_otherwise_says_how(change):
    (name,) = change
    assert kinds([call("a")], [call("a", **change)]) == [(CHANGED, name)]


def test_of_a_call_that_failed_the_output_is_no_second_difference():
    assert kinds([call("a")], [call("a", status="failed", output="other")]) == [(CHANGED, "status")]


def test_outputs_can_be_left_out():
    assert kinds([call("a")], [call("a", output="other")], outputs=False) == [(SAME,)]


def test_outputs_that_are_the_same_but_for_what_is_volatile_are_the_same():
    one, other = account(call("a", output="1")), account(call("a", output="2"))
    like = Account("run", "completed", other.calls, lambda one: "1")
    assert compare(one, like).same


def test_an_output_that_is_gone_is_not_taken_for_the_same():
    one = account(call("a", output="1"))
    lost = Account("run", "completed", account(call("a", output="2")).calls, lambda one: None)
    assert compare(one, lost).pairs[0].changes == {"output": ("1", "gone")}


def test_other_words_for_the_same_tool_in_the_same_place_are_one_call_reworded():
    a, b = call("1", given="make build --target=release"), call("2", given="make build --target=debug")
    assert kinds([call("x"), a, call("y")], [call("x"), b, call("y")]) == [(SAME,), (REWORDED,), (SAME,)]
    assert kinds([a], [b | {"tool": "Read"}]) == [(ONLY_A,), (ONLY_B,)]
    assert kinds([a], [call("2", given="rm -rf elsewhere")]) == [(ONLY_A,), (ONLY_B,)]
    assert kinds([a, call("x")], [call("x"), b]) == [(ONLY_A,), (SAME,), (ONLY_B,)]


def test_sub_agents_are_known_by_what_they_did_not_by_when_they_started():
    a = [call("a", "Explore 1"), call("b", "Explore 2"), call("c", "Explore 1"), call("d", "Explore 2")]
    b = [call("b", "Explore 1"), call("d", "Explore 1"), call("a", "Explore 2"), call("c", "Explore 2")]
    assert compare(account(*a), account(*b)).same


def test_a_sub_agent_of_another_kind_is_a_difference():
    assert kinds([call("a", "Explore 1")], [call("a", "Plan 1")]) == [(CHANGED, "lane")]
    assert kinds([call("a")], [call("a", "Plan 1")]) == [(MOVED, "lane")]


def test_what_happened_once_and_for_all_in_one_alone_is_an_effect():
    once = {"effect": "once"}
    done, doubt, refused = (call("a", status=s, **once) for s in ("succeeded", "in_doubt", "refused"))
    assert [pair.worlds for pair in compare(account(done), account()).effects] == [("done", "not done")]
    assert [pair.worlds for pair in compare(account(doubt), account(done)).effects] == [("in doubt", "done")]
    assert compare(account(refused), account()).effects == compare(account(done), account(done)).effects == []
    assert compare(account("a"), account()).effects == []


def test_a_call_whose_input_is_gone_is_known_by_its_hash():
    here, gone = call("k", content="digest"), call("by-hash", content="digest", gone=True)
    assert kinds([here], [gone]) == kinds([gone], [here]) == [(SAME,)]
    assert kinds([here], [gone | {"content": "another"}]) == [(ONLY_A,), (ONLY_B,)]


def test_two_records_of_a_run_are_followed_event_by_event():
    events = [{"seq": n} for n in range(4)]
    assert shared(events, iter(events)) == (4, False, False)
    assert shared(events, events[:2]) == (2, True, False)
    assert shared(events[:3], events) == (3, False, True)
    assert shared([events[0], events[2]], events) == (1, True, True)


@pytest.mark.parametrize("words", [("a", "a"), ("ab", "cd"), ("abcdefg", "gfedcbah")])
def test_of_two_thousand_calls_on_either_side_each_stands_there_once(words):
    a, b = ([call(key, given=f"{key} {n % 9}") for n, key in zip(range(2000), itertools.cycle(word), strict=False)]
            for word in words)  # fmt: skip
    pairs = compare(account(*a), account(*b)).pairs
    assert [pair.a.number for pair in pairs if pair.a] == list(range(1, 2001))
    assert sorted(pair.b.number for pair in pairs if pair.b) == list(range(1, 2001))
