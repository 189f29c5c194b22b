"""An MCP server on stdio whose tools leave a visible effect: one line in LAB_EFFECTS.

Standard library only and one thread: it starts at once, and a call it began is finished even
when the client is killed in the middle.
"""

import json
import os
import sys
import time

PATIENCE_S = 600
TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "gate": {"type": "string"}, "key": {"type": "string"}},
    "required": ["text"],
}
ABOUT = {
    "send": "Leaves its text as an effect",
    "fail": "Leaves its text as an effect, then says that it failed",
    "die": "Leaves its text as an effect, then ends the whole server",
    "slow": "Leaves its text as an effect once its gate opens",
    "info": "Only looks",
}


def effect(text):
    with open(os.environ["LAB_EFFECTS"], "a", encoding="utf-8") as effects:
        effects.write(text + "\n")


def wait_at(gate):
    open(gate + ".reached", "w").close()
    until = time.monotonic() + PATIENCE_S
    while not os.path.exists(gate + ".open") and time.monotonic() < until:
        time.sleep(0.02)


def run_tool(name, arguments):
    text = arguments["text"]
    if name == "slow":
        wait_at(arguments["gate"])
    if name != "info":
        effect(" ".join([text, arguments.get("key", "")]).strip())
    if name == "die":
        os._exit(1)
    return {"content": [{"type": "text", "text": f"{name}: {text}"}], "isError": name == "fail"}


def tools():
    return [
        {
            "name": name,
            "description": about,
            "inputSchema": TEXT,
            "annotations": {"readOnlyHint": name == "info"},
        }
        for name, about in ABOUT.items()
    ]


def initialize(params):
    return {
        "protocolVersion": params["protocolVersion"],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "lab", "version": "1"},
    }


ANSWERS = {
    "initialize": initialize,
    "ping": lambda params: {},
    "tools/list": lambda params: {"tools": tools()},
    "tools/call": lambda params: run_tool(params["name"], params["arguments"]),
}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        if request["method"] in ANSWERS:
            answer["result"] = ANSWERS[request["method"]](request.get("params", {}))
        else:
            answer["error"] = {"code": -32601, "message": "no such method"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
