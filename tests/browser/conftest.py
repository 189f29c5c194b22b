from __future__ import annotations

from collections.abc import Iterator

import pytest

from .chromium import Browser, found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Its start costs seconds: there is one for all tests, and each opens a page of its own."""
    if not found():
        pytest.skip("chromium is missing: a page is looked at in a real browser")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
