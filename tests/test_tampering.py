"""An agent's own calls and durable's record of them: what is kept apart, and what stays free."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from durable.cli.verbs import VERBS
from durable.event import Call
from durable.protection.line import DECIDING, DECIDING_WITH
from durable.protection.tampering import tampers
from durable.settings.registration import installed_hooks

# A verb is either here or refused to an agent: whoever adds one has to say which.
FREE = {
    "path", "runs", "show", "step", "open", "tail", "stats", "events", "cost", "reconcile", "policy", "migrate", "run",
    "approvals", "claude", "note", "failures", "audit", "check", "import", "diff", "report",
    "verify",
}  # fmt: skip


class House:
    """A person's home with the state in it, a project beside it, and calls made there."""

    def __init__(self, folder: Path) -> None:
        self.user = folder / "user"
        self.state = self.user / ".local/share/durable"
        self.config = self.user / ".config/durable"
        self.project = self.user / "project"
        for made in (self.state / "spool", self.config / "spool", self.project / ".claude", self.user / ".claude"):
            made.mkdir(parents=True)
        for name in ("ledger.db", "key"):
            (self.state / name).touch()
        self.env = {"HOME": str(self.user)}
        self.settings = self.user / ".claude/settings.json"
        self.settings.write_text(json.dumps({"model": "x", "hooks": installed_hooks()}))

    def says(self, tool: str, cwd: Path | None = None, **given: Any) -> str:
        here = str(cwd or self.project)
        return tampers(Call("toolu_1", tool, given), here, str(self.state), self.env, str(self.project))

    def line(self, line: str, cwd: Path | None = None) -> str:
        named = {"STATE": self.state, "CONFIG": self.config, "USER": self.user, "PROJECT": self.project}
        for name, path in named.items():
            line = line.replace(f"@{name}", str(path))
        return self.says("Bash", cwd, command=line)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path.resolve())


# ---- the state --------------------------------------------------------------------------------

REACHING = [
    "rm -rf @STATE",
    "rm -f @STATE/ledger.db",
    "rm -rf ~/.local/share/durable",
    "rm -rf $HOME/.local/share/durable",
    'rm -rf "${HOME}"/.local/share/durable',
    "rm -rf ../.local/share/durable",
    "rm -rf ~/.local",
    "rm -rf ~",
    "rm -rf ~/.local/share/*",
    "rm -rf ~/.loc*",
    "rm -rf /",
    "cd ~/.local/share && rm -rf durable",
    "cd ~/.local/share/durable && rm ledger.db",
    "cd @STATE; truncate -s 0 ledger.db",
    "(cd ~/.local/share/durable; sqlite3 ledger.db 'delete from steps')",
    "mv @STATE /tmp/elsewhere",
    "mv ~/.local /tmp/elsewhere",
    "cp /tmp/old.db @STATE/ledger.db",
    "cp @STATE/key /tmp/key",
    "cat @STATE/key",
    "cat ~/.local/share/dur*/key",
    "cat ~/.local/share/durabl?/k[a-f]y",
    "base64 < @STATE/key",
    "echo x > @STATE/ledger.db",
    "echo x >> ~/.local/share/durable/hook.log",
    "ls > @STATE/ledger.db",
    "printf '' | tee @STATE/ledger.db",
    "dd if=/dev/zero of=@STATE/ledger.db bs=1 count=1",
    "tar --file=@STATE/x.tar -c .",
    "sed -i s/a/b/ @STATE/hook.log",
    "chmod 777 @STATE",
    "chmod -R 777 ~/.local",
    "chown -R nobody @USER",
    "rsync -a --delete /tmp/empty/ ~/.local/",
    "ln -s @STATE ./shortcut",
    "sqlite3 @STATE/ledger.db 'drop trigger x'",
    "python3 -c \"open('@STATE/ledger.db', 'w')\"",
    "python3 <<'E'\nimport os\nos.remove('@STATE/ledger.db')\nE",
    "perl -e 'unlink \"@STATE/key\"'",
    "find @STATE -delete",
    "find @STATE -name '*.db' -exec rm {} +",
    "find ~/.local/share/durable -type f | xargs rm",
    "sudo rm -rf @STATE",
    "env A=1 timeout 5 rm -rf @STATE",
    "bash -c 'rm -rf @STATE'",
    "true && { rm -rf @STATE; } || true",
    "echo $(cat @STATE/key)",
    "D=@STATE; rm -rf $D",
    "rm -f ~/.config/durable/off.json",
    "echo '{}' > @CONFIG/off.json",
    "rm -rf ~/.config/durable/spool",
    "rm -rf ~/.config/durable/spool/*",
    "rm -rf @STATE )(",
    ")( cat @STATE/key",
    "cd @STATE && git clean -fdx",
    "cd @STATE && /usr/bin/make",
]


