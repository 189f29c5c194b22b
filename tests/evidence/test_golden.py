"""The verdict on a run beside what is expected of it, with accounts made by hand."""

import pytest

from durable.evidence.compare import compare
from durable.evidence.comparing.account import Account, Call
from durable.evidence.findings import FAIL, UNKNOWN
from durable.evidence.golden import findings


def account(*calls, **more):
    made = [Call(number, key, "Bash", key, "", "repeatable", "succeeded", output=key) for number, key in
            enumerate(calls, 1)]  # fmt: skip
    return Account("run", "completed", made, lambda call: call.output, **more)


def codes(golden, run, within=None):
    return [(one.verdict, one.code) for one in findings(compare(golden, run), golden, run, within)]


@pytest.mark.parametrize(
    ("cost", "within", "found"),
    [
        (1000, 0.1, []),
        (1100, 0.1, []),
        (1101, 0.1, [(FAIL, "cost_grew")]),
        (1, 0.0, []),
        (1001, 0.0, [(FAIL, "cost_grew")]),
        (None, 0.1, [(UNKNOWN, "cost_unknown")]),
        (99_999, None, []),
        (None, None, []),
    ],
)
def test_a_run_may_cost_so_much_more_and_as_much_less_as_it_likes(cost, within, found):
    assert codes(account("a", micro_usd=1000), account("a", micro_usd=cost), within) == found


def test_what_is_not_whole_is_unknown_whichever_it_is():
    assert codes(account("a", missing=["x"]), account("a")) == [(UNKNOWN, "golden_incomplete")]
    assert codes(account("a"), account("a", missing=["x"])) == [(UNKNOWN, "run_incomplete")]


def test_what_came_back_and_is_gone_is_unknown_not_changed():
    lost = Account("run", "completed", account("a").calls, lambda call: None)
    other = Account("run", "completed", [Call(1, "a", "Bash", "a", "", "repeatable", "succeeded", output="b")],
                    lambda call: "b")  # fmt: skip
    assert codes(other, lost) == [(UNKNOWN, "output_gone")]


def test_each_difference_has_its_code():
    assert codes(account("a", "b"), account("b", "a")) == [(FAIL, "step_moved")]
    assert codes(account("a"), account()) == [(FAIL, "step_missing")]
    assert codes(account(), account("a")) == [(FAIL, "step_added")]
    failed = Account("run", "failed", account("a").calls, lambda call: call.output)
    assert codes(account("a"), failed) == [(FAIL, "run_status")]
