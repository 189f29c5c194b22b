"""What a report tells of a run's steps, before any of it is a page: when, by whom, how much."""

from __future__ import annotations

import json

import pytest

from durable.clock import nanoseconds, stamp
from durable.evidence.findings import FAIL, PASS, Finding
from durable.evidence.reporting.lanes import lanes_of
from durable.evidence.reporting.looks import MOST, look
from durable.evidence.reporting.page import embedded, page
from durable.evidence.reporting.texts import Texts, shown
from durable.evidence.reporting.timing import BAR, MARK, OPEN, bar_of, idle, origin_of
from durable.evidence.reporting.totals import totals_of
from durable.view import Mark, lost

ZERO = nanoseconds("2026-01-31T12:00:00Z") // 1000
SECOND = 1_000_000
HOSTILE = ("</script>", "<!--", "<script", "]]>", "&lt;", "\u2028", "\ud800", "\x00", "@@SCRIPT@@")
TIMES = ("prepared_at", "running_at", "returned_at", "doubted_at", "closed_at")


def row(status="succeeded", **given):
    """Times are seconds."""
    times = {name: given.pop(name, None) for name in TIMES}
    times = {name: None if at is None else stamp((ZERO + int(at * SECOND)) * 1000) for name, at in times.items()}
    plain = {"status": status, "duration_ms": None, "task_id": None, "agent_id": "", "agent_type": "", "effect": "read"}
    return plain | {"session_id": "s", "tool_name": "Read"} | times | given


def bar(status="succeeded", **given):
    found = bar_of(row(status, **given), ZERO)
    return {name: value if name == "kind" else value / SECOND for name, value in found.items()}


# ---- when -------------------------------------------------------------------------------------


def test_a_step_lasts_from_its_permit_to_its_end():
    assert bar(prepared_at=1, running_at=1, closed_at=3) == {"kind": BAR, "from": 1, "to": 3}


def test_one_that_waited_for_its_permit_says_since_when():
    assert bar(prepared_at=1, running_at=2, closed_at=3) == {"kind": BAR, "from": 2, "to": 3, "wait": 1}


def test_one_without_an_end_stays_open():
    assert bar("running", prepared_at=1, running_at=1) == {"kind": OPEN, "from": 1}
    assert bar("in_doubt", prepared_at=1, running_at=1, doubted_at=4) == {"kind": OPEN, "from": 1, "to": 4}


def test_what_evidence_settled_later_did_not_last_until_then():
    found = bar("not_done", prepared_at=1, running_at=1, doubted_at=4, closed_at=9000)
    assert found == {"kind": BAR, "from": 1, "to": 4, "settled": 9000}


def test_a_task_that_went_on_says_when_its_call_returned():
    found = bar(prepared_at=1, running_at=1, returned_at=2, closed_at=30, task_id="b1")
    assert found == {"kind": BAR, "from": 1, "to": 30, "back": 2}
    assert "back" not in bar(prepared_at=1, running_at=1, returned_at=2, closed_at=30)


def test_what_never_began_is_a_mark():
    assert bar("refused", prepared_at=1, closed_at=2) == {"kind": MARK, "from": 1}
    assert bar("prepared", prepared_at=1) == {"kind": MARK, "from": 1}


def test_a_receipt_without_a_permit_tells_how_long_it_took():
    late = {"closed_at": 5, "duration_ms": 2000}
    assert bar(**late) == {"kind": BAR, "from": 3, "to": 5}
    assert origin_of([row(**late)], stamp((ZERO + 4 * SECOND) * 1000)) == ZERO + 3 * SECOND


def test_a_clock_that_was_set_back_makes_no_step_end_before_it_began():
    assert bar(prepared_at=5, running_at=5, closed_at=3) == {"kind": BAR, "from": 5, "to": 5}


# ---- pauses -----------------------------------------------------------------------------------


def spans(*pairs):
    return [{"kind": BAR, "from": first * SECOND, "to": last * SECOND} for first, last in pairs]


