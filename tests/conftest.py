"""What every test stands on: nobody's real home directory can be reached by accident."""

import os
import signal
from pathlib import Path

import pytest

# Below a file, so that neither reading nor creating anything there can work, even for root.
NO_HOME = "/dev/null/no-home-in-tests"
# Each goes to one worker as a whole. Begun last, the longest would leave the others with nothing to do.
LONGEST_FIRST = (
    "test_chaos_jobs.py",
    "client/test_cut_off.py",
    "test_chaos.py",
    "cli/test_doctor.py",
    "client/test_keep_going.py",
    "client/test_mail.py",
    "jobs/test_mail.py",
    "client/test_lineage.py",
    "jobs/test_resume_job.py",
    "cli/test_reading.py",
)
PERSONAL = ("DURABLE_", "XDG_", "CLAUDE", "ANTHROPIC_")


def pytest_configure() -> None:
    """Whoever starts the tests with `&` has them ignore Ctrl-C, and all that they start as well."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    ranks = {tests / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that needs a home directory sets HOME to a scratch one of its own."""
    for name in [name for name in os.environ if name.startswith(PERSONAL)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", NO_HOME)
