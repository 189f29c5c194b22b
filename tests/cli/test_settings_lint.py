"""The lint over the settings in force: each hole is found, and a sound registration is left in peace."""

import copy
import json
import os
import sys

import pytest

from durable.settings import ours, places
from durable.settings.in_force import SettingsFile, load
from durable.settings.lint import lint
from durable.settings.registered import registered_hooks
from durable.settings.registration import REGISTRATION, hook_folder, hooks, installed_hooks
from durable.settings.shape import misshapen
from durable.settings.world import REAL, World

PYTHON = "/opt/python/bin/python3"
GOOD = World(
    reads_as_ours=lambda path: True if path.startswith("/srv/durable/hooks/") else None,
    readable=lambda path: path.startswith("/srv/durable/hooks/"),
    python_version=lambda command: (3, 12) if command == PYTHON else None,
)
SOUND = {"hooks": hooks(PYTHON, lambda name: f'"/srv/durable/hooks/{name}"')}


def user(settings, **more):
    return SettingsFile("user", "/home/me/.claude/settings.json", settings, **more)


def project(settings, scope="project"):
    return SettingsFile(scope, f"/p/.claude/{scope}.json", settings)


def sound():
    return copy.deepcopy(SOUND)


def guard_of(settings):
    return settings["hooks"]["PreToolUse"][0]["hooks"][0]


def with_guard(**changes):
    settings = sound()
    guard_of(settings).update(changes)
    return settings


def without_guard(key):
    settings = sound()
    del guard_of(settings)[key]
    return settings


def found(*files, world=GOOD, deadline_s=5.0):
    return [(one.severity, one.code, one.pointer) for one in lint(files, world, deadline_s)]


def test_a_sound_registration_has_no_finding():
    assert found(user(SOUND)) == []
    assert found(user(SOUND), project({"disableAllHooks": False, "model": "x"})) == []


def test_no_registration_at_all_is_one_finding():
    assert found() == [("problem", "not-registered", "/hooks/PreToolUse")]
    assert found(user({})) == [("problem", "not-registered", "/hooks/PreToolUse")]


# ---- switches ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["project", "local", "flag", "managed"])
def test_any_stronger_file_can_switch_every_hook_off(scope):
    off = ("problem", "hooks-off", "/disableAllHooks")
    assert found(user(SOUND), project({"disableAllHooks": True}, scope)) == [off]
    assert found(user({**SOUND, "disableAllHooks": True})) == [off]


def test_a_switch_that_a_stronger_file_overrules_is_a_warning():
    files = user(SOUND), project({"disableAllHooks": True}), project({"disableAllHooks": False}, "flag")
    assert found(*files) == [("warning", "hooks-off", "/disableAllHooks")]


def test_managed_hooks_only_shuts_out_all_but_managed_ones():
    only = {"allowManagedHooksOnly": True}
    assert found(user(SOUND), project(only, "managed")) == [("problem", "managed-hooks-only", "/allowManagedHooksOnly")]
    assert found(project({**SOUND, **only}, "managed")) == []
    assert found(user({**SOUND, **only})) == []


# ---- the guard --------------------------------------------------------------------------------

GUARD = "/hooks/PreToolUse/0/hooks/0"


@pytest.mark.parametrize(
    ("settings", "finding"),
    [
        (without_guard("onFailure"), ("problem", "fails-open", f"{GUARD}/onFailure")),
        (with_guard(onFailure="continue"), ("problem", "fails-open", f"{GUARD}/onFailure")),
        (
            with_guard(command=guard_of(SOUND)["command"].removesuffix(" || exit 2")),
            ("warning", "no-exit-2", f"{GUARD}/command"),
        ),
        (with_guard(timeout=5), ("problem", "timeout-short", f"{GUARD}/timeout")),
        (with_guard(**{"async": True}), ("problem", "guard-conditional", f"{GUARD}/async")),
        (with_guard(asyncRewake=True), ("problem", "guard-conditional", f"{GUARD}/asyncRewake")),
        (with_guard(once=True), ("problem", "guard-conditional", f"{GUARD}/once")),
        (with_guard(**{"if": "Bash(git *)"}), ("problem", "guard-conditional", f"{GUARD}/if")),
    ],
)
def test_a_weak_guard_is_found(settings, finding):
    assert found(user(settings)) == [finding]


def test_a_guard_that_fails_open_in_both_ways_is_two_problems():
    settings = without_guard("onFailure")
    guard_of(settings)["command"] = guard_of(SOUND)["command"].removesuffix(" || exit 2")
    assert [severity for severity, _, _ in found(user(settings))] == ["problem", "problem"]


