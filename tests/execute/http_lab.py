"""An MCP server on loopback, `sse` or `http`: prints its address, and leaves one line in LAB_EFFECTS for each call."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

server = MCPServer("lab")


def effect(text: str) -> None:
    with open(os.environ["LAB_EFFECTS"], "a", encoding="utf-8") as effects:
        effects.write(text + "\n")


@server.tool()
def send(text: str) -> dict[str, str]:
    effect(text)
    return {"sent": text}


@server.tool()
def die(text: str) -> str:
    effect(text)
    os._exit(1)


@server.tool()
def slow(text: str) -> str:
    effect(text)
    time.sleep(60)
    return text


@server.tool()
def who(text: str, context: Context) -> str:
    headers = context.headers or {}
    return f"{text} {headers.get('x-lab', '')}"


def main(kind: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    app = server.sse_app() if kind == "sse" else server.streamable_http_app()
    path = "/sse" if kind == "sse" else "/mcp"
    print(f"http://127.0.0.1:{listening.getsockname()[1]}{path}", flush=True)
    config = uvicorn.Config(app, log_level="error")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main(sys.argv[1])
