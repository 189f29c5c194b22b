from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .client import Client, find_binary, guarded_settings
from .scripted_model import ScriptedModel
from .terminal import Terminal, find_tmux


@pytest.fixture(scope="session")
def binary() -> Path:
    found = find_binary()
    if found is None:
        pytest.skip("the real client is missing: pip install claude-agent-sdk")
    return found


@pytest.fixture
def client(tmp_path: Path, binary: Path) -> Iterator[Client]:
    """A machine with the real client and no hooks."""
    with ScriptedModel() as model, closing(Client(tmp_path, binary, model)) as client:
        yield client


@pytest.fixture
def guarded(client: Client) -> Client:
    """The same machine with the hooks of settings.example.json."""
    client.settings = guarded_settings()
    return client


@pytest.fixture
def terminal(client: Client) -> Iterator[Terminal]:
    """A terminal on the machine of `client`, which a test may have guarded."""
    if find_tmux() is None:
        pytest.skip("tmux is missing: interactive sessions need a terminal")
    terminal = Terminal(client)
    yield terminal
    terminal.close()
