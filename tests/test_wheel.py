"""What a person gets from an installed package, without a checkout: hooks that record, and a CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

import ledger_view
from client.client import Client, find_binary
from client.scripted_model import ScriptedModel, bash

ROOT = Path(__file__).resolve().parents[1]
PAYLOADS = ROOT / "tests" / "fixtures" / "payloads"


def ran(*command: str | Path, **how: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **how)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    ran(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.glob("durable-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel, what it requires, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    ran(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    return folder / "bin"


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a person who has just installed it."""
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": os.defpath, "HOME": str(home), "DURABLE_HOME": str(tmp_path / "state")}


def registered(home: str | Path, event: str) -> str:
    """The one command that the client would start for the event."""
    settings = json.loads((Path(home) / ".claude" / "settings.json").read_text("utf-8"))
    (group,) = settings["hooks"][event]
    (handler,) = group["hooks"]
    return handler["command"]


def test_the_wheel_holds_the_hooks_the_sql_and_the_page(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"durable/hooks/{name}.py" for name in ("pre_tool_use", "post_tool_use", "lifecycle")} <= set(names)
    assert [name for name in names if name.startswith("durable/ledger/sql/migrations/")]
    assets = {name.rpartition("/")[2] for name in names if name.startswith("durable/evidence/reporting/assets/")}
    assert assets == {file.name for file in (ROOT / "src/durable/evidence/reporting/assets").iterdir()}
    assert not [name for name in names if name.split("/")[0] not in ("durable", "durable-0.1.0.dist-info")]


def test_init_from_the_wheel_registers_hooks_that_record(
    installed: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    ran(installed / "durable", "init", "--user", "--yes", env=machine, cwd=tmp_path)
    for event in ("PreToolUse", "PostToolUse"):
        command = registered(machine["HOME"], event)
        assert str(ROOT) not in command
        ran("sh", "-c", command, env=machine, cwd=tmp_path, input=(PAYLOADS / f"{event}-Bash.json").read_text("utf-8"))
    row = ledger_view.step(machine["DURABLE_HOME"])
    assert (row["tool_name"], row["status"], row["output"]["stdout"]) == ("Bash", "succeeded", "out")


def test_the_installed_hook_denies_when_its_ledger_is_broken(
    installed: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    ran(installed / "durable", "init", "--user", "--yes", env=machine, cwd=tmp_path)
    state = Path(machine["DURABLE_HOME"])
    state.mkdir(mode=0o700)
    (state / "ledger.db").mkdir()
    payload = (PAYLOADS / "PreToolUse-Bash.json").read_text("utf-8")
    denied = subprocess.run(
        ["sh", "-c", registered(machine["HOME"], "PreToolUse")],
        env=machine, input=payload, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (denied.returncode, denied.stdout) == (2, "")
    assert str(installed / "durable") in denied.stderr  # a remedy that can be copied here, where no checkout is


def test_an_installed_wheel_guards_a_session_of_the_real_client(installed: Path, tmp_path: Path) -> None:
    binary = find_binary()
    if binary is None:
        pytest.skip("the real client is missing: pip install claude-agent-sdk")
    with ScriptedModel() as model, closing(Client(tmp_path, binary, model)) as client:
        ran(installed / "durable", "init", "--user", "--yes", env=client.environment(), cwd=client.project)
        client.run([[bash(client.effect("one"))]])
        assert client.effects == ["one"]
        row = ledger_view.step(client.state)
        assert (row["tool_name"], row["status"]) == ("Bash", "succeeded")
        shown = ran(installed / "durable", "runs", "--json", env=client.environment(), cwd=client.project)
        assert [run["steps"] for run in json.loads(shown.stdout)["data"]] == [1]


def test_a_job_runs_from_the_wheel_and_an_mcp_step_says_what_it_lacks(
    installed: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    """The package that speaks MCP is an extra: without it such a step fails, and can be tried again."""
    server = {"mcpServers": {"lab": {"command": "true"}}}
    (Path(machine["HOME"]) / ".claude.json").write_text(json.dumps(server), encoding="utf-8")
    steps = [
        {"id": "a", "tool": "Bash", "input": {"command": "echo a >> effects"}},
        {"id": "b", "tool": "mcp__lab__send", "input": {}},
    ]
    (tmp_path / "job.json").write_text(json.dumps({"name": "demo", "steps": steps}), encoding="utf-8")
    done = subprocess.run(
        [installed / "durable", "run", "job.json"],
        env=machine,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert (tmp_path / "effects").read_text(encoding="utf-8") == "a\n"
    assert "durable[mcp]" in done.stdout
    assert [row["status"] for row in ledger_view.steps(machine["DURABLE_HOME"])] == ["succeeded", "failed"]
