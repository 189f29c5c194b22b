"""`durable init` and `uninit` through the real executables, on scratch homes."""

import json
import os
import pty
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from durable.settings import files
from durable.settings.merge import with_ours, without_ours
from durable.settings.registration import (
    REGISTRATION,
    example_settings,
    hook_folder,
    hooks,
    installed_hooks,
    plugin_hooks,
)

ROOT = Path(__file__).resolve().parents[2]
FULL = [sys.executable, "-m", "durable"]
CHECKOUT = [sys.executable, "-I", "-S", str(ROOT / "bin" / "durable")]


class Home:
    """A scratch home and project, and the CLI run in them."""

    def __init__(self, folder):
        self.home, self.work = folder / "home", folder / "work"
        self.home.mkdir()
        self.work.mkdir()
        self.settings = self.home / ".claude" / "settings.json"

    def env(self, **more):
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "PYTHONPATH": str(ROOT / "src"), **more}

    def run(self, *words, cli=CHECKOUT, **more):
        return subprocess.run(
            [*cli, *words],
            env=self.env(**more),
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def ok(self, *words, **more):
        done = self.run(*words, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, text):
        self.settings.parent.mkdir(parents=True, exist_ok=True)
        self.settings.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self):
        return json.loads(self.settings.read_text())

    def backups(self):
        return sorted(self.settings.parent.glob("settings.json.durable-backup-*"))


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


THEIRS = """{
    "model": "größer",
    "hooks": {
        "Stop": [
            {
                "hooks": [
                    {
                        "type": "command",
                        "command": "say done"
                    }
                ]
            }
        ],
        "PreToolUse": [
            {
                "matcher": "Bash",
                "hooks": [
                    {
                        "type": "command",
                        "command": "uv run .claude/hooks/pre_tool_use.py",
                        "unknown": 1
                    }
                ]
            }
        ]
    },
    "permissions": {
        "deny": [
            "Read(./.env)"
        ]
    },
    "unknown": [
        1.5,
        null
    ]
}
"""


# ---- what is written --------------------------------------------------------------------------


@pytest.mark.parametrize("cli", [FULL, CHECKOUT], ids=["installed", "checkout"])
def test_init_registers_every_event_with_this_python_and_these_scripts(home, cli):
    home.ok("init", "--user", "--yes", cli=cli)
    assert home.read() == {"hooks": installed_hooks()}
    guard = home.read()["hooks"]["PreToolUse"][0]
    (handler,) = guard["hooks"]
    assert guard["matcher"] == "*" and handler["onFailure"] == "block" and handler["timeout"] == 60
    words = shlex.split(handler["command"])
    assert words == [sys.executable, "-I", "-S", str(ROOT / "hooks" / "pre_tool_use.py"), "||", "exit", "2"]
    assert home.settings.read_bytes().endswith(b"}\n") and home.backups() == []


