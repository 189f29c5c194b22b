"""What is another value each time goes; what somebody meant stays."""

import pytest

from durable.evidence.comparing.volatile import Volatile

SESSION = "11111111-aaaa-4aaa-8aaa-111111111111"


@pytest.fixture
def run():
    return Volatile("/home/ada/app", [SESSION, "a2eacaabe73a23148", "b6ddpmbx2", "ab"])


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("cat /home/ada/app/x.py", "cat ./x.py"),
        ("cd /home/ada/app && ls", "cd . && ls"),
        ("in /home/ada/app.", "in .."),
        ("/home/ada/app-two/x", "/home/ada/app-two/x"),
        ("/home/ada/app.bak", "/home/ada/app.bak"),
        ("/data/home/ada/app", "/data/home/ada/app"),
        (f"/tmp/claude-0/-home-ada-app/{SESSION}/scratchpad/a", "/tmp/claude-0/(project)/(id)/scratchpad/a"),
        ("wait for b6ddpmbx2", "wait for (id)"),
        ("b6ddpmbx23 stays, ab stays", "b6ddpmbx23 stays, ab stays"),
        ("meet at 2026-11-21T12:00, sleep 5s", "meet at 2026-11-21T12:00, sleep 5s"),
        ("rm 99999999-aaaa-4aaa-8aaa-111111111111", "rm 99999999-aaaa-4aaa-8aaa-111111111111"),
    ],
)
def test_from_what_was_given_only_the_runs_own_ids_and_its_place_are_taken(run, given, left):
    assert run.given({"x": [given]}) == {"x": [left]}


@pytest.mark.parametrize("name", ["task_id", "taskId", "session_id", "usage", "outputFile"])
def test_what_a_call_was_to_act_on_stays_whatever_its_field_is_called(run, name):
    assert run.given({name: "42"}) == {name: "42"}
    assert run.given({name: "b6ddpmbx2"}) == {name: "(id)"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ok in 0.51s", "ok in 12 s"),
        ("done 2026-11-21T22:10:03.123Z", "done 2026-11-22 01:10:03+02:00"),
        ("at 22:10:03,5", "at 01:02:03"),
        ("id 99999999-aaaa-4aaa-8aaa-111111111111", "id 88888888-bbbb-4aaa-8aaa-111111111111"),
        ("toolu_01ABC", "toolu_99xyz"),
        ({"n": 1, "durationMs": 4, "agentId": "a", "usage": {"x": 1}}, {"n": 1, "durationMs": 5, "agentId": "b"}),
    ],
)
def test_from_what_came_back_times_spans_and_ids_are_taken(run, one, other):
    assert run.returned(one) == run.returned(other)


@pytest.mark.parametrize(("one", "other"), [("3 passed", "4 passed"), ("v1.2", "v1.3"), ("2026", "2027"), (1, 2)])
def test_what_else_came_back_stays(run, one, other):
    assert run.returned(one) != run.returned(other)


def test_a_run_without_a_project_or_ids_takes_nothing_away():
    assert Volatile("", []).given("a / b") == Volatile("/", []).given("a / b") == "a / b"
