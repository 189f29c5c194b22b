"""A run with all that a page has to show: two sessions with a night between them, sub-agents beside each other, a
task in the background, calls that failed, were refused, were handed a receipt, wait for a person, were cut off.

    python -m browser.long_run STATE STEPS
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .story import PROJECT, RUN, Story

NEXT = "9e8d7c6b-2222-4bbb-8bbb-0123456789ab"
NIGHT_S = 11 * 3600 + 180
HOSTILE = (
    "</script><script>window.hit=1</script><!-- <img src=x onerror=window.hit=2> \u2028 &amp; \U0001f600 '\">"
    "<svg onload=window.hit=3>"
)
WEIGHTS = {"Bash": 34, "Read": 34, "Edit": 18, "Grep": 12, "mcp__tracker__create_issue": 2}
AGENTS = {"explorer": "a1b2c3d4e5", "test-writer": "b7c8d9e0f1", "reviewer": "c0ffee00c0"}
CLIENT_DIED = "its client died before the answer came"


def called(tool: str, n: int) -> tuple[str, dict[str, Any], dict[str, Any], float]:
    """Effect, input, output and usual seconds of an ordinary call."""
    file = f"{PROJECT}/src/shop/part_{n % 60}.py"
    text = f"def total_{n}(rows):\n    return sum(rows)\n" * (n % 12)
    if tool == "Bash":
        return "repeatable", {"command": f"pytest -q tests/test_{n % 9}.py"}, {"stdout": f"{n} passed\n" * (n % 7)}, 9
    if tool == "Read":
        return "read", {"file_path": file}, {"type": "text", "file": {"content": text, "numLines": n % 12}}, 0.05
    if tool == "Edit":
        return "repeatable", {"file_path": file, "old_string": text, "new_string": f"# {n}"}, {"filePath": file}, 0.2
    if tool == "Grep":
        return "read", {"pattern": f"total_{n}\\b", "path": "src"}, {"numFiles": n % 7, "content": text[:200]}, 0.1
    return "once", {"title": f"Rounding is off in part {n}"}, {"url": f"https://tracker.example/{n}"}, 1.4


def write_long_run(home: Path, steps: int = 2000) -> None:
    story = Story()
    story.joins(0, RUN, "owner-1", "startup")
    second = works(story, 3.0, steps * 2 // 3)
    second = is_cut_off(story, second)
    story.joins(second, NEXT, "owner-2", "resume", RUN)
    charge = {"customer": "c-81", "cents": 4900}
    told = "Nobody knows whether this was charged. Check first."
    story.stopped(second + 4, "refused", "mcp__shop__charge", charge, told, verdict="in_doubt", rule="payments")
    second = works(story, second + 8, steps // 3)
    story.begun(second, "Bash", "repeatable", {"command": "make release"})
    note = {"name": HOSTILE[:40], "value": HOSTILE, "version": 1, "by": HOSTILE}
    story.event(second + 30, "run.noted", RUN, note)
    story.write(home)


def works(story: Story, second: float, steps: int) -> float:
    """The main agent alone, and now and then sub-agents beside each other."""
    while steps > 0:
        for _ in range(min(steps, 24)):
            second = ordinary(story, second) + story.random.uniform(0.3, 6)
        steps -= 24
        if steps > 30:
            steps -= sub_agents(story, second)
            second += 65
    return second


def ordinary(story: Story, second: float, **over: Any) -> float:
    (tool,) = story.random.choices(list(WEIGHTS), list(WEIGHTS.values()))
    effect, given, output, usual = called(tool, story.random.randrange(400))
    lasts = usual * story.random.uniform(0.4, 2.5)
    if tool == "Bash" and story.random.random() < 0.06:
        step_id = story.begun(second, tool, effect, given, **over)
        error = "Exit code 1\nE   assert 3 == 4"
        story.ends(second + lasts, step_id, "failed", error=error, exit_code=1, duration_ms=int(lasts * 1000))
    else:
        story.done(second, lasts, tool, effect, given, output, **over)
    return second + lasts


def sub_agents(story: Story, second: float) -> int:
    made = 0
    for number, kind in enumerate(story.random.sample(list(AGENTS), story.random.choice((1, 2, 3)))):
        agent_id = f"{AGENTS[kind]}{story.random.randrange(16**6):06x}"
        asked = {"description": f"Look into it ({kind})", "prompt": "..."}
        story.done(second + number * 0.2, 55, "Agent", "repeatable", asked, {"content": "found"})
        at = second + 1 + number
        while at < second + 48:
            at = ordinary(story, at, agent_id=agent_id, agent_type=kind) + story.random.uniform(0.5, 5)
            made += 1
        made += 1
    return made


def is_cut_off(story: Story, second: float) -> float:
    """Whatever can be odd about a step; then its client dies, and a night passes."""
    orders(story, second)
    task = story.begun(second + 12, "Bash", "repeatable", {"command": "npm run dev", "run_in_background": True})
    story.event(second + 12.4, "step.returned", task, {"task_id": "bash_7"})
    story.ends(second + 70, task, "succeeded", "notification", output={"stdout": "bye"}, duration_ms=58000)
    waits = story.prepared(second + 14, "mcp__shop__refund", "once", {"order": "o-990"}, rule="refunds")
    story.event(second + 14, "step.deferred", waits, {})
    large = {"stdout": "line of a log that goes on\n" * 4000}
    story.done(second + 20, 4, "Bash", "repeatable", {"command": "cat build.log"}, large)
    charge = {"customer": "c-81", "cents": 4900}
    story.doubted(second + 80, story.begun(second + 66, "mcp__shop__charge", "once", charge), CLIENT_DIED)
    found = story.begun(second + 68, "Bash", "once", {"command": "gh pr create --fill"})
    story.doubted(second + 80, found, CLIENT_DIED)
    story.doubted(second + 80, story.begun(second + 70, "Bash", "repeatable", {"command": "make test"}), CLIENT_DIED)
    story.event(second + 85, "owner.ended", "owner-1", {"reason": "found dead"})
    story.ends(second + 80 + NIGHT_S, found, "not_done", "probe")
    return second + 80 + NIGHT_S


def orders(story: Story, second: float) -> None:
    """Made once; asked for again, and again."""
    tool = "mcp__shop__create_order"
    order = {"customer": "c-81", "amount": 12345678901234567890, "note": HOSTILE + "\ud800"}
    first = story.done(second, 1.8, tool, "once", order, {"order": "o-991", "text": HOSTILE}, rule="orders")
    again = {"duplicate_of": first, "verdict": "duplicate", "rule": "orders"}
    story.stopped(second + 6, "refused", tool, order, "This order was made already: o-991.", **again)
    story.stopped(second + 9, "replayed", tool, order, {"order": "o-991"}, **again)


if __name__ == "__main__":
    import sys

    write_long_run(Path(sys.argv[1]), int(sys.argv[2]))
