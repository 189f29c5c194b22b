"""When three calls look like one call in other words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from durable.clock import stamp
from durable.policy.reworded import WINDOW_S, changed_fields

MAIL = {"to": "a@example.com", "subject": "Invoice 7", "body": "Please pay."}
NOW_S = 1_000_000


def at(seconds_ago: float) -> str:
    return stamp(int((NOW_S - seconds_ago) * 1_000_000_000))


def hint(*calls: dict[str, Any], apart_s: float = 1) -> list[str]:
    """The last one is the present one."""
    *earlier, now = calls
    times = [at(apart_s * (len(earlier) - number)) for number in range(len(earlier))]
    return changed_fields(list(zip(times, earlier, strict=True)), at(0), now)


def mail(**other: Any) -> dict[str, Any]:
    return {**MAIL, **other}


@pytest.mark.parametrize(
    ("calls", "changed"),
    [
        ([mail(), mail(body="Pay."), mail(body="Pay!")], ["body"]),
        ([mail(), mail(body="Pay."), mail(), mail(body="Pay!")], ["body"]),
        ([mail(cc=1, bcc=2), mail(cc=1, bcc=2, body="b"), mail(cc=1, bcc=2, subject="s")], ["body", "subject"]),
        ([mail(), mail(id="1"), mail(id="2")], ["id"]),
        ([mail(body={"a": 1}), mail(body={"a": 2}), mail(body={"a": 3})], ["body"]),
        ([mail(), mail(body="Pay!")], []),
        ([mail(), mail(), mail(body="Pay!")], []),
        ([mail(), mail(body="Pay!"), mail()], []),
        ([mail(amount=1), mail(amount=1.0), mail(amount=2)], []),
        ([mail(), mail(body="b", to="b"), mail(body="c", to="c")], []),
        ([mail(), mail(body="b"), mail(subject="s")], []),
        ([{"command": "a"}, {"command": "b"}, {"command": "c"}], []),
        ([{"path": "/a", "page": 1}, {"path": "/a", "page": 2}, {"path": "/a", "page": 3}], []),
        ([{}, {}, {}], []),
    ],
)
def test_most_fields_the_same_in_three_different_calls_are_a_rewording(
    calls: list[dict[str, Any]], changed: list[str]
) -> None:
    assert hint(*calls) == changed


def test_older_calls_do_not_count() -> None:
    calls = [mail(), mail(body="Pay."), mail(body="Pay!")]
    assert hint(*calls, apart_s=WINDOW_S / 2) == ["body"]
    assert hint(*calls, apart_s=WINDOW_S / 2 + 0.001) == []


def test_digests_of_fields_do_as_well() -> None:
    assert hint(*({"to": "d1", "subject": "d2", "body": f"d{number}"} for number in (3, 4, 5))) == ["body"]


inputs = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2))
calls = st.lists(st.tuples(st.floats(0, 20).map(at), inputs), max_size=8)


@supposing(calls, inputs)
def test_a_hint_names_few_fields_of_at_least_three_different_calls(earlier: list[Any], now: dict[str, Any]) -> None:
    found = changed_fields(earlier, at(0), now)
    recent = [given for then, given in earlier if then >= at(WINDOW_S)]
    if found:
        assert len({tuple(sorted(given.items())) for given in [*recent, now]}) >= 3
        assert 2 * len(found) < len({name for given in [*recent, now] for name in given})
        assert found == sorted(set(found))


@supposing(calls, inputs)
def test_neither_order_nor_repetition_of_calls_matters_without_a_hint_of_more(
    earlier: list[Any], now: dict[str, Any]
) -> None:
    assert changed_fields(earlier, at(0), now) == changed_fields([*earlier[::-1], *earlier], at(0), now)


@supposing(st.lists(st.integers(), min_size=3, max_size=6, unique=True), st.permutations("abcde"))
def test_one_field_of_many_is_always_seen(values: list[int], names: list[str]) -> None:
    same = dict.fromkeys(names, "same")
    assert hint(*({**same, names[0]: value} for value in values)) == [names[0]]
