"""A model on loopback that says what a test tells it to, and remembers what it was told.

The turn it answers with is numbered by the assistant messages in the request, so a resumed
conversation goes on by itself. A sub-agent has a script of its own, named in its prompt.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from .waiting import wait_for

Block = dict[str, Any]
Turn = list[Block]

MARKER = re.compile(r"SCRIPT:(\w+)")
USAGE = {
    "input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
}  # fmt: skip
_numbers = itertools.count(1)


def say(text: str) -> Block:
    return {"type": "text", "text": text}


def delegate(script: str, **more: Any) -> Block:
    """A call of the Agent tool whose sub-agent follows the script of that name."""
    task = {"description": "a part", "prompt": f"SCRIPT:{script} go", "subagent_type": "general-purpose"}
    return call("Agent", {**task, **more})


def call(tool: str, tool_input: dict[str, Any], tool_use_id: str = "") -> Block:
    """Without an id each call gets its own; a fixed one is for models that use an id twice."""
    return {"type": "tool_use", "id": tool_use_id, "name": tool, "input": tool_input}


def bash(command: str, tool_use_id: str = "", **more: Any) -> Block:
    return call("Bash", {"command": command, "description": "a test's command", **more}, tool_use_id)


class ToolResult(NamedTuple):
    tool_use_id: str
    text: str
    is_error: bool

    @classmethod
    def of(cls, block: Block) -> ToolResult:
        text = "".join(texts_of(block.get("content", "")))
        return cls(block["tool_use_id"], text, bool(block.get("is_error")))


class Request:
    """One request of the client, as the model reads it."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.messages: list[dict[str, Any]] = body.get("messages", [])

    @property
    def turn(self) -> int:
        return sum(1 for message in self.messages if message["role"] == "assistant")

    @property
    def script(self) -> str:
        first = "".join(texts_of(self.messages[0]["content"])) if self.messages else ""
        found = MARKER.search(first)
        return found.group(1) if found else "main"

    @property
    def tool_results(self) -> list[ToolResult]:
        blocks = [block for message in self.messages for block in blocks_of(message["content"])]
        return [ToolResult.of(block) for block in blocks if block["type"] == "tool_result"]

    def result_of(self, tool_use_id: str) -> ToolResult:
        return next(result for result in self.tool_results if result.tool_use_id == tool_use_id)

    @property
    def told(self) -> str:
        """Every text in the conversation that did not come from the model itself."""
        said = [message for message in self.messages if message["role"] != "assistant"]
        return "\n".join(text for message in said for text in texts_of(message["content"]))


def blocks_of(content: Any) -> list[Block]:
    return [say(content)] if isinstance(content, str) else list(content)


def texts_of(content: Any) -> list[str]:
    found = []
    for block in blocks_of(content):
        if block["type"] == "text":
            found.append(block["text"])
        elif block["type"] == "tool_result":
            found.extend(texts_of(block.get("content", "")))
    return found


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever killed the client need not hear that it no longer listens."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class ScriptedModel:
    def __init__(self) -> None:
        self.scripts: dict[str, list[Turn]] = {}
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> ScriptedModel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def last(self) -> Request:
        """The last request of the main conversation: what the model knows in the end."""
        return [request for request in self.requests if request.script == "main"][-1]

    def wait_for_turn(self, turn: int, script: str = "main") -> Request:
        """The request for that turn: all hooks of the turns before it have ended."""

        def arrived() -> list[Request]:
            return [request for request in self.requests if (request.script, request.turn) == (script, turn)]

        return wait_for(arrived, f"turn {turn} of {script}")[0]

    def answer(self, body: dict[str, Any]) -> Turn:
        # The client asks for titles and summaries on the side, without tools: no turn of ours.
        if not body.get("tools"):
            return [say("a title")]
        request = Request(body)
        with self._lock:
            self.requests.append(request)
        script = self.scripts.get(request.script, [])
        return script[request.turn] if request.turn < len(script) else [say("done")]

    def _handler(model) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
                if self.path.split("?")[0] == "/v1/messages":
                    turn = model.answer(body)
                    self.reply("text/event-stream", b"".join(stream(turn, body.get("model", "scripted"))))
                else:
                    self.reply("application/json", b'{"input_tokens": 10}')

            def do_GET(self) -> None:
                self.reply("application/json", b"{}")

            def do_HEAD(self) -> None:
                self.reply("application/json", b"")

            def reply(self, kind: str, data: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """The test run's own output is enough."""

        return Handler


def stream(turn: Turn, model: str) -> list[bytes]:
    message = {
        "id": f"msg_{next(_numbers):024d}", "type": "message", "role": "assistant", "model": model,
        "content": [], "stop_reason": None, "stop_sequence": None, "usage": USAGE,
    }  # fmt: skip
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(turn):
        events += stream_block(index, block)
    stop = "tool_use" if any(block["type"] == "tool_use" for block in turn) else "end_turn"
    delta = {"stop_reason": stop, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": USAGE})
    events.append({"type": "message_stop"})
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def stream_block(index: int, block: Block) -> list[dict[str, Any]]:
    if block["type"] == "text":
        start: Block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": block["text"]}
    else:
        tool_use_id = block["id"] or f"toolu_{next(_numbers):022d}"
        start = {"type": "tool_use", "id": tool_use_id, "name": block["name"], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "content_block_stop", "index": index},
    ]