def test_what_init_registers_starts(home):
    home.ok("init", "--user", "--yes")
    command = home.read()["hooks"]["PreToolUse"][0]["hooks"][0]["command"]
    done = subprocess.run(["sh", "-c", command], input="", env=home.env(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1


def test_project_writes_the_projects_own_settings(home):
    home.ok("init", "--project", "--yes")
    assert json.loads((home.work / ".claude/settings.json").read_text()) == {"hooks": installed_hooks()}
    assert not home.settings.exists()


def test_the_clients_own_variable_moves_the_users_settings(home, tmp_path):
    home.ok("init", "--user", "--yes", CLAUDE_CONFIG_DIR=str(tmp_path / "moved"))
    assert (tmp_path / "moved/settings.json").exists() and not home.settings.exists()


def test_nothing_of_anybody_is_lost_and_the_file_keeps_its_form(home):
    home.write(THEIRS)
    home.ok("init", "--user", "--yes")
    theirs, new = json.loads(THEIRS), home.read()
    assert list(new) == list(theirs)
    assert [group for group in new["hooks"]["PreToolUse"] if group in theirs["hooks"]["PreToolUse"]]
    assert new["hooks"]["Stop"][0] == theirs["hooks"]["Stop"][0]
    assert list(new["hooks"])[:2] == ["Stop", "PreToolUse"]
    text = home.settings.read_text()
    assert '\n    "model": "größer",\n    "hooks": {\n        "Stop"' in text
    home.ok("uninit", "--user", "--yes")
    assert home.settings.read_text() == THEIRS


@pytest.mark.parametrize(
    "text",
    ["", "{}\n", '{\n\t"model": "x"\n}\n', '{\r\n  "model": "x"\r\n}\r\n', '\ufeff{\n  "model": "x"\n}\n'],
    ids=["empty", "bare", "tabs", "dos", "byte-order-mark"],
)
def test_uninit_gives_back_the_file_as_it_was(home, text):
    home.write(text)
    home.ok("init", "--user", "--yes")
    home.ok("uninit", "--user", "--yes")
    assert home.settings.read_bytes() == (text or "{}\n").encode()


def test_a_second_init_and_a_second_uninit_change_nothing(home):
    home.write(THEIRS)
    home.ok("init", "--user", "--yes")
    written = home.settings.read_bytes()
    assert "nothing to change" in home.ok("init", "--user")
    assert home.settings.read_bytes() == written and len(home.backups()) == 1
    home.ok("uninit", "--user", "--yes")
    assert "nothing to change" in home.ok("uninit", "--user")
    assert len(home.backups()) == 2


def test_an_older_registration_of_ours_is_replaced_where_it_stands(home):
    old = hooks("/old/python3", lambda name: f"'/old place/durable/hooks/{name}'")
    other = {"matcher": "Bash", "hooks": [{"type": "command", "command": "true"}]}
    old["PreToolUse"].append(other)
    home.write(json.dumps({"hooks": old}))
    home.ok("init", "--user", "--yes")
    assert home.read()["hooks"] == {**installed_hooks(), "PreToolUse": [*installed_hooks()["PreToolUse"], other]}


def test_the_json_answer_says_what_was_done(home):
    home.write(THEIRS)
    answer = json.loads(home.ok("init", "--user", "--yes", "--json"))
    assert answer["schema"] == "durable.init.v1"
    assert answer["data"] == {
        "file": str(home.settings),
        "changed": True,
        "backup": str(home.backups()[0]),
        "findings": [],
    }


# ---- a hand on the file -----------------------------------------------------------------------


def test_the_backup_is_the_old_file_to_the_byte_and_as_closed(home):
    home.write(THEIRS)
    home.settings.chmod(0o640)
    home.ok("init", "--user", "--yes")
    (backup,) = home.backups()
    assert backup.read_text() == THEIRS
    assert [stat.S_IMODE(path.stat().st_mode) for path in (backup, home.settings)] == [0o640, 0o640]


def test_a_link_is_followed_and_stays_a_link(home, tmp_path):
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "claude.json").write_text(THEIRS)
    home.settings.parent.mkdir()
    home.settings.symlink_to(dotfiles / "claude.json")
    home.ok("init", "--user", "--yes")
    assert home.settings.is_symlink() and home.read()["hooks"]["SessionStart"]
    assert sorted(path.name for path in dotfiles.iterdir()) == ["claude.json"]
    assert len(home.backups()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{\n  // mine\n  "model": "x"\n}', "line 2"),
        ('{\n  "model": "x",\n}', "line 3"),
        ('{"a": NaN}', "NaN"),
        (b'{"a": "\xff"}', "utf-8"),
        ("[]", "not a JSON object"),
        ('{"hooks": []}', "/hooks is not an object"),
        ('{"hooks": {"Stop": {}}}', "/hooks/Stop is not a list"),
        ('{"env": {"A": "1", "A": "2"}}', "'A' twice"),
    ],
)
@pytest.mark.parametrize("verb", ["init", "uninit"])
def test_a_file_that_a_rewrite_would_spoil_is_refused_and_left_alone(home, verb, text, words):
    home.write(text)
    before = home.settings.read_bytes()
    done = home.run(verb, "--user", "--yes")
    assert done.returncode == 3 and done.stdout == ""
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert home.settings.read_bytes() == before and home.backups() == []


def test_a_directory_in_its_place_is_refused(home):
    home.settings.mkdir(parents=True)
    done = home.run("init", "--user", "--yes")
    assert done.returncode == 3 and "can't be read" in done.stderr


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text("{}")
    seen = files.read(str(path))
    path.write_text('{"model": "newer"}')
    with pytest.raises(files.SettingsError, match="changed while"):
        files.replace(seen, "mine")
    assert path.read_text() == '{"model": "newer"}'
    assert not list(tmp_path.glob("*.durable-[0-9]*"))


def test_a_file_that_appeared_meanwhile_is_not_overwritten(tmp_path):
    seen = files.read(str(tmp_path / "settings.json"))
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(files.SettingsError, match="changed while"):
        files.replace(seen, "mine")


def test_two_backups_of_one_second_are_two_files(tmp_path, monkeypatch):
    monkeypatch.setattr(files.time, "strftime", lambda form, moment: "20260101T000000Z")
    path = tmp_path / "settings.json"
    for number in range(3):
        path.write_text(str(number))
        files.replace(files.read(str(path)), "{}")
    kept = sorted(backup.read_text() for backup in tmp_path.glob("*.durable-backup-*"))
    assert kept == ["0", "1", "2"]


def test_a_crash_before_the_rename_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    path.write_text("{}")

    def out_of_space(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", out_of_space)
    with pytest.raises(files.SettingsError, match="No space left"):
        files.replace(files.read(str(path)), "new")
    assert path.read_text() == "{}"
    assert not list(tmp_path.glob("settings.json.durable-[0-9]*"))


# ---- asking -----------------------------------------------------------------------------------


def test_without_a_terminal_nothing_is_written_unasked(home):
    done = home.run("init", "--user")
    assert done.returncode == 2 and "--yes" in done.stderr
    assert not home.settings.exists()
    home.run("init", "--user", "--yes")
    before = home.settings.read_text()
    said = "durable: nobody is here to say yes, and nothing was changed; add --yes, and --diff to see every line\n"
    assert home.run("uninit", "--user").stderr == said and home.settings.read_text() == before


@pytest.mark.parametrize("words", [["init"], ["init", "--user", "--project"], ["uninit", "--yes"]])
def test_whose_settings_must_be_said(home, words):
    done = home.run(*words)
    assert done.returncode == 2 and "--user" in done.stderr


@pytest.mark.parametrize(("answer", "written"), [("y", True), ("", False), ("no", False)])
def test_on_a_terminal_the_change_is_shown_and_asked_for(home, answer, written):
    home.write(THEIRS)
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*CHECKOUT, "init", "--user"],
        env=home.env(TERM="dumb"),
        cwd=home.work,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = _read_until(controller, "[y/N] ")
    assert len(shown.splitlines()) < 12 and f"Put them into {home.settings}?" in shown and "SessionStart" in shown
    assert "everything else" in shown and "--diff" in shown
    assert home.settings.read_text() == THEIRS
    os.write(controller, f"{answer}\n".encode())
    assert process.wait(timeout=60) == (0 if written else 2)
    os.close(controller)
    assert ("SessionStart" in home.settings.read_text()) is written


def test_the_change_is_told_in_few_lines_and_shown_line_by_line_when_asked_for(home):
    home.write(THEIRS)
    told = home.ok("init", "--user", "--yes")
    assert len(told.splitlines()) < 12 and "@@" not in told
    assert f"{len(REGISTRATION)} events: " in told and f"durable's hooks stand in {home.settings}" in told
    told = home.ok("uninit", "--user", "--yes", "--diff")
    assert f"+++ {home.settings}" in told and re.search('^- +"SessionStart"', told, re.M) and '-    "model"' not in told
    assert f"durable's hooks are out of {home.settings}" in told and "The ledger stays" in told


def test_what_changes_is_counted_and_what_does_not_is_not(home):
    home.ok("init", "--user", "--yes")
    settings = json.loads(home.settings.read_text())
    del settings["hooks"]["Stop"]
    home.write(json.dumps(settings, indent=2))
    assert "1 event: Stop\n" in home.ok("init", "--user", "--yes")


def _read_until(descriptor, words):
    shown = ""
    while words not in shown:
        shown += os.read(descriptor, 65536).decode().replace("\r\n", "\n")
    return shown


def test_print_shows_the_fragment_and_touches_nothing(home):
    assert json.loads(home.ok("init", "--print")) == {"hooks": installed_hooks()}
    assert json.loads(home.ok("init", "--print", "--json"))["data"]["fragment"] == {"hooks": installed_hooks()}
    assert not home.settings.exists()


# ---- what init finds in the way ---------------------------------------------------------------


def test_init_says_when_a_projects_switch_makes_it_worthless(home):
    (home.work / ".claude").mkdir()
    (home.work / ".claude/settings.json").write_text('{"disableAllHooks": true}')
    done = home.run("init", "--user", "--yes")
    assert done.returncode == 1 and "disableAllHooks" in done.stdout
    assert home.read() == {"hooks": installed_hooks()}


def test_init_says_when_the_client_would_drop_the_file(home):
    home.write('{"hooks": {"PreToolUse": [{"hooks": [{"type": "command"}]}]}}')
    answer = home.run("init", "--user", "--yes", "--json")
    codes = [one["code"] for one in json.loads(answer.stdout)["data"]["findings"]]
    assert answer.returncode == 1 and codes == ["file-dropped", "not-registered"]


# ---- pure merging -----------------------------------------------------------------------------

OURS = {"type": "command", "command": "ours"}
OTHER = {"type": "command", "command": "other"}
WANTED = {"PreToolUse": [{"matcher": "*", "hooks": [{**OURS, "new": True}]}]}


def _is_ours(handler):
    return handler.get("command") == "ours"


@pytest.mark.parametrize(
    ("groups", "merged"),
    [
        ([], WANTED["PreToolUse"]),
        ([{"hooks": [OTHER]}], [{"hooks": [OTHER]}, *WANTED["PreToolUse"]]),
        ([{"hooks": [OURS]}, {"hooks": [OTHER]}], [*WANTED["PreToolUse"], {"hooks": [OTHER]}]),
        ([{"hooks": [OURS, OTHER]}], [{"hooks": [OTHER]}, *WANTED["PreToolUse"]]),
        ([{"hooks": [OURS]}, {"hooks": [OURS]}], WANTED["PreToolUse"]),
        (["odd", {"hooks": "odd"}], ["odd", {"hooks": "odd"}, *WANTED["PreToolUse"]]),
        ([{"hooks": []}], [{"hooks": []}, *WANTED["PreToolUse"]]),
    ],
)
def test_merging_replaces_ours_and_keeps_the_rest(groups, merged):
    settings = {"hooks": {"PreToolUse": groups}}
    once = with_ours(settings, WANTED, _is_ours)
    assert once == {"hooks": {"PreToolUse": merged}}
    assert with_ours(once, WANTED, _is_ours) == once


def test_an_event_we_no_longer_register_loses_our_handler():
    settings = {"hooks": {"Notification": [{"hooks": [OURS]}], "Setup": []}}
    assert with_ours(settings, WANTED, _is_ours) == {"hooks": {"Setup": [], **WANTED}}


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"a": 1, "hooks": {"Stop": [{"hooks": [OURS]}]}}, {"a": 1}),
        ({"hooks": {"Stop": [{"hooks": [OURS, OTHER]}]}}, {"hooks": {"Stop": [{"hooks": [OTHER]}]}}),
        ({"hooks": {"Stop": [{"hooks": [OURS]}], "Setup": []}}, {"hooks": {"Setup": []}}),
        ({"hooks": {}}, {"hooks": {}}),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_taking_ours_out_leaves_everything_else(settings, left):
    assert without_ours(settings, _is_ours) == left


