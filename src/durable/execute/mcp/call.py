"""A call of an MCP tool made by durable itself, with the official client package (the extra `mcp`).

Up to the moment the request goes out nothing of it has happened. From there on whatever goes wrong may have come
after the effect: an error says no more than that nobody answered.
"""

from __future__ import annotations

import json
import logging
import math
import tempfile
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from durable.execute.mcp.names import normal, tool_of
from durable.execute.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from typing import Any, TextIO

    from mcp import Client
    from mcp_types import CallToolResult

    from durable.execute.mcp.servers import Server

# As long as the client gives a server to start.
START_S = 30.0
END_S = 10.0
FOREVER_S = 1e8
LOOK_S = 0.05
LAST_WORDS = 2_000
MARKS = ("DURABLE_STEP_ID", "DURABLE_IDEMPOTENCY_KEY", "DURABLE_RUN_ID", "DURABLE_SESSION_ID")


def call_mcp(
    tool: str,
    given: dict[str, Any],
    server: Server,
    env: Mapping[str, str],
    timeout_s: float | None,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """`stop` is looked at again and again; once true, the server is ended. It is ended in any case."""
    try:
        import anyio
        import mcp  # noqa: F401 - is it there at all?
    except ImportError:
        why = "calling an MCP tool needs the package mcp; install durable with its extra: durable[mcp]"
        return Outcome.failed(why, not_begun=True)
    # Without a handler of its own, what the package logs goes to our stderr, tracebacks included.
    logging.getLogger("mcp").addHandler(logging.NullHandler())
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace") as said:
        call = _Call(tool, given, server, {**env, **server.env, **_marks(env)}, timeout_s, stop, said)
        try:
            anyio.run(call.make)
        except Exception as error:  # noqa: BLE001 - whatever a server does, it is told as what came of the call
            call.broke(error)
        return call.came_to()


def _marks(env: Mapping[str, str]) -> dict[str, str]:
    """By these the server knows the step, and we know the server, whatever its configuration sets."""
    return {name: env[name] for name in MARKS if name in env}


class NotBegun(Exception):
    pass


class _Call:
    def __init__(
        self,
        tool: str,
        given: dict[str, Any],
        server: Server,
        env: Mapping[str, str],
        timeout_s: float | None,
        stop: Callable[[], bool] | None,
        said: TextIO,
    ) -> None:
        self.tool = tool
        self.given = given
        self.server = server
        self.env = dict(env)
        self.timeout_s = timeout_s
        self.stop = stop
        self.said = said
        self.asked = self.stopped = False
        self.outcome: Outcome | None = None

    def came_to(self) -> Outcome:
        if self.outcome is None:
            assert self.stopped
            return Outcome(None, "stopped before it was answered", interrupted=True, not_begun=not self.asked)
        return self.outcome

    def broke(self, error: BaseException) -> None:
        """What breaks while the server is being ended takes nothing from what it answered."""
        if self.outcome is not None or self.stopped:
            return
        first = _first(error)
        if self.asked:
            self.outcome = Outcome.failed(self._lost(first))
        else:
            self.outcome = Outcome.failed(self._not_reached(first), not_begun=True)

    async def make(self) -> None:
        import anyio

        async with anyio.create_task_group() as tasks:
            if self.stop is not None:
                tasks.start_soon(self._watch, self.stop, tasks.cancel_scope)
            await self._converse()
            tasks.cancel_scope.cancel()

    async def _watch(self, stop: Callable[[], bool], scope: Any) -> None:
        import anyio

        while not stop():
            await anyio.sleep(LOOK_S)
        self.stopped = True
        scope.cancel()

    async def _converse(self) -> None:
        import anyio
        from mcp import Client

        with anyio.fail_after(START_S) as start:
            async with AsyncExitStack() as stack, Client(await self._way(stack)) as client:
                name = await self._name(client)
                start.deadline = math.inf
                self.asked = True
                try:
                    # The session sends once. The client itself sends anew if a server complains of the headers.
                    result = await client.session.call_tool(name, self.given, read_timeout_seconds=self.timeout_s)
                    self.outcome = _told(result)
                finally:
                    start.deadline = anyio.current_time() + END_S

    async def _way(self, stack: AsyncExitStack) -> Any:
        server = self.server
        if server.kind == "stdio":
            from mcp import StdioServerParameters
            from mcp.client.stdio import stdio_client

            how = StdioServerParameters(command=server.command, args=server.args, env=self.env, cwd=server.cwd)
            return stdio_client(how, errlog=self.said)
        # The session counts the time of the call; this one only bounds what it doesn't.
        read_s = FOREVER_S if self.timeout_s is None else self.timeout_s + START_S
        if server.kind == "sse":
            from mcp.client.sse import sse_client

            return sse_client(server.url, server.headers, START_S, read_s)
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        timeout = httpx2.Timeout(START_S, read=read_s)
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=server.headers, timeout=timeout))
        return streamable_http_client(server.url, http_client=http)

    async def _name(self, client: Client) -> str:
        """As the server calls it. In the tool's full name odd characters were replaced."""
        wanted = tool_of(self.tool, self.server.name)
        names = [name async for name in _tools(client)]
        found = [name for name in names if name == wanted] or [name for name in names if normal(name) == wanted]
        if len(found) != 1:
            raise NotBegun(f"it has no tool {wanted!r}" if not found else f"several of its tools are {wanted!r}")
        return found[0]

    def _lost(self, error: BaseException) -> str:
        import httpx2
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT

        name = repr(self.server.name)
        code = error.code if isinstance(error, MCPError) else None
        if code == CONNECTION_CLOSED or isinstance(error, OSError | httpx2.TransportError):
            return f"Connection closed before the MCP server {name} had answered{self._last_words()}"
        if code == REQUEST_TIMEOUT and self.timeout_s is not None:
            return f"timed out after {self.timeout_s:g} s: the MCP server {name} did not answer"
        if code is not None:
            return f"MCP error {code}: {error}"
        return f"the MCP server {name} gave no answer that can be used ({_words(error)})"

    def _not_reached(self, error: BaseException) -> str:
        why = f"not within {START_S:g} s" if isinstance(error, TimeoutError) else _words(error)
        return f"the MCP server {self.server.name!r} can't be asked ({why}){self._last_words()}"

    def _last_words(self) -> str:
        self.said.seek(0)
        lines = self.said.read()[-LAST_WORDS:].strip().splitlines()
        return f"; the last it said: {lines[-1].strip()}" if lines else ""


async def _tools(client: Client) -> AsyncIterator[str]:
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            yield tool.name
        cursor = page.next_cursor
        if not cursor:
            return


def _told(result: CallToolResult) -> Outcome:
    """As the client tells it: the structured answer as a text where there is one, else the blocks."""
    blocks = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
    if result.is_error:
        texts = [block["text"] for block in blocks if block.get("type") == "text"]
        return Outcome.failed("\n".join(texts) or "the tool said that it failed", blocks)
    if result.structured_content is not None:
        return Outcome.done(json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":")))
    return Outcome.done(blocks)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
