"""The frame: the envelope, the printer, the exit codes, and that both front ends read a line alike."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer
from rich.table import Table as RichTable

from durable.cli import application as full
from durable.cli import long_table, options, render_plain, render_rich, result
from durable.cli.blocks import Facts, Heading, Note, Paragraph, Table, Verbatim
from durable.cli.frame import guarded
from durable.cli.result import Result
from durable.cli.verbs import RESCUE, VERBS
from durable.errors import DurableError, UsageError

ROOT = Path(__file__).resolve().parents[2]
# `os` brings its own path modules.
HOOK_PATH = {"sys", "os", "os.path", "posixpath", "genericpath", "time", "fcntl", "errno", "stat"}


def full_cli(*words, **more):
    return _run([sys.executable, "-m", "durable", *words], **more)


def checkout_cli(*words, **more):
    return _run([sys.executable, "-I", "-S", str(ROOT / "bin" / "durable"), *words], **more)


def _run(command, env=None, stdout=subprocess.PIPE):
    base = {"PATH": os.environ["PATH"], "HOME": "/dev/null/none", "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, env=base | (env or {}), stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60)


def _into(stream, cli, home):
    return cli("path", env={"HOME": str(home)}, stdout=stream)


both = pytest.mark.parametrize("cli", [full_cli, checkout_cli])


# ---- the envelope -----------------------------------------------------------------------------


def test_json_is_one_envelope_with_schema_and_data(capsys):
    assert result.show(Result("runs", [{"run_id": "r1"}]), as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "durable.runs.v1", "data": [{"run_id": "r1"}]}


def test_json_survives_what_no_terminal_can_show(capsys):
    result.show(Result("path", {"home": "caf\u00e9 \U0001f600 \udcff \x1b"}), as_json=True)
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed)["data"]["home"] == "caf\u00e9 \U0001f600 \udcff \x1b"


def test_a_live_verb_prints_each_result_on_its_own_line_as_it_comes(capsys):
    seen = []

    def steps():
        for number in (1, 2):
            yield Result("tail", {"n": number}, exit_code=number)
            seen.append(capsys.readouterr().out)

    assert result.show(steps(), as_json=True) == 2
    assert [json.loads(line) for line in seen] == [
        {"schema": "durable.tail.v1", "data": {"n": 1}},
        {"schema": "durable.tail.v1", "data": {"n": 2}},
    ]


@both
def test_a_verb_of_either_front_end_answers_in_the_envelope(cli, tmp_path):
    done = cli("path", "--json", env={"HOME": str(tmp_path)})
    answer = json.loads(done.stdout)
    assert (answer["schema"], done.returncode, done.stderr) == ("durable.path.v1", 0, "")
    assert answer["data"]["ledger"].startswith(str(tmp_path))


# ---- for people -------------------------------------------------------------------------------

VIEW = [
    Heading("Runs"),
    Table(["run", "open"], [["a-long-name", 1], ["b", None]]),
    Facts([("home", "/x"), ("attended", True)]),
    Note("warning", "a doubt"),
    Note("note", "by the way"),
    Paragraph("Done."),
    Verbatim("+ one\n  two"),
]


def test_plain_text_aligns_columns_and_names_the_level_of_a_note():
    stream = io.StringIO()
    render_plain.render(VIEW, stream)
    assert stream.getvalue() == (
        "Runs\n"
        "RUN          OPEN\n"
        "a-long-name  1\n"
        "b\n"
        "home:      /x\n"
        "attended:  yes\n"
        "warning: a doubt\n"
        "by the way\n"
        "Done.\n"
        "+ one\n"
        "  two\n"
    )


@pytest.mark.parametrize("render", [render_plain.render, render_rich.render])
def test_every_block_has_a_form_and_shows_its_words(render):
    stream = io.StringIO()
    render(VIEW, stream)
    for word in ("Runs", "a-long-name", "/x", "warning: a doubt", "Done.", "  two"):
        assert word in stream.getvalue()


@pytest.mark.parametrize("render", [render_plain.render, render_rich.render])
def test_recorded_text_can_neither_steer_the_terminal_nor_pass_for_markup(render):
    hostile = "[red]x[/red] \x1b[2J\x9b1m"
    stream = io.StringIO()
    render([Table(["a"], [[hostile]]), Facts([("k", hostile)]), Paragraph(hostile), Note("ok", hostile)], stream)
    shown = stream.getvalue()
    assert "\x1b" not in shown and "\x9b" not in shown
    assert shown.count("[red]x[/red] \\x1b[2J\\x9b1m") == 4


def test_a_pipe_gets_plain_text_and_a_terminal_rich(monkeypatch):
    stream = io.StringIO()
    assert result._for_people(stream) is render_plain.render
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert result._for_people(stream) is render_rich.render
    monkeypatch.setenv("TERM", "dumb")
    assert result._for_people(stream) is render_plain.render


def test_a_terminal_without_rich_gets_plain_text(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setitem(sys.modules, "durable.cli.render_rich", None)
    assert result._for_people(stream) is render_plain.render


# ---- failures ---------------------------------------------------------------------------------


def _raise(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (DurableError("the ledger is locked", "wait"), 3, "durable: the ledger is locked; wait\n"),
        (UsageError("no such run", "see durable runs"), 2, "durable: no such run; see durable runs\n"),
        (DurableError("two\nlines \x1b[2J", "mend"), 3, "durable: two lines \\x1b[2J; mend\n"),
        (PermissionError(13, "Permission denied", "/x"), 3, "durable: Permission denied: /x; check"),
        (KeyError("x"), 3, "durable: unexpected KeyError in "),
        (RecursionError("deep"), 3, "durable: unexpected RecursionError in "),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_every_failure_is_one_line_and_an_exit_code(capsys, error, exit_code, line):
    assert guarded(_raise(error), as_json=False) == exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(line)
    assert printed.err.count("\n") == (1 if line else 0)


def test_an_exit_code_of_a_result_is_the_exit_code_of_the_verb(capsys):
    assert guarded(lambda: Result("doctor", {}, exit_code=1), as_json=True) == 1


@both
@pytest.mark.parametrize("words", [["nope"], ["path", "--nope"], ["path", "extra"], ["init"], ["--nope"]])
def test_a_wrong_line_exits_2_with_one_line_that_helps(cli, words, tmp_path):
    done = cli(*words, env={"HOME": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("durable: ") and done.stderr.count("\n") == 1 and "; " in done.stderr


@both
def test_a_reader_that_leaves_early_is_no_error(cli, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = _into(writer, cli, tmp_path)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@both
def test_output_that_has_no_room_is_one_line_and_exit_3(cli, tmp_path):
    with open("/dev/full", "w") as full_disk:
        done = _into(full_disk, cli, tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith("durable: No space left on device") and done.stderr.count("\n") == 1


@both
def test_the_front_ends_know_their_version_and_their_help(cli):
    assert cli("--version").stdout == "durable 0.1.0\n"
    shown = cli("--help")
    assert shown.returncode == 0
    assert all(verb in shown.stdout for verb in VERBS if cli is full_cli or verb in RESCUE)
    assert "--project" in cli("init", "--help").stdout


# ---- one table, two parsers -------------------------------------------------------------------


def _verb(table):
    module = ModuleType("verb")
    module.OPTIONS = table

    def run(**given):
        """Do it."""
        return Result("verb", given)

    module.run = run
    return module


TABLE = (
    options.argument("RUN", "which", required=False),
    options.flag("--yes", "agree"),
    options.value("--reason", "TEXT", "why"),
    options.value("--for", "TIME", "how long", name="duration"),
    options.value("--limit", "N", "how many", kind=int),
    options.argument("ACTION", "what", required=False, choices=("export", "import")),
)


def _through_typer(words):
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(full._callback(_verb(TABLE)))
    return typer.main.get_command(app).main(words, standalone_mode=False).data


def _through_plain(words):
    return options.call(_verb(TABLE), options.parse(TABLE, words)).data


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ([], {}),
        (["r1", "--yes"], {"run": "r1", "yes": True}),
        (["--reason", "a b", "r1"], {"reason": "a b", "run": "r1"}),
        (["--reason=x=y"], {"reason": "x=y"}),
        (["--reason", "--yes"], {"reason": "--yes"}),
        (["--for", "1h", "--limit", "3"], {"duration": "1h", "limit": 3}),
        (["--", "--yes"], {"run": "--yes"}),
        (["-"], {"run": "-"}),
        (["r1", "export"], {"run": "r1", "action": "export"}),
    ],
)
def test_both_parsers_read_the_same_line_alike(words, given):
    assert _through_typer(list(words)) == given
    assert _through_plain(list(words)) == given


@pytest.mark.parametrize("words", [["r1"], ["r1", "a=1"], ["r1", "a=1", "--yes", "b=-2"], ["r1", "--", "-a", "--yes"]])
def test_both_parsers_give_an_argument_that_repeats_every_word_that_is_left(words):
    table = (options.argument("RUN", "which"), options.rest("WORDS", "more"), options.flag("--yes", "agree"))
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(full._callback(_verb(table)))
    read_by_typer = typer.main.get_command(app).main(list(words), standalone_mode=False).data
    assert options.parse(table, list(words)) == {name: found for name, found in read_by_typer.items() if found}


@pytest.mark.parametrize(
    "words", [["--nope"], ["a", "export", "b"], ["--limit", "x"], ["--reason"], ["--yes=1"], ["r1", "burn"]]
)
def test_both_parsers_refuse_the_same_lines(words):
    with pytest.raises((full.BadUsage, UsageError)):
        _through_typer(list(words))
    with pytest.raises(UsageError):
        _through_plain(list(words))


def test_a_required_argument_is_missed_by_both(capsys):
    table = (options.argument("STEP", "which"),)
    with pytest.raises(UsageError, match="STEP is missing"):
        options.parse(table, [])
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(full._callback(_verb(table)))
    with pytest.raises(full.BadUsage):
        typer.main.get_command(app).main([], standalone_mode=False)


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_is_a_parameter_of_its_function(verb):
    module = __import__(VERBS[verb], fromlist=["run"])
    names = module.run.__code__.co_varnames[: module.run.__code__.co_argcount]
    assert {option.name for option in module.OPTIONS} == set(names)
    assert options.help_line(module).endswith(".")
    assert "as_json" not in names


# ---- a long table at a terminal ---------------------------------------------------------------


def _at_a_terminal(monkeypatch, table, longest, color="1"):
    monkeypatch.setattr(long_table, "LONG", longest)
    monkeypatch.setenv("FORCE_COLOR", color)
    monkeypatch.setenv("COLUMNS", "60")
    stream = io.StringIO()
    render_rich.render([table], stream)
    return stream.getvalue()


ROWS = [
    ["10:00:01", "s1", "Bash  ls", "succeeded"],
    ["", "s2", "Read  日本語.txt", "failed"],
    ["x\x1b[2J", "", "é", "in_doubt"],
]


@pytest.mark.parametrize(
    "rows", [ROWS, ROWS * 50, [["a", "b", "two\nlines", "d"], *ROWS], [["a", "b", "w " * 40, "d"], *ROWS]]
)
def test_a_long_table_looks_as_rich_would_draw_it(monkeypatch, rows):
    table = Table(["time", "step", "call", "status"], rows)
    assert _at_a_terminal(monkeypatch, table, 1) == _at_a_terminal(monkeypatch, table, 10_000)


def test_of_a_long_table_rich_lays_out_the_first_row_alone(monkeypatch):
    laid_out = []
    monkeypatch.setattr(render_rich, "_table", lambda table, widths=(): laid_out.append(table) or RichTable())
    _at_a_terminal(monkeypatch, Table(["time", "step", "call", "status"], ROWS * 50), 100)
    assert [len(table.rows) for table in laid_out] == [1]


# ---- what a start costs -----------------------------------------------------------------------


LIST_MODULES = """
import sys
sys.path.insert(0, {src!r})
from {module} import main
try:
    main({words!r})
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""


