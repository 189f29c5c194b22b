"""What every test stands on: nobody's real home directory can be reached by accident."""

import os
import signal

import pytest

# Below a file, so that neither reading nor creating anything there can work, even for root.
NO_HOME = "/dev/null/no-home-in-tests"
PERSONAL = ("DURABLE_", "XDG_", "CLAUDE", "ANTHROPIC_")


def pytest_configure() -> None:
    """Whoever starts the tests with `&` has them ignore Ctrl-C, and all that they start as well."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that needs a home directory sets HOME to a scratch one of its own."""
    for name in [name for name in os.environ if name.startswith(PERSONAL)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", NO_HOME)
