"""Sessions that come out the same each time, in whatever directory and whenever they are played."""

SHOP = "mcp__shop__create_order"


def plain(machine):
    """Reads, tests that fail and then pass, an edit, an order."""
    machine.ran("Read", {"content": "def f(): ..."}, file_path=f"{machine.project}/a.py")
    use_id = machine.before("Bash", command="npm test")
    machine.failed("Bash", use_id, "Exit code 1\n1 failed in 0.31s", command="npm test")
    machine.ran("Edit", {"ok": True}, file_path=f"{machine.project}/a.py", old_string="...", new_string="return 1")
    machine.ran("Bash", {"stdout": "3 passed in 0.28s"}, command="npm test")
    machine.ran(SHOP, {"order": 5}, item="book")
    machine.ended()


def cut_off(machine):
    """The client dies while an order is under way; a person looks, and it is made again."""
    machine.ran("Read", {"content": "x"}, file_path=f"{machine.project}/a.py")
    machine.before(SHOP, item="book")
    machine.kill_client()
    machine.cli("reconcile")
    (waiting,) = machine.json("open", code=1)["items"]
    machine.said("not-happened", waiting["step"]["step_id"], "--reason", "the shop has no such order")
    machine.client = machine.new_client()
    machine.ran(SHOP, {"order": 6}, item="book")
    machine.ended()


def sub_agents(machine):
    """Two of a kind side by side, beside the session's own calls."""
    machine.ran("Grep", {"matches": 2}, pattern="TODO")
    first, second = ({"agent_id": f"a{letter * 15}1", "agent_type": "Explore"} for letter in "bc")
    calls = [(first, "a.py"), (second, "b.py"), (first, "c.py"), (second, "d.py")]
    told = [
        agent
        | {"tool_name": "Read", "tool_use_id": f"toolu_{name}", "tool_input": {"file_path": _place(machine, name)}}
        for agent, name in calls
    ]
    for call in told:
        machine.tell("pre_tool_use", "PreToolUse-Bash", **call)
    for call in reversed(told):
        machine.tell("post_tool_use", "PostToolUse-Bash", tool_response={"content": "x"}, **call)
    machine.ended()


def _place(machine, name):
    return str(machine.project / name)


CASES = {"plain": plain, "cut_off": cut_off, "sub_agents": sub_agents}
