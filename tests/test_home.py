"""Where the state lives: platformdirs' answer, without importing it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs
import pytest

from durable import home
from durable.errors import HomeError
from durable.ledger.database import _opened


@pytest.mark.parametrize("xdg", ["", "/data/xdg", "/data/xdg/"])
def test_the_directories_are_those_of_platformdirs(xdg: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", xdg)
    monkeypatch.setenv("XDG_CONFIG_HOME", xdg)
    assert Path(home.data_home(os.environ)) == Path(platformdirs.user_data_dir("durable"))
    assert Path(home.config_dir(os.environ)) == Path(platformdirs.user_config_dir("durable"))


def test_on_a_mac_both_are_in_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert home.data_home({"HOME": "/Users/ada"}) == "/Users/ada/Library/Application Support/durable"


def test_the_ledgers_url_comes_before_the_home() -> None:
    env = {"DURABLE_LEDGER": "sqlite:///srv/team/ledger.db", "DURABLE_HOME": "/elsewhere"}
    assert home.data_home(env) == "/srv/team"


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"HOME": ""},
        {"HOME": "relative"},
        {"DURABLE_HOME": "relative/dir"},
        {"DURABLE_LEDGER": "postgres://host/db"},
        {"DURABLE_LEDGER": "sqlite:///srv/other.sqlite"},
        {"DURABLE_LEDGER": "sqlite://relative/ledger.db"},
    ],
)
def test_a_home_that_can_not_be_known_is_refused_with_a_remedy(env: dict[str, str]) -> None:
    with pytest.raises(HomeError) as refused:
        home.data_home(env)
    assert refused.value.remedy


def test_a_directory_that_others_could_read_is_closed(tmp_path: Path) -> None:
    place = tmp_path / "state"
    place.mkdir(mode=0o755)
    home.secure_dir(str(place))
    assert place.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("held", ["heads", "key", "ledger.db", "policy.toml"])
def test_a_directory_that_is_ours_already_is_closed_again(tmp_path: Path, held: str) -> None:
    place = tmp_path / "state"
    (place / "spool").mkdir(parents=True)
    (place / held).touch()
    (place / "spool" / "1.json").touch()
    for folder in (place, place / "spool"):
        folder.chmod(0o755)
        home.secure_dir(str(folder))
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_is_made_leaves_those_above_it_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    home.secure_dir(str(tmp_path / "above" / "state"))
    assert (tmp_path / "above" / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "above").stat().st_mode & 0o777 != 0o700
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(("mode", "content"), [(0o755, "letters"), (0o750, "letters"), (0o1777, ""), (0o1777, "key")])
def test_a_directory_that_others_use_is_refused_and_left_as_it_is(tmp_path: Path, mode: int, content: str) -> None:
    place = tmp_path / "shared"
    place.mkdir()
    if content:
        (place / content).touch()
    place.chmod(mode)
    with pytest.raises(HomeError, match="shared") as refused:
        home.secure_dir(str(place))
    assert "set DURABLE_HOME" in refused.value.remedy
    assert not home.is_ours(str(place))
    assert place.stat().st_mode & 0o7777 == mode


def test_the_root_of_the_machine_is_never_ours() -> None:
    assert not home._is_fit("/", 0o40700)


@pytest.mark.parametrize(
    "env",
    [
        {"DURABLE_HOME": "//srv/durable"},
        {"DURABLE_LEDGER": "sqlite:////srv/durable/ledger.db"},
        {"XDG_DATA_HOME": "//srv"},
    ],
)
def test_two_slashes_in_front_are_one(env: dict[str, str]) -> None:
    assert home.data_home({"HOME": "/h", **env}) == "/srv/durable"


def test_a_path_with_blanks_is_quoted_for_a_shell() -> None:
    assert home._quoted("/a b/it's") == "'/a b/it'\\''s'"
    assert home._quoted("/plain/path-1.0") == "/plain/path-1.0"


def test_a_path_is_never_read_as_the_host_of_an_address(tmp_path: Path) -> None:
    _opened(f"/{tmp_path}/a?b#c%41.db", "rwc", 1.0).execute("CREATE TABLE t (x)")
    assert (tmp_path / "a?b#c%41.db").exists()


def test_the_account_s_own_home_is_no_project_one_has_cloned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = str(tmp_path / ".config" / "off.json")
    assert home.is_within(marker, str(tmp_path))
    monkeypatch.setattr(home, "_account_home", lambda: f"{tmp_path}/")
    assert not home.is_within(marker, str(tmp_path))
    assert home.is_within(str(tmp_path / "clone" / "off.json"), str(tmp_path / "clone"))