@pytest.mark.parametrize("line", REACHING)
def test_a_line_that_reaches_the_state_is_refused(house: House, line: str) -> None:
    assert "durable refused this call" in house.line(line)


FREE_LINES = [
    "ls -la @STATE",
    "stat @STATE/ledger.db",
    "du -sh ~/.local/share/durable",
    "find @STATE -name '*.db'",
    "test -f @STATE/ledger.db && echo there",
    "cd @STATE && ls",
    "durable runs",
    "durable show 1234 --json",
    "DURABLE_HOME=@STATE durable runs",
    "@USER/bin/durable open",
    "python -m durable stats",
    "echo @STATE",
    "durable path",
    "git commit -m 'Say where @STATE lies'",
    "git status",
    "rm -rf build dist *.egg-info",
    "rm -rf ~/project/build",
    "rm -rf @PROJECT/node_modules",
    "rm -rf ./*",
    "mv notes.txt ~/",
    "mv @PROJECT/a @USER",
    "cp a.txt ~",
    "rsync -a src/ ~/",
    "chmod +x ~/project/run.sh",
    "chmod 755 ~",
    "rm -rf $BUILD_DIR",
    "rm -rf ~/*",
    "cat ~/.lo*/share",
    "rm -rf /var/tmp/*",
    "cat ~/.config/durable/policy.toml",
    "sed -i s/a/b/ .durable/policy.toml",
    "cat docs/durable.md",
    "grep -rn 'durable allow' src",
    "pip install durable",
    "cat > notes.md <<'E'\nThe state lies in @STATE, and `durable allow` is for people.\nE",
    "python -m pytest tests/durable -k retry",
]


@pytest.mark.parametrize("line", FREE_LINES)
def test_any_other_line_is_free(house: House, line: str) -> None:
    assert house.line(line) == ""


def test_what_lies_in_the_state_is_refused_from_inside_as_well(house: House) -> None:
    assert house.line("rm key", cwd=house.state)
    assert house.line("rm -rf spool", cwd=house.config)
    assert house.line("mv *.json /tmp", cwd=house.settings.parent)
    assert house.line("ls", cwd=house.state) == ""
    assert house.line("rm policy.toml", cwd=house.config) == ""


def test_a_link_into_the_state_is_the_state(house: House) -> None:
    (house.project / "here").symlink_to(house.state)
    assert house.line("rm here/ledger.db")
    assert house.says("Write", file_path=str(house.project / "here/spool/x.json"), content="")


def test_a_state_behind_a_link_is_the_state_by_both_names(tmp_path: Path) -> None:
    real = tmp_path.resolve() / "disk"
    real.mkdir()
    (tmp_path / "home").symlink_to(real)
    house = House(tmp_path / "home")
    for base in (real, tmp_path / "home"):
        assert house.says("Write", file_path=f"{base}/user/.local/share/durable/key", content="")
        assert house.line(f"rm {base}/user/.local/share/durable/key")


@pytest.mark.parametrize(
    "path", ["@STATE/key", "~/.local/share/durable/key", "../.local/share/durable/key", "@CONFIG/off.json"]
)
@pytest.mark.parametrize(
    ("tool", "field"),
    [
        ("Write", "file_path"), ("Edit", "file_path"), ("MultiEdit", "file_path"), ("Read", "file_path"),
        ("NotebookEdit", "notebook_path"), ("Grep", "path"), ("mcp__files__write", "destination"),
    ],
)  # fmt: skip
def test_a_tool_that_reaches_a_file_of_ours_is_refused(house: House, tool: str, field: str, path: str) -> None:
    path = path.replace("@STATE", str(house.state)).replace("@CONFIG", str(house.config))
    assert "belongs to durable's own records" in house.says(tool, **{field: path})


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Write", {"file_path": "@PROJECT/durable.py", "content": "x"}),
        ("Write", {"file_path": "@CONFIG/policy.toml", "content": "x"}),
        ("Read", {"file_path": "@PROJECT/a.txt"}),
        ("Read", {"file_path": "/tmp/\0durable"}),
        ("Read", {}),
        ("Write", {"file_path": 7}),
        ("Bash", {"command": None}),
        ("Bash", {}),
        ("Grep", {"pattern": "@STATE"}),
        ("Glob", {"path": "@STATE", "pattern": "*"}),
        ("mcp__mail__send", {"body": "The state lies in\n@STATE", "n": 1}),
        ("Agent", {"prompt": "@STATE"}),
    ],
)
def test_any_other_call_is_free(house: House, tool: str, given: dict[str, Any]) -> None:
    named = {"@PROJECT": house.project, "@CONFIG": house.config, "@STATE": house.state}
    for name, path in named.items():
        given = {
            key: value.replace(name, str(path)) if isinstance(value, str) else value for key, value in given.items()
        }
    assert house.says(tool, **given) == ""


