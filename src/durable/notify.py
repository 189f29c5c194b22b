"""Tells somebody else what was decided or came to an end. After the commit and after the answer.

A line in a file is appended at once. A command is run by a process of its own that the hook neither waits for
nor shares anything with, so that no sink, however slow or broken, can hold up or change an answer.
"""

from __future__ import annotations

import os
import stat
import sys

from durable.native import dumps, loads, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Sink = dict[str, Any]
    News = dict[str, Any]

EVENTS = ("denied", "duplicate", "in_doubt", "succeeded", "failed", "ask", "defer")
PATIENCE_S = 60.0
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Together they must stay below the 128 KB that one environment variable may have: a character may take 12 bytes.
_LONGEST = 1_000  # characters of one text
_AT_ONCE = 8  # news for one process
_CARRIED = "DURABLE_NEWS"
# Orphans of a step are known by it, and a sink that takes its time is none.
_KEPT_BACK = ("CLAUDE_CODE_SESSION_ID",)
_SERVE = "import sys; sys.path.append(sys.argv[1]); from durable.notify import serve; serve()"


def notify(sinks: list[Sink], news: list[News]) -> None:
    """Never raises and never waits. `news` must be redacted already."""
    for sink in sinks:
        try:
            _send(sink, [_clipped(one) for one in news if one.get("event") in sink.get("on", EVENTS)])
        except Exception:  # noqa: BLE001 - the answer is given, and nothing here may change it
            continue


def _send(sink: Sink, news: list[News]) -> None:
    if news and "jsonl" in sink:
        _append(sink["jsonl"], news)
    elif news:
        for at in range(0, len(news), _AT_ONCE):
            _spawn(sink["command"], news[at : at + _AT_ONCE])


def _append(path: str, news: list[News]) -> None:
    """In one write: lines of two hooks at once must not run into each other."""
    if path.startswith("~/"):
        path = os.environ.get("HOME", "") + path[1:]
    if not path.startswith("/"):
        return
    descriptor = os.open(path, _APPEND, 0o600)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.write(descriptor, "".join(dumps(one) + "\n" for one in news).encode())
    finally:
        os.close(descriptor)


def _spawn(command: str, news: list[News]) -> None:
    env = {name: os.environ[name] for name in os.environ if name not in _KEPT_BACK}
    env[_CARRIED] = dumps({"command": command, "news": news})
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # The client waits until nobody holds the hook's output any more.
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", "-c", _SERVE, source],
        env,
        file_actions=nothing,
        # Until it has a session of its own: the client may end the hook's whole group with the hook.
        setpgroup=0,
        setsigmask=(),
        # What the hook ignores by now would stay ignored.
        setsigdef=(signals.SIGALRM, signals.SIGTERM, signals.SIGINT, signals.SIGHUP, signals.SIGPIPE),
    )


def serve() -> None:
    """The process behind a command: one call of it for each piece of news, in their order, with an end to it."""
    from durable.probe import run_probe

    carried = loads(os.environ.pop(_CARRIED))
    for one in carried["news"]:
        run_probe(carried["command"], one, "/", PATIENCE_S, {**os.environ, "DURABLE_EVENT": one["event"]})


def _clipped(one: News) -> News:
    return {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in one.items()}
