"""Policy files: strict, tighten-only for projects, and never in the way of mending them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from durable.errors import PolicyError
from durable.event import Call
from durable.ledger.keys import create_key
from durable.policy.built_in.index import DIGEST
from durable.policy.claimed import Claimed
from durable.policy.compiled import cache_of
from durable.policy.compiler import compile_text
from durable.policy.decide import DENY, PERMIT, Situation, decide
from durable.policy.files import load_policy
from durable.policy.match import rules_for
from durable.policy.policy import ENFORCE, OBSERVE, Policy


class Place:
    def __init__(self, root: Path) -> None:
        self.home = root / "state"
        self.home.mkdir(mode=0o700)
        create_key(str(self.home))
        self.project = root / "project"
        self.user = root / "home" / ".config" / "durable" / "policy.toml"
        self.of_project = self.project / ".durable" / "policy.toml"
        self.env = {"HOME": str(root / "home")}

    def write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def load(self) -> Policy:
        return load_policy(str(self.home), str(self.project), self.env)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_without_files_the_built_in_policy_enforces(place: Place) -> None:
    policy = place.load()
    assert (policy.mode, policy.digest, policy.broken) == (ENFORCE, f"built-in {DIGEST}", "")


def test_the_user_may_choose_observe_mode(place: Place) -> None:
    place.write(place.user, 'mode = "observe"\n')
    assert place.load().mode == OBSERVE


def test_a_project_can_neither_observe_nor_stop_redaction(place: Place) -> None:
    place.write(place.of_project, 'mode = "observe"\n[redact]\nenabled = false\npatterns = ["corp-[0-9]+"]\n')
    policy = place.load()
    assert (policy.mode, policy.redact, policy.redact_patterns) == (ENFORCE, True, ("corp-[0-9]+",))


def test_a_project_may_turn_redaction_back_on(place: Place) -> None:
    place.write(place.user, "[redact]\nenabled = false\n")
    assert not place.load().redact
    place.write(place.of_project, "[redact]\nenabled = true\n")
    assert place.load().redact


def test_the_file_named_by_the_environment_wins(place: Place, tmp_path: Path) -> None:
    place.write(place.user, 'mode = "observe"\n')
    place.env["DURABLE_POLICY"] = str(place.write(tmp_path / "mine.toml", 'mode = "enforce"\n'))
    assert place.load().mode == ENFORCE


def test_a_file_of_the_project_may_not_loosen_by_way_of_the_environment(place: Place, tmp_path: Path) -> None:
    """A project's settings reach a hook's environment."""
    place.env["DURABLE_POLICY"] = str(place.write(place.project / "loose.toml", 'mode = "observe"\n'))
    assert place.load().mode == ENFORCE
    link = tmp_path / "linked"
    link.symlink_to(place.project)
    place.env["DURABLE_POLICY"] = str(link / "loose.toml")
    assert place.load().mode == ENFORCE


def test_a_missing_file_that_the_environment_names_is_an_error(place: Place, tmp_path: Path) -> None:
    place.write(place.user, '[redact]\npatterns = ["corp-[0-9]+"]\n')
    place.env["DURABLE_POLICY"] = str(tmp_path / "nowhere.toml")
    policy = place.load()
    assert "nowhere.toml" in policy.broken
    assert (policy.mode, policy.redact_patterns, policy.blind) == (ENFORCE, ("corp-[0-9]+",), True)


def test_a_relative_path_in_the_environment_is_an_error(place: Place) -> None:
    place.env["DURABLE_POLICY"] = "mine.toml"
    assert "set it to an absolute path" in place.load().broken


@pytest.mark.parametrize("name", ["XDG_CONFIG_HOME", "HOME"])
def test_a_file_of_the_project_may_not_pass_for_the_users(place: Place, name: str) -> None:
    place.env[name] = str(place.project / "brought")
    folder = place.project / "brought" / ("" if name == "XDG_CONFIG_HOME" else ".config")
    place.write(folder / "durable" / "policy.toml", 'mode = "observe"\n')
    assert place.load().mode == ENFORCE


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('mode = "watch"\n', 1, "mode must be"),
        ('# a comment\n\nmodes = "observe"\n', 3, "modes is no field"),
        ("[redact]\nenabled = 1\n", 2, "redact.enabled must be true or false"),
        ('[redact]\nenabled = true\npatterns = ["("]\n', 3, "no valid regular expression"),
        ('[redact]\npatterns = ["x*"]\n', 2, "matches the empty text"),
        ("redact = 3\n", 1, "redact must be a table"),
    ],
)
def test_an_error_names_file_line_and_field(text: str, line: int, said: str) -> None:
    with pytest.raises(PolicyError) as wrong:
        compile_text(text, "/p/policy.toml")
    assert f"/p/policy.toml, line {line}: " in str(wrong.value)
    assert said in str(wrong.value)


def test_text_that_is_no_toml_is_an_error() -> None:
    with pytest.raises(PolicyError, match="line 1"):
        compile_text("mode = = 1\n", "/p/policy.toml")


def test_a_broken_file_leaves_the_last_valid_patterns_and_enforces(place: Place) -> None:
    place.write(place.user, 'mode = "observe"\n[redact]\npatterns = ["corp-[0-9]+"]\n')
    place.load()
    place.write(place.user, "mode = [\n")
    policy = place.load()
    assert (policy.mode, policy.redact_patterns) == (ENFORCE, ("corp-[0-9]+",))
    assert policy.broken_file == str(place.user)
    assert str(place.user) in policy.broken


def test_a_file_is_compiled_once_until_it_changes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(place.user, 'mode = "observe"\n')
    place.load()
    monkeypatch.setattr("durable.policy.compiler.compile_text", lambda text, path: pytest.fail("compiled again"))
    assert place.load().mode == OBSERVE


def test_a_forged_cache_is_not_believed(place: Place) -> None:
    place.write(place.user, 'mode = "enforce"\n')
    place.load()
    kept = Path(cache_of(str(place.home), str(place.user)))
    kept.write_text(kept.read_text().replace("enforce", "observe"), encoding="ascii")
    assert place.load().mode == ENFORCE


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_plain_file_is_refused_at_once(place: Place, make: Callable[[Path], None]) -> None:
    place.user.parent.mkdir(parents=True)
    make(place.user)
    assert str(place.user) in place.load().broken


# ---- decisions --------------------------------------------------------------------------------


def broken() -> Policy:
    policy = Policy()
    policy.broken, policy.broken_file = "/p/policy.toml, line 1: mode must be …", "/p/policy.toml"
    return policy


@pytest.mark.parametrize(
    ("tool", "given", "verdict"),
    [
        ("Bash", {"command": "ls"}, DENY),
        ("mcp__mail__send", {}, DENY),
        ("Write", {"file_path": "/p/other.toml"}, DENY),
        ("Read", {"file_path": "/p/policy.toml"}, PERMIT),
        ("Edit", {"file_path": "/p/policy.toml"}, PERMIT),
        ("Write", {"file_path": "/p/policy.toml"}, PERMIT),
    ],
)
def test_while_a_policy_is_broken_only_reading_and_mending_pass(
    tool: str, given: dict[str, object], verdict: str
) -> None:
    call = Call("id", tool, given)
    ruling = rules_for(call, "/p", "/p", broken())
    decision = decide(Situation(call, broken(), ruling, [Claimed(ruling.effect, "a fingerprint", "run:r")]))
    assert decision.verdict == verdict
    assert ("/p/policy.toml, line 1" in decision.reason) == (verdict == DENY)