def test_the_timeout_is_measured_against_the_deadline_in_force():
    assert found(user(SOUND), deadline_s=59.0) == []
    assert found(user(SOUND), deadline_s=60.0) == [("problem", "timeout-short", f"{GUARD}/timeout")]
    assert found(user(without_guard("timeout")), deadline_s=60.0) == []


# ---- matchers and events ----------------------------------------------------------------------


@pytest.mark.parametrize("matcher", ["*", "", ".*"])
def test_a_matcher_for_every_tool_leaves_no_gap(matcher):
    settings = sound()
    settings["hooks"]["PreToolUse"][0]["matcher"] = matcher
    assert found(user(settings)) == []


def test_an_absent_matcher_leaves_no_gap():
    settings = sound()
    del settings["hooks"]["PreToolUse"][0]["matcher"]
    assert found(user(settings)) == []


@pytest.mark.parametrize("matcher", ["Bash", "Bash|Write", "mcp__.*", "^Bash$", "**"])
def test_a_matcher_for_some_tools_leaves_a_gap(matcher):
    settings = sound()
    settings["hooks"]["PreToolUse"][0]["matcher"] = matcher
    assert found(user(settings)) == [("problem", "matcher-gap", "/hooks/PreToolUse/0/matcher")]


def test_a_second_group_may_close_the_gap():
    settings = sound()
    narrow = {**settings["hooks"]["PreToolUse"][0], "matcher": "Bash"}
    settings["hooks"]["PreToolUse"].append(narrow)
    assert found(user(settings)) == []


@pytest.mark.parametrize("event", [one.event for one in REGISTRATION])
def test_each_event_is_missed_when_it_is_not_registered(event):
    settings = sound()
    del settings["hooks"][event]
    (severity, code, pointer) = found(user(settings))[0]
    assert (code, pointer) == ("not-registered" if event == "PreToolUse" else "event-missing", f"/hooks/{event}")
    heavy = ("PreToolUse", "PostToolUse", "PostToolUseFailure")
    assert severity == ("problem" if event in heavy else "warning")
    assert len(found(user(settings))) == 1


def test_a_script_under_the_wrong_event_answers_for_nothing():
    settings = sound()
    settings["hooks"]["PostToolUse"] = settings["hooks"]["PreToolUse"]
    assert found(user(settings)) == [("problem", "event-missing", "/hooks/PostToolUse")]


# ---- what the client can't load ---------------------------------------------------------------

HANDLER = {"type": "command", "command": "true"}


@pytest.mark.parametrize(
    ("group", "pointer"),
    [
        ({"hooks": [{"type": "command"}]}, "/hooks/0/command"),
        ({"hooks": [{"type": "nope", "command": "true"}]}, "/hooks/0/type"),
        ({"hooks": [{"command": "true"}]}, "/hooks/0/type"),
        ({"hooks": [{"type": ["command"], "command": "true"}]}, "/hooks/0/type"),
        ({"hooks": [{**HANDLER, "timeout": "60"}]}, "/hooks/0/timeout"),
        ({"hooks": [{**HANDLER, "timeout": 0}]}, "/hooks/0/timeout"),
        ({"hooks": [{**HANDLER, "timeout": None}]}, "/hooks/0/timeout"),
        ({"hooks": [{**HANDLER, "timeout": True}]}, "/hooks/0/timeout"),
        ({"hooks": [{**HANDLER, "onFailure": "deny"}]}, "/hooks/0/onFailure"),
        ({"hooks": [{**HANDLER, "onFailure": None}]}, "/hooks/0/onFailure"),
        ({"hooks": [{**HANDLER, "shell": "fish"}]}, "/hooks/0/shell"),
        ({"hooks": [{**HANDLER, "if": 5}]}, "/hooks/0/if"),
        ({"hooks": [{**HANDLER, "async": "yes"}]}, "/hooks/0/async"),
        ({"hooks": [{**HANDLER, "args": "x"}]}, "/hooks/0/args"),
        ({"hooks": [{**HANDLER, "once": "x"}]}, "/hooks/0/once"),
        ({"hooks": [{**HANDLER, "statusMessage": 5}]}, "/hooks/0/statusMessage"),
        ({"hooks": [{"type": "prompt"}]}, "/hooks/0/prompt"),
        ({"hooks": [{"type": "http"}]}, "/hooks/0/url"),
        ({"hooks": [{"type": "http", "url": "nope"}]}, "/hooks/0/url"),
        ({"hooks": [{"type": "http", "url": "http://x/", "onFailure": "deny"}]}, "/hooks/0/onFailure"),
        ({"hooks": ["x"]}, "/hooks/0"),
        ({"hooks": HANDLER}, "/hooks"),
        ({"matcher": "*"}, "/hooks"),
        ({"matcher": 5, "hooks": [HANDLER]}, "/matcher"),
        ({"matcher": None, "hooks": [HANDLER]}, "/matcher"),
        ("x", ""),
    ],
)
def test_a_malformed_guard_of_anybody_drops_the_whole_file_ours_included(group, pointer):
    settings = sound()
    settings["hooks"]["PreToolUse"].append(group)
    assert found(user(settings)) == [
        ("problem", "file-dropped", f"/hooks/PreToolUse/1{pointer}"),
        ("problem", "not-registered", "/hooks/PreToolUse"),
    ]