# ---- the files that the table makes -----------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "made"), [("settings.example.json", example_settings()), ("hooks/hooks.json", plugin_hooks())]
)
def test_a_shipped_file_is_what_the_table_makes(path, made):
    assert (ROOT / path).read_text() == json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def test_every_event_has_a_script_that_is_there():
    for one in REGISTRATION:
        assert os.path.exists(os.path.join(hook_folder(), one.script)), one
    assert [one.event for one in REGISTRATION if one.guards] == ["PreToolUse"]


def test_a_wheel_registers_the_scripts_that_lie_inside_the_package(home, tmp_path):
    site = tmp_path / "site packages"
    shutil.copytree(ROOT / "src" / "durable", site / "durable", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "hooks", site / "durable" / "hooks", ignore=shutil.ignore_patterns("hooks.json"))
    home.ok("init", "--user", "--yes", cli=FULL, PYTHONPATH=str(site))
    command = home.read()["hooks"]["PreToolUse"][0]["hooks"][0]["command"]
    assert shlex.split(command)[3] == str(site / "durable" / "hooks" / "pre_tool_use.py")


def test_a_path_with_spaces_and_quotes_survives_the_shell(tmp_path):
    folder = tmp_path / 'it\'s a "durable" $HOME place' / "hooks"
    folder.mkdir(parents=True)
    script = folder / "pre_tool_use.py"
    script.write_text("import sys\nsys.exit(7)\n")
    made = hooks(shlex.quote(sys.executable), lambda name: shlex.quote(str(folder / name)))
    line = made["PreToolUse"][0]["hooks"][0]["command"]
    assert subprocess.run(["sh", "-c", line], timeout=60).returncode == 2
    assert subprocess.run(["sh", "-c", line.removesuffix(" || exit 2")], timeout=60).returncode == 7


