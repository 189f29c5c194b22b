"""Lines of a transcript that tell of tokens and costs, on a Machine whose session then ends."""

import json

from cli_machine import SESSION


def answer(message_id, model="claude-opus", at="2026-11-03T12:00:00.000Z", **numbers):
    theirs = {
        "input_tokens": numbers.get("input", 10),
        "output_tokens": numbers.get("output", 5),
        "cache_read_input_tokens": numbers.get("cache_read", 0),
        "cache_creation_input_tokens": numbers.get("cache_write", 0),
    }
    return {"type": "assistant", "message": {"id": message_id, "model": model, "usage": theirs}, "timestamp": at}


def cost(dollars, counter=1):
    return {"type": "cost-state", "totalCostUSD": dollars, "startTime": counter}


def told(machine, *lines, session=SESSION, agent="", end=True, **fields):
    """Writes them into the session's transcript, or into that of a sub-agent, and ends it."""
    main = machine.root / ("transcript.jsonl" if session == SESSION else f"{session}.jsonl")
    path = main.with_suffix("") / f"subagents/agent-{agent}.jsonl" if agent else main
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    if end:
        where = {"session_id": session, "transcript_path": str(main), **fields}
        machine._tell("lifecycle", "SessionEnd-other", {}, **where)
