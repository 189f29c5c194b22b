"""What the client sends before and after a call, as small as a test run of an agent is."""


def payload(session, use_id, number, event):
    fields = {
        "session_id": session,
        "transcript_path": "",
        "cwd": "/project",
        "prompt_id": "p1",
        "permission_mode": "default",
        "hook_event_name": event,
        "tool_name": "Bash",
        "tool_use_id": use_id,
        "tool_input": {"command": f"pytest -q tests/test_{number}.py", "description": "Run the tests"},
    }
    if event == "PostToolUse":
        fields["tool_response"] = {"stdout": "1 passed in 0.03s", "stderr": "", "interrupted": False}
    return fields