def test_the_plugin_and_the_package_have_one_name_and_version():
    plugin = json.loads((ROOT / ".claude-plugin/plugin.json").read_text())
    market = json.loads((ROOT / ".claude-plugin/marketplace.json").read_text())
    from durable import __version__

    assert (plugin["name"], plugin["version"]) == ("durable", __version__)
    assert [(one["name"], one["source"]) for one in market["plugins"]] == [("durable", "./")]


def test_init_starts_no_interpreter_that_a_cloned_project_names(tmp_path: Path) -> None:
    """It looks for holes in all settings in force, and asks an interpreter for its version by starting it."""
    home, project = tmp_path / "home", tmp_path / "project"
    started = tmp_path / "started"
    trap = project / "python3"
    (project / ".claude").mkdir(parents=True)
    home.mkdir()
    trap.write_text(f"#!/bin/sh\ntouch {started}\necho 3 11\n")
    trap.chmod(0o755)
    hook = {"type": "command", "command": f"{trap} -I -S {ROOT}/hooks/pre_tool_use.py || exit 2", "onFailure": "block"}
    settings = {"hooks": {"PreToolUse": [{"matcher": "*", "hooks": [hook]}]}}
    (project / ".claude" / "settings.json").write_text(json.dumps(settings))
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT / "src")}
    argv = [sys.executable, "-m", "durable", "init", "--user", "--yes", "--json"]
    done = subprocess.run(argv, cwd=project, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert not started.exists()