def test_the_sentence_says_that_nothing_ran_and_what_a_person_can_run(house: House) -> None:
    said = house.line("rm -rf @STATE")
    assert "nothing was run" in said
    assert "bin/durable off --for 1h" in said


# ---- deciding verbs ---------------------------------------------------------------------------


@pytest.mark.parametrize("verb", sorted(DECIDING))
def test_a_deciding_verb_is_refused(house: House, verb: str) -> None:
    assert f"`durable {verb}` is for a person" in house.line(f"durable {verb} 1234")


@pytest.mark.parametrize(
    "line",
    [
        "/opt/durable/bin/durable allow 12",
        "./bin/durable allow 12",
        '"$HOME"/bin/durable allow 12',
        "python -m durable allow 12",
        "python3.12 -I -m durable allow 12",
        "python3 /opt/durable/bin/durable allow 12",
        "PYTHONPATH=src python -m durable.cli.main allow 12",
        "uvx durable allow 12",
        "uv run durable allow 12",
        "pipx run durable allow 12",
        "sudo -u other durable allow 12",
        "env DURABLE_HOME=/x nohup durable allow 12 &",
        "bash -c 'durable allow 12'",
        "sh -c \"sh -c 'durable allow 12'\"",
        "eval durable allow 12",
        "echo 12 | xargs durable allow",
        "cd /tmp && (durable allow 12; true)",
        "echo $(durable allow 12)",
        "echo `durable allow 12`",
        "cat <(durable allow 12)",
        "D=durable; $D allow 12",
        "durable --json allow 12",
        "durable $VERB 12",
        "if true; then durable allow 12; fi",
        "tmux send-keys -t 0 'durable allow 12' Enter",
        "python3 -c \"import os; os.system('durable allow 12')\"",
        "python3 -c \"import subprocess; subprocess.run(['durable', 'allow', '12'])\"",
        "python3 - <<'E'\nfrom durable.cli.main import main\nmain(['allow', '12'])\nE",
        "durable allow 12 )(",
        "durable key renew --reason x",
        "durable key export",
        "durable init --user --force",
        "durable doctor --repair",
        "durable resume --run-id r --yes",
        "durable resume --only=3",
        "durable resume --run-id r --no-strict",
        "durable resume --anyway",
        "durable retention apply --yes",
        "durable backup /tmp/b --with-key",
    ],
)
def test_a_deciding_verb_is_found_wherever_it_stands(house: House, line: str) -> None:
    assert "is for a person" in house.line(line)


@pytest.mark.parametrize(
    "line",
    [
        "durable allow --help",
        "durable key",
        "durable init --user",
        "durable doctor",
        "durable resume --run-id r",
        "durable retention plan",
        "durable backup /tmp/b",
        "durable show off",
        "durable",
        "durable --version",
        "echo durable allow 12",
        "git commit -m 'durable allow takes a reason'",
        "git -C /work/durable restore README.md",
        "make -C durable clear",
        "grep durable allow.txt",
        "cat durable off",
        "python -m pytest durable -k retry",
        "cd /work/durable && git log --oneline",
    ],
)
def test_reading_verbs_and_words_about_them_are_free(house: House, line: str) -> None:
    assert house.line(line) == ""


def test_every_verb_is_sorted() -> None:
    assert set(VERBS) <= FREE | DECIDING | set(DECIDING_WITH)
    assert not FREE & DECIDING


# ---- settings ---------------------------------------------------------------------------------


def written(house: House, settings: Any, path: Path | None = None) -> str:
    content = settings if isinstance(settings, str) else json.dumps(settings)
    return house.says("Write", file_path=str(path or house.settings), content=content)


def with_hooks(**other: Any) -> dict[str, Any]:
    return {**other, "hooks": installed_hooks()}


def test_any_other_setting_may_be_written(house: House) -> None:
    assert written(house, with_hooks(model="y", permissions={"deny": ["Bash(rm *)"]})) == ""