def folded(bars, end):
    return [(first // SECOND, last // SECOND) for first, last in idle(bars, 0, end * SECOND)]


def test_a_night_is_folded_and_the_thinking_between_calls_is_not():
    assert folded(spans((0, 60), (80, 200), (40_000, 40_100)), 40_100) == [(200, 40_000)]


def test_beside_a_night_an_hour_looks_short_and_is_folded_all_the_same():
    assert folded(spans((0, 600), (4200, 4800), (90_000, 90_600)), 90_600) == [(600, 4200), (4800, 90_000)]


def test_a_pause_while_something_else_runs_is_none():
    assert folded(spans((0, 50_000), (10, 20), (49_000, 49_010)), 50_000) == []


def test_a_short_pause_stays_however_short_the_run():
    assert folded(spans((0, 1), (30, 31)), 31) == []
    assert folded(spans((0, 1), (32, 33)), 33) == [(1, 32)]


def test_a_pause_is_long_beside_what_is_left_of_the_run():
    assert folded(spans((0, 200), (279, 479)), 479) == []
    assert folded(spans((0, 200), (281, 481)), 481) == [(200, 281)]


def test_what_never_ended_hides_no_pause():
    bars = [{"kind": OPEN, "from": 0}, *spans((50_000, 50_100))]
    assert folded(bars, 50_100) == [(0, 50_000)]


def test_pauses_at_both_ends_count():
    assert folded(spans((1000, 1100)), 3000) == [(0, 1000), (1100, 3000)]


# ---- by whom ----------------------------------------------------------------------------------


def test_agents_that_never_overlap_share_a_column():
    steps = [row(agent_id=one, agent_type=f"type {one}") for one in ("a", "b", "a", "", "c", "d", "c")]
    lanes = {lane["id"]: (lane["column"], lane["first"], lane["last"], lane["steps"]) for lane in lanes_of(steps)}
    assert lanes == {"": (0, 3, 3, 1), "a": (1, 0, 2, 2), "b": (2, 1, 1, 1), "c": (1, 4, 6, 2), "d": (2, 5, 5, 1)}


def test_a_job_is_called_one():
    assert lanes_of([row(session_id="nightly.job")])[0]["name"] == "job"
    assert lanes_of([row()])[0]["name"] == "main"


# ---- what it read and said -----------------------------------------------------------------------


def test_a_number_keeps_all_its_digits():
    assert shown({"amount": 12345678901234567890}) == {"fields": [["amount", "12345678901234567890"]]}


def test_text_stays_as_it_is_and_the_rest_is_laid_out():
    assert shown({"a": "x\ny", "b": [1, None]}) == {"fields": [["a", "x\ny"], ["b", "[\n  1,\n  null\n]"]]}
    assert shown("plain") == {"fields": [["", "plain"]]}
    assert shown(lost("ab")) == {"mark": "lost"}
    assert shown(Mark({"damaged": "ab", "at": "2026-01-31T12:00:00Z"})) == {
        "mark": "damaged",
        "at": "2026-01-31T12:00:00Z",
    }
    assert shown({"blob": "sha256:ab", "bytes": 70_000}) == {"bytes": 70_000}


def test_a_content_stands_once_and_none_is_kept_beyond_the_most():
    texts, content = Texts(most=100), {"d1": "x" * 60, "d2": "y" * 60, "d3": "z" * 30}.__getitem__
    assert [texts.place(one, content) for one in ("d1", "d2", "d1", "d3", None)] == [0, 1, 0, 2, None]
    assert [set(one) for one in texts.found] == [{"fields"}, {"bytes"}, {"fields"}]
    assert texts.found[1] == {"bytes": 60} and texts.left_out == 1


# ---- how much ---------------------------------------------------------------------------------


def test_totals_count_by_status_effect_and_tool():
    steps = [row(duration_ms=n * 100) for n in range(1, 21)]
    steps += [row("failed", tool_name="Bash", effect="once"), row("in_doubt", tool_name="Bash", effect="once")]
    totals = totals_of(steps)
    assert totals["status"] == [("in_doubt", 1), ("failed", 1), ("succeeded", 20)]
    assert totals["effect"] == [("read", 20), ("once", 2)]
    read, bash = totals["tools"]
    assert (read["tool"], read["steps"], read["p50"], read["p95"]) == ("Read", 20, "1.0 s", "1.9 s")
    assert bash == {"tool": "Bash", "steps": 2, "failed": 1, "refused": 0, "in_doubt": 1, "p50": "", "p95": ""}


def test_of_findings_the_worst_come_first_and_no_more_than_anybody_reads():
    findings = [Finding(PASS, "fine", "it is", {"step": "s1"})] * MOST
    findings.append(Finding(FAIL, "bad", "it is not", {"step": "s2"}))
    found = look("check", FAIL, "about", findings, {"s2": 7})
    assert found["findings"][0] == {"verdict": FAIL, "code": "bad", "says": "it is not", "step": 7}
    assert (len(found["findings"]), found["of"], found["findings"][1]["step"]) == (MOST, MOST + 1, None)


# ---- the page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_the_data(text):
    stands = embedded({text: text})
    assert not set(stands) & set("<>&") and stands.isascii() and stands.isprintable()
    assert json.loads(stands) == {text: text}
    assert page({"text": text}).count("</script>") == page({"text": ""}).count("</script>") == 2


def test_the_page_allows_its_own_style_and_script_alone():
    policy = page({}).split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'sha256-" in policy and "unsafe" not in policy and "*" not in policy
