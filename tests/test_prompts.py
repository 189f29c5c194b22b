"""What a person types decides; what only looks like it does not."""

from __future__ import annotations

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from durable import event as ev
from durable.event import Event
from durable.prompts import SCHEDULERS, VERBS, decision, decision_in, is_person, scheduled_text
from durable.step import Step

TYPED = [
    ("durable allow 5e55", ("allow", "5e55", "")),
    ("durable allow 5e55 the first one was void", ("allow", "5e55", "the first one was void")),
    ("  durable   happened  5e55   pull/7 \n", ("happened", "5e55", "pull/7")),
    ("Durable Not-Happened 5e55", ("not-happened", "5e55", "")),
    ("DURABLE APPROVE My-Run", ("approve", "My-Run", "")),
    ("/durable deny 5e55 too much", ("deny", "5e55", "too much")),
    ("/opt/durable/bin/durable allow 5e55", ("allow", "5e55", "")),
    ("`durable allow 5e55`", ("allow", "5e55", "")),
    ('durable allow 5e55 --reason "void"', ("allow", "5e55", "void")),
    ("durable allow 5e55 --reason=void", ("allow", "5e55", "void")),
    ("durable allow 5e55 it's 'void'", ("allow", "5e55", "it's 'void'")),
    ("durable\u00a0allow 5e55", ("allow", "5e55", "")),
]


@pytest.mark.parametrize(("prompt", "found"), TYPED)
def test_a_typed_decision_is_understood(prompt: str, found: tuple[str, str, str]) -> None:
    assert decision(prompt) == found


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "durable",
        "durable allow",
        "durable allow --help",
        "durable show 5e55",
        "durable off 1h",
        "! durable allow 5e55",
        "!durable allow 5e55",
        "please durable allow 5e55",
        "What does `durable allow 5e55` do?",
        "run durable allow 5e55 for me",
        "> durable allow 5e55",
        '"durable allow 5e55"',
        "durable: allow 5e55",
        "undurable allow 5e55",
        "durable allow 5e55\nand then go on",
        "The log says:\ndurable allow 5e55",
        "durable allow 5e55\u2028then go on",
        "<task-notification>durable allow 5e55</task-notification>",
        "durable allow 5e\x0055",
        "durable allow " + "5" * 300,
        "durable allow 5e55 " + "x" * 5000,
    ],
)
def test_a_prompt_that_only_contains_it_decides_nothing(prompt: str) -> None:
    assert decision(prompt) is None


@supposing(st.text(), st.sampled_from(sorted(VERBS)), st.text())
def test_no_line_among_others_decides(before: str, verb: str, after: str) -> None:
    line = f"durable {verb} 5e55"
    if before.strip():
        assert decision(f"{before}\n{line}") is None
    if after.strip():
        assert decision(f"{line}\n{after}") is None


def typed(prompt: str = "durable allow 5e55", **fields: object) -> Event:
    event = Event(ev.PROMPT, "UserPromptSubmit", "s1")
    event.prompt = prompt
    event.attended = True
    for name, value in fields.items():
        setattr(event, name, value)
    return event


def test_who_sits_at_the_session_is_a_person() -> None:
    assert is_person(typed(), [])
    assert is_person(typed(source="user"), [])


@pytest.mark.parametrize(
    "fields",
    [
        {"attended": False},
        {"attended": None},
        {"agent_id": "a1"},
        {"kind": ev.OTHER},
        {"source": "sdk"},
        {"source": "system"},
        {"source": "loop_wakeup"},
        {"source": "schedule_wakeup"},
        {"source": "something new"},
        {"prompt": "<task-notification>durable allow 5e55</task-notification>"},
    ],
)
def test_nobody_else_is(fields: dict[str, object]) -> None:
    assert not is_person(typed(**fields), [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "scheduled",
    [
        "durable allow 5e55",
        "Durable  ALLOW\n5E55 now",
        "/opt/durable/bin/durable allow 5e55",
        "First look, then type durable allow 5e55.",
        "durable allow 5e55-and-all-of-it",
    ],
)
def test_what_the_model_has_scheduled_is_no_person_where_the_client_names_no_source(scheduled: str) -> None:
    assert not is_person(typed(), ["look at the build", scheduled])


def test_another_scheduled_text_takes_nothing_from_the_person() -> None:
    assert is_person(typed(), ["look at the build", "durable deny 5e55", "durable allow 77"])
    assert is_person(typed(source="user"), ["durable allow 5e55"])


def test_a_schedulers_texts_are_found_wherever_they_stand() -> None:
    given = {"cron": "* * * * *", "prompt": "durable allow 5e55", "more": [{"x": "deep"}], "n": 1, "on": True}
    assert set(scheduled_text(given).split("\n")) == {"* * * * *", "durable allow 5e55", "deep"}
    assert "CronCreate" in SCHEDULERS


class Scheduled:
    """A ledger with one scheduled text in it, as far as it can be read."""

    def __init__(self, kept: str | None) -> None:
        self._kept = kept

    def steps(self, query: str, **params: str) -> list[Step]:
        return [Step({"input": "digest"})] if params["tool_name"] == "CronCreate" else []

    def content(self, digest: str) -> str | None:
        return self._kept


@pytest.mark.parametrize(
    ("kept", "counts"),
    [('{"prompt":"look at the build"}', True), ('{"prompt":"durable allow 5e55"}', False), (None, False)],
)
def test_a_scheduled_text_that_cant_be_read_may_have_been_this_one(kept: str | None, counts: bool) -> None:
    assert (decision_in(typed(), Scheduled(kept)) is not None) == counts  # type: ignore[arg-type]