def test_hooks_of_others_may_be_added(house: House) -> None:
    settings = with_hooks()
    settings["hooks"]["PreToolUse"].append({"hooks": [{"type": "command", "command": "echo"}]})
    settings["hooks"]["PreCompact"] = [{"hooks": [{"type": "command", "command": "echo"}]}]
    assert written(house, settings) == ""


def changed(change: str) -> dict[str, Any]:
    settings = with_hooks()
    group = settings["hooks"]["PreToolUse"][0]
    if change == "another matcher":
        group["matcher"] = "Bash"
    elif change == "a condition":
        group["hooks"][0]["if"] = "Bash(git *)"
    elif change == "another command":
        group["hooks"][0]["command"] = "true"
    elif change == "a longer line":
        group["hooks"][0]["command"] = "true || " + group["hooks"][0]["command"]
    elif change == "no block":
        group["hooks"][0]["onFailure"] = "continue"
    elif change == "another event":
        settings["hooks"]["PreCompact"] = settings["hooks"].pop("PreToolUse")
    return settings


@pytest.mark.parametrize(
    "change", ["another matcher", "a condition", "another command", "a longer line", "no block", "another event"]
)
def test_no_handler_of_ours_may_be_changed(house: House, change: str) -> None:
    assert "drop or change durable's hooks" in written(house, changed(change))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "drop or change durable's hooks"),
        ({"hooks": {}}, "drop or change durable's hooks"),
        ({"hooks": []}, "drop or change durable's hooks"),
        ("{", "leave no valid JSON"),
        ("", "leave no valid JSON"),
        ("[]", "leave no valid JSON"),
        (with_hooks(disableAllHooks=True), "switch all hooks off"),
        (with_hooks(enabledPlugins={"durable@here": False}), "switch durable's plugin off"),
    ],
)
def test_no_write_may_take_our_hooks_out(house: House, settings: Any, said: str) -> None:
    answer = written(house, settings)
    assert said in answer
    assert "uninit" in answer


def test_a_handler_over_which_the_client_drops_the_file_is_refused(house: House) -> None:
    settings = with_hooks()
    settings["hooks"]["PreToolUse"].append({"hooks": [{"type": "command", "command": "echo", "timeout": "soon"}]})
    assert "drop the whole file" in written(house, settings)


def test_a_projects_settings_may_not_switch_all_hooks_off(house: House) -> None:
    for name in ("settings.json", "settings.local.json"):
        path = house.project / ".claude" / name
        assert "switch all hooks off" in written(house, {"disableAllHooks": True}, path)
        assert written(house, {"disableAllHooks": False}, path) == ""
        assert written(house, {"model": "x"}, path) == ""


def test_what_a_person_has_switched_off_may_stay_so(house: House) -> None:
    path = house.project / ".claude/settings.json"
    path.write_text('{"disableAllHooks": true}')
    assert written(house, {"disableAllHooks": True, "model": "x"}, path) == ""


def test_the_plugin_may_not_be_switched_off(house: House) -> None:
    house.settings.write_text('{"enabledPlugins": {"durable@here": true, "other@here": true}}')
    assert "plugin" in written(house, {"enabledPlugins": {"other@here": True}})
    assert written(house, {"enabledPlugins": {"durable@here": True, "other@here": False}}) == ""


def test_an_edit_is_judged_by_what_it_leaves(house: House) -> None:
    path = str(house.settings)
    assert house.says("Edit", file_path=path, old_string='"model": "x"', new_string='"model": "y"') == ""
    assert house.says("Edit", file_path=path, old_string='"model": "x"', new_string='"disableAllHooks": true')
    assert house.says("Edit", file_path=path, old_string="pre_tool_use.py", new_string="nothing.py")
    assert house.says("Edit", file_path=path, old_string="not in there", new_string="x") == ""
    renamed = {"old_string": "post_tool_use", "new_string": "x", "replace_all": True}
    assert house.says("MultiEdit", file_path=path, edits=[renamed])
    assert house.says("MultiEdit", file_path=path, edits=[renamed, {**renamed, "old_string": "x", "new_string": "y"}])


def test_an_edit_through_a_link_is_judged_as_well(house: House) -> None:
    link = house.project / "notes.txt"
    link.symlink_to(house.settings)
    assert written(house, {}, link)


def test_a_settings_file_of_any_name_is_known_by_our_hooks_in_it(house: House) -> None:
    path = house.project / "given-with-a-flag.json"
    path.write_text(house.settings.read_text())
    assert written(house, {}, path)