@pytest.mark.parametrize(
    "handler",
    [
        {**HANDLER, "durable": True},
        {**HANDLER, "command": ""},
        {"type": "mcp_tool", "server": "s", "tool": "t", "onFailure": "whatever"},
        {"type": "agent", "prompt": "look"},
        {"type": "http", "url": "https://example.com/"},
    ],
)
def test_a_handler_the_client_loads_is_no_finding_but_a_note(handler):
    settings = sound()
    settings["hooks"]["PreToolUse"].append({"hooks": [handler]})
    assert found(user(settings)) == [("note", "other-guard", "/hooks/PreToolUse/1/hooks/0")]


def test_elsewhere_the_client_skips_the_entry_and_keeps_the_file():
    settings = sound()
    settings["hooks"]["Stop"].append({"hooks": [{"type": "command"}]})
    assert found(user(settings)) == [("warning", "entry-skipped", "/hooks/Stop/1/hooks/0/command")]
    for groups in ({"hooks": [HANDLER]}, ["x"], [{"matcher": 5, "hooks": [HANDLER]}], [{"hooks": HANDLER}]):
        assert [one.drops_file for one in misshapen({"hooks": {"PostToolUse": groups}})] == [False]
    assert [one.drops_file for one in misshapen({"hooks": {"PermissionRequest": ["x"]}})] == [True]


@pytest.mark.parametrize("settings", [[], "x", {"hooks": []}, {"disableAllHooks": "true"}])
def test_a_file_of_the_wrong_form_is_dropped(settings):
    assert [one.drops_file for one in misshapen(settings)] == [True]
    assert found(user(SOUND), project(settings))[0][:2] == ("problem", "file-dropped")


def test_a_file_that_is_no_json_is_a_problem_and_takes_nothing_else_down():
    broken = SettingsFile("project", "/p/.claude/settings.json", None, "it is not JSON (line 3)")
    (finding,) = lint([user(SOUND), broken], GOOD)
    assert (finding.code, finding.file) == ("not-json", "/p/.claude/settings.json")
    assert "line 3" in finding.problem


# ---- paths ------------------------------------------------------------------------------------


def test_a_script_that_is_gone_is_a_problem_once_for_each_script():
    gone = GOOD._replace(readable=lambda path: False)
    assert [code for _, code, _ in found(user(SOUND), world=gone)] == ["script-missing"] * 3


def test_an_interpreter_that_is_gone_or_old_is_found_once():
    gone = GOOD._replace(python_version=lambda command: None)
    assert [one[:2] for one in found(user(SOUND), world=gone)] == [("problem", "python-missing")]
    old = GOOD._replace(python_version=lambda command: (3, 10))
    assert [one[:2] for one in found(user(SOUND), world=old)] == [("warning", "python-old")]


def test_the_real_world_knows_this_interpreter_and_no_other():
    assert REAL.python_version(sys.executable) == sys.version_info[:2]
    assert REAL.python_version("/nowhere/python3") is None
    assert REAL.python_version("/bin/true") is None
    assert REAL.readable(__file__) and not REAL.readable(os.path.dirname(__file__))


def test_two_different_registrations_start_twice_and_equal_ones_once():
    other = {"hooks": hooks("python3", lambda name: f"/srv/durable/hooks/{name}")}
    known = GOOD._replace(python_version=lambda command: (3, 12))
    assert [one[:2] for one in found(user(SOUND), project(other), world=known)] == [("warning", "registered-twice")]
    (finding,) = lint([user(SOUND), project(other)], known)
    assert f"{len(REGISTRATION)} events" in finding.problem and finding.file == "/p/.claude/project.json"
    assert found(user(SOUND), project(sound()), world=known) == []


# ---- which handler is ours --------------------------------------------------------------------


def _reading(command, verdict=None, **more):
    return ours.read({"type": "command", "command": command, **more}, lambda path: verdict)


