"""The plan and the brief: pure, whatever the run's size."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from durable.resume import DONE, DOUBT, HEADS, LONGEST, Item, brief, plan
from durable.step import Step

AT = "2026-01-02T03:04:05.000000Z"


def item(status: str = "in_doubt", effect: str = "once", title: str = "Bash `x`", **more: Any) -> Item:
    known = {"left": more.pop("left", ""), "receipt": more.pop("receipt", "")}
    row = {
        "step_id": "s1", "run_id": "r1", "status": status, "effect": effect, "running_at": AT, "prepared_at": AT,
        "closed_at": AT, "deferred_at": None, "approval": None,
    }  # fmt: skip
    return Item(Step({**row, **more}), title, **known)


def test_each_state_has_its_place() -> None:
    kinds = [
        item("in_doubt"), item("running"), item("in_doubt", left="Process 1 of it runs"), item("running", "repeatable"),
        item("succeeded"), item("succeeded", "repeatable"), item("failed"), item("refused"), item("replayed"),
        item("not_done"), item("prepared"), item("prepared", deferred_at=AT),
        item("prepared", deferred_at=AT, approval="approved"),
    ]  # fmt: skip
    assert [one.kind for one in kinds] == [
        "in doubt", "in doubt", "still running", "interrupted, free to repeat", "done", "", "", "", "", "", "",
        "waits for a person", "approved, not run yet",
    ]  # fmt: skip


def test_what_is_in_doubt_comes_first() -> None:
    planned = plan([item("succeeded"), item("running", "read"), item("in_doubt")])
    assert list(planned) == [DOUBT, DONE, "interrupted, free to repeat"]


def test_nothing_that_matters_is_nothing_said() -> None:
    assert brief(plan([item("failed"), item("succeeded", "read")]), "r1") == ""


def test_of_what_is_done_the_latest_is_named_first() -> None:
    told = brief(plan([item("succeeded", title=f"Bash `{at}`") for at in range(3)]), "r1")
    assert told.index("`2`") < told.index("`1`") < told.index("`0`")


def test_what_has_no_room_is_counted() -> None:
    told = brief(plan([item("succeeded", title=f"Bash `{at:0300}`") for at in range(300)]), "r1")
    assert len(told) <= LONGEST and "more: durable show r1" in told


@given(
    st.lists(
        st.builds(
            item,
            st.sampled_from(["prepared", "running", "in_doubt", "succeeded", "failed"]),
            st.sampled_from(["once", "repeatable", "read"]),
            st.text(max_size=600),
            left=st.sampled_from(["", "Process 1 of it runs"]),
            receipt=st.text(max_size=200),
        ),
        max_size=300,
    )
)
@settings(deadline=None)
def test_it_never_grows_too_long_and_never_hides_that_there_is_a_doubt(items: list[Item]) -> None:
    told = brief(plan(items), "r1")
    assert len(told) <= LONGEST
    for kind in {one.kind for one in items if one.kind}:
        assert HEADS[kind] in told or kind != DOUBT