def test_any_other_json_is_free(house: House) -> None:
    assert written(house, {"disableAllHooks": True}, house.project / "package.json") == ""


@pytest.mark.parametrize(
    "line",
    [
        "echo '{}' > ~/.claude/settings.json",
        "cat > @USER/.claude/settings.json <<'E'\n{}\nE",
        "echo '{}' | tee ~/.claude/settings.json",
        "sed -i '/hooks/d' ~/.claude/settings.json",
        "cp /tmp/mine.json ~/.claude/settings.json",
        "cp /tmp/settings.json ~/.claude/",
        "mv ~/.claude/settings.json /tmp/",
        "rm ~/.claude/settings.json",
        "rm -rf ~/.claude",
        "rm -rf ~/.cl*",
        "mv ~/.claude /tmp/away",
        "truncate -s 0 ~/.claude/settings.json",
        "cd ~/.claude && rm settings.json",
        "jq 'del(.hooks)' ~/.claude/settings.json > /tmp/x && mv /tmp/x ~/.claude/settings.json",
        "python3 -c \"open('@USER/.claude/settings.json', 'w').write('{}')\"",
        "perl -pi -e 's/pre_tool/x/' ~/.claude/settings.json",
        "echo '{\"disableAllHooks\": true}' > .claude/settings.json",
        "cat > .claude/settings.local.json <<'E'\n{\"disableAllHooks\": true}\nE",
        "claude -p go --settings '{\"disableAllHooks\": true}'",
        "claude plugin uninstall durable@here",
        "claude plugin disable durable",
        "echo '{\"disableAllHooks\": true}' > .claude/settings.json )(",
    ],
)
def test_a_line_that_takes_our_hooks_out_is_refused(house: House, line: str) -> None:
    assert "durable refused this call" in house.line(line)


@pytest.mark.parametrize(
    "line",
    [
        "cat ~/.claude/settings.json",
        "jq .hooks ~/.claude/settings.json",
        "grep disableAllHooks ~/.claude/settings.json",
        "cp ~/.claude/settings.json /tmp/backup.json",
        'echo \'{"model": "x"}\' > .claude/settings.json',
        "rm .claude/settings.local.json",
        "mkdir -p .claude/skills && rm -rf .claude/skills/old",
        "python3 -c \"import json; print(json.load(open('@USER/.claude/settings.json')))\"",
        "sed -n 1p ~/.claude/settings.json",
        "claude plugin list",
        "claude plugin disable another",
        "rm -rf settings && touch settings.py",
    ],
)
def test_a_line_that_reads_settings_or_writes_others_is_free(house: House, line: str) -> None:
    assert house.line(line) == ""


# ---- cost -------------------------------------------------------------------------------------

ORDINARY = [
    ("Bash", {"command": "git status && npm test -- --watch=false 2>&1 | tail -n 20"}),
    ("Bash", {"command": "rm -rf build && mkdir build"}),
    ("Edit", {"file_path": "@PROJECT/src/app/main.py", "old_string": "a", "new_string": "b"}),
    ("Read", {"file_path": "@PROJECT/src/app/main.py"}),
    ("mcp__lab__send", {"to": "somebody", "text": "hello"}),
    ("Agent", {"prompt": "look at everything"}),
]


@pytest.mark.parametrize(("tool", "given"), ORDINARY)
def test_an_ordinary_call_loads_nothing(house: House, tool: str, given: dict[str, str]) -> None:
    import subprocess
    import sys

    given = {name: value.replace("@PROJECT", str(house.project)) for name, value in given.items()}
    here, state = str(house.project), str(house.state)
    script = (
        "import sys\n"
        f"sys.path.append({str(Path(__file__).resolve().parent.parent / 'src')!r})\n"
        "from durable.event import Call\nfrom durable.protection.tampering import tampers\nbefore = set(sys.modules)\n"
        f"said = tampers(Call('id', {tool!r}, {given!r}), {here!r}, {state!r}, {house.env!r}, '')\n"
        "print([said], sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[''] []\n"


@pytest.mark.parametrize(
    "line", ["durable " * 5000, "rm -rf ~/" + "a/" * 20_000, "(" * 5000 + "durable", "'durable" * 3000]
)
def test_a_hostile_line_takes_no_time(house: House, line: str) -> None:
    before = time.process_time()
    house.line(line)
    assert time.process_time() - before < 3


def test_a_file_that_is_no_file_holds_nobody_up(house: House) -> None:
    os.mkfifo(house.project / ".claude/settings.json")
    assert written(house, {"disableAllHooks": True}, house.project / ".claude/settings.json")
