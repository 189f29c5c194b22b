from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .door import Door, FakeClient, bash, ran


@pytest.fixture(scope="session")
def client() -> Iterator[FakeClient]:
    client = FakeClient()
    yield client
    client.kill()


@pytest.fixture
def door(tmp_path: Path, client: FakeClient) -> Door:
    """A machine where no hook has run yet."""
    return Door(tmp_path / "machine", CLAUDE_PID=str(client.pid))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, client: FakeClient) -> Door:
    door = Door(tmp_path_factory.mktemp("template"), CLAUDE_PID=str(client.pid))
    assert door.pre(bash("echo first", "toolu_first")).permits
    assert door.post(ran("echo first", "toolu_first")).permits
    assert door.pre(bash("echo second", "toolu_second")).permits
    return door


@pytest.fixture
def lived_in(template: Door, tmp_path: Path) -> Door:
    """A healthy ledger: `toolu_first` has its receipt, `toolu_second` is running."""
    return template.copy(tmp_path / "machine")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