def _imported(module, words, home, flags=()):
    code = LIST_MODULES.format(src=str(ROOT / "src"), module=module, words=words)
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run([sys.executable, *flags, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert "durable" in done.stdout, done.stderr
    return set(done.stderr.split())


def test_the_version_imports_no_command_and_no_rich(tmp_path):
    found = _imported("durable.cli.main", ["--version"], tmp_path)
    assert not found & {"rich", "pydantic", *VERBS.values()}


@pytest.mark.parametrize("words", [["path"], ["path", "--json"]])
def test_a_verb_is_run_without_the_parser_of_the_help_pages(tmp_path, words):
    assert not _imported("durable.cli.main", words, tmp_path) & {"typer", "rich", "pydantic", "inspect"}


def test_a_verb_imports_no_other_verb(tmp_path):
    found = _imported("durable.cli.main", ["path"], tmp_path)
    assert found & set(VERBS.values()) == {VERBS["path"]}


def test_the_checkout_cli_reads_a_line_with_the_imports_of_the_hook_path_alone(tmp_path):
    bare = [sys.executable, "-I", "-S", "-c", "import sys; print(*sys.modules)"]
    floor = set(subprocess.run(bare, capture_output=True, text=True, timeout=60).stdout.split())
    found = _imported("durable.rescue", ["--version"], tmp_path, ["-I", "-S"])
    public = {name for name in found - floor if not name.startswith(("durable", "_"))}
    assert public <= HOOK_PATH


@pytest.mark.parametrize("verb", sorted(set(VERBS) & RESCUE))
def test_a_rescue_verb_needs_nothing_installed(verb, tmp_path):
    assert checkout_cli(verb, "--help", env={"HOME": str(tmp_path)}).returncode == 0


def test_any_other_verb_says_how_to_install_it(monkeypatch, capsys):
    from durable import rescue

    monkeypatch.setitem(VERBS, "stats", "durable.cli.stats")
    assert rescue.main(["stats"]) == 2
    assert f"stats needs the installed package; python3 -m pip install {ROOT}" in capsys.readouterr().err
