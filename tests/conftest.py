"""What every test stands on: nobody's real home directory can be reached by accident."""

import os

import pytest

# Below a file, so that neither reading nor creating anything there can work, even for root.
NO_HOME = "/dev/null/no-home-in-tests"
PERSONAL = ("DURABLE_", "XDG_", "CLAUDE", "ANTHROPIC_")


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that needs a home directory sets HOME to a scratch one of its own."""
    for name in [name for name in os.environ if name.startswith(PERSONAL)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", NO_HOME)