@pytest.mark.parametrize(
    ("command", "verdict", "is_ours"),
    [
        ('python3 -I -S "/a b/hooks/pre_tool_use.py" || exit 2', True, True),
        ("/x/hooks/lifecycle.py", True, True),
        ('python3 -I -S "/gone/hooks/pre_tool_use.py" || exit 2', None, True),
        ("python3 /gone/durable/hooks/pre_tool_use.py", None, True),
        ("uv run ~/.claude/hooks/pre_tool_use.py", False, False),
        ("python3 -I -S /x/hooks/pre_tool_use.py", False, False),
        ("uv run .claude/hooks/pre_tool_use.py", None, False),
        ("python3 -I -S /x/durable/pre_tool_use.py", True, False),
        ("python3 -I -S /x/hooks/other.py", True, False),
        ("echo 'unbalanced /x/hooks/pre_tool_use.py", True, False),
    ],
)
def test_ours_is_told_by_the_file_and_without_it_by_how_it_is_called(command, verdict, is_ours):
    assert (_reading(command, verdict) is not None) is is_ours


def test_a_handler_is_read_whole():
    read = _reading('DURABLE_HOME=/x /opt/py -I -S "/a b/hooks/pre_tool_use.py"||exit 2', True)
    assert read == ours.Ours("pre_tool_use.py", "/a b/hooks/pre_tool_use.py", "/opt/py", True)
    spawned = _reading("/opt/py", True, args=["-I", "-S", "/a b/hooks/pre_tool_use.py"])
    assert spawned == ours.Ours("pre_tool_use.py", "/a b/hooks/pre_tool_use.py", "/opt/py", False)


def test_variables_stand_for_what_the_client_puts_there():
    env = {"HOME": "/home/me", "H": "/wrong"}
    words = ["$HOME/a", "${HOME}/a", "~/a", "${HOMER}/a", "$H/a"]
    assert [ours.expanded(word, env) for word in words] == [*["/home/me/a"] * 3, "${HOMER}/a", "/wrong/a"]


@pytest.mark.parametrize("handler", [None, "x", {}, {"type": "http", "url": "x"}, {"type": "command", "command": 5}])
def test_what_is_no_command_is_not_ours(handler):
    assert ours.read(handler, lambda path: True) is None


def test_the_scripts_of_this_installation_say_that_they_are_ours():
    for name in ("pre_tool_use.py", "post_tool_use.py", "lifecycle.py"):
        assert ours.script_text_is_ours(os.path.join(hook_folder(), name)) is True
    assert ours.script_text_is_ours("/nowhere/hooks/lifecycle.py") is None


def test_registered_hooks_are_ours_alone_with_all_that_is_needed_to_start_them():
    settings = sound()
    settings["hooks"]["PreToolUse"].insert(0, {"hooks": [HANDLER]})
    dropped = {"hooks": {**sound()["hooks"], "PermissionRequest": ["x"]}}
    listed = registered_hooks([user(settings), project(dropped)], GOOD.reads_as_ours)
    assert [hook.event for hook in listed] == [one.event for one in REGISTRATION]
    guard = next(hook for hook in listed if hook.event == "PreToolUse")
    assert guard.command == guard_of(SOUND)["command"]
    assert (guard.file, guard.pointer) == ("/home/me/.claude/settings.json", "/hooks/PreToolUse/1/hooks/0")


# ---- the files in force -----------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path):
    """Writes a file below a scratch machine and loads what a client would find there."""

    class Machine:
        def __init__(self):
            self.home, self.work, self.managed = tmp_path / "home", tmp_path / "work", tmp_path / "etc"
            self.env = {"HOME": str(self.home)}

        def write(self, path, data):
            path = tmp_path / path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(data if isinstance(data, str) else json.dumps(data))
            return path

        def load(self, **more):
            return load({**self.env, **more.pop("env", {})}, str(self.work), managed=str(self.managed), **more)

    return Machine()


def test_files_come_weakest_first_and_only_those_that_exist(machine):
    for path in ("etc/managed-settings.json", "etc/managed-settings.d/b.json", "etc/managed-settings.d/a.json"):
        machine.write(path, {})
    machine.write("etc/managed-settings.d/.hidden.json", {})
    machine.write("etc/managed-settings.d/notes.txt", "no")
    for path in ("home/.claude/settings.json", "work/.claude/settings.json", "work/.claude/settings.local.json"):
        machine.write(path, {})
    machine.write("work/extra.json", {})
    loaded = machine.load(extra="extra.json")
    assert [file.scope for file in loaded] == ["user", "project", "local", "flag", "managed", "managed", "managed"]
    assert [os.path.basename(file.path) for file in loaded][4:] == ["managed-settings.json", "a.json", "b.json"]
    (machine.work / ".claude/settings.json").unlink()
    assert [file.scope for file in machine.load()] == ["user", "local", "managed", "managed", "managed"]


def test_the_clients_own_variable_moves_the_users_settings(machine, tmp_path):
    machine.write("moved/settings.json", {"model": "x"})
    (loaded,) = machine.load(env={"CLAUDE_CONFIG_DIR": f" {tmp_path}/moved "})
    assert loaded.data == {"model": "x"}


def test_in_the_home_directory_user_and_project_settings_are_one_file(machine):
    machine.write("home/.claude/settings.json", {})
    assert [file.scope for file in load(machine.env, str(machine.home), managed="/nowhere")] == ["user"]


def test_a_broken_file_is_loaded_with_its_line(machine):
    machine.write("work/.claude/settings.json", '{\n  "a": 1,\n}')
    (loaded,) = machine.load()
    assert "line 3" in loaded.error and not loaded.loads


def test_byte_order_mark_empty_file_and_double_keys_load_as_in_the_client(machine):
    machine.write("work/.claude/settings.json", '\ufeff{"a": 1, "a": 2}')
    machine.write("work/.claude/settings.local.json", " \n")
    assert [(file.data, file.loads) for file in machine.load()] == [({"a": 2}, True), ({}, True)]


def test_macos_keeps_managed_settings_elsewhere(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert places.managed_folder() == "/Library/Application Support/ClaudeCode"


# ---- plugins ----------------------------------------------------------------------------------


def _plugin(machine, source):
    script = {"hooks": hooks("python3", lambda name: f'"${{CLAUDE_PLUGIN_ROOT}}/hooks/{name}"')}
    root = machine.write("plug/hooks/hooks.json", script).parents[1]
    market = {"m": {"source": {"source": source}, "installLocation": str(root)}}
    machine.write("home/.claude/plugins/known_marketplaces.json", market)
    copy_of = machine.write("cache/hooks/hooks.json", script).parents[1]
    installed = {"plugins": {"durable@m": [{"installPath": str(copy_of)}]}}
    machine.write("home/.claude/plugins/installed_plugins.json", installed)
    return {"directory": root, "github": copy_of}[source]


@pytest.mark.parametrize("source", ["directory", "github"])
def test_an_enabled_plugin_of_ours_is_a_registration(machine, source):
    root = _plugin(machine, source)
    machine.write("home/.claude/settings.json", {"enabledPlugins": {"durable@m": True, "other@m": True}})
    loaded = machine.load()
    assert [file.scope for file in loaded] == ["user", "plugin"]
    world = World(lambda path: path.startswith(f"{root}/hooks/"), lambda path: True, lambda command: (3, 12))
    assert lint(loaded, world) == []
    assert all(hook.variables["CLAUDE_PLUGIN_ROOT"] == str(root) for hook in registered_hooks(loaded))


def test_a_plugin_that_a_project_switches_off_is_no_registration(machine):
    _plugin(machine, "directory")
    machine.write("home/.claude/settings.json", {"enabledPlugins": {"durable@m": True}})
    machine.write("work/.claude/settings.json", {"enabledPlugins": {"durable@m": False}})
    assert [file.scope for file in machine.load()] == ["user", "project"]


def test_a_file_that_the_client_drops_switches_no_plugin_off(machine):
    _plugin(machine, "directory")
    machine.write("home/.claude/settings.json", {"enabledPlugins": {"durable@m": True}})
    dropped = {"enabledPlugins": {"durable@m": False}, "disableAllHooks": "no"}
    machine.write("work/.claude/settings.json", dropped)
    assert [file.scope for file in machine.load()] == ["user", "project", "plugin"]


def test_plugin_and_settings_together_start_twice(machine):
    _plugin(machine, "directory")
    machine.write("home/.claude/settings.json", {"enabledPlugins": {"durable@m": True}, "hooks": installed_hooks()})
    assert "registered-twice" in {one.code for one in lint(machine.load())}


def test_a_damaged_list_of_plugins_is_no_plugin(machine):
    _plugin(machine, "directory")
    machine.write("home/.claude/plugins/known_marketplaces.json", "{")
    machine.write("home/.claude/plugins/installed_plugins.json", "[]")
    machine.write("home/.claude/settings.json", {"enabledPlugins": {"durable@m": True}})
    assert [file.scope for file in machine.load()] == ["user"]
