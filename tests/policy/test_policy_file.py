"""The reader that the hooks use, and the models that `durable policy check` uses: one answer about every file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies import rule

from durable.errors import PolicyError
from durable.ledger.keys import create_key
from durable.policy.compiled import cache_of
from durable.policy.compiler import compile_text
from durable.policy.files import load_policy
from durable.policy.match import rules_for
from durable.policy.models import faults_of

P = "/p/policy.toml"


def read(text: str) -> dict[str, Any]:
    return compile_text(text, P)


def test_every_field_of_a_rule_is_read_in_the_form_the_hooks_use() -> None:
    text = rule(
        "pay invoices", "mcp__pay__*", unless="mcp__pay__ping", effect="once", scope="project", key=["order"], max=2,
        ttl="7d", on_duplicate="ask", gate="ask", probe="./probe", probe_timeout="2s", settle="10m",
        no_effect_exits=[4], no_effect_output="/no .*/", on_resume="verify", inject="request_key",
        evidence="sealed",
    )  # fmt: skip
    assert read(text)["rules"]["pay invoices"] == {
        "match": ["mcp__pay__*"], "unless": ["mcp__pay__ping"], "effect": "once", "scope": "project", "key": ["order"],
        "max": 2, "ttl": 604_800, "on_duplicate": "ask", "gate": "ask", "probe": "./probe", "probe_timeout": 2,
        "settle": 600, "no_effect_exits": [4], "no_effect_output": ["/no .*/"], "on_resume": "verify",
        "inject": "request_key", "evidence": "sealed",
    }  # fmt: skip


def test_budgets_and_sinks_are_read() -> None:
    text = '[run]\ntool_calls = 5\ntokens = 6\nwall_clock = "90s"\n[[notify]]\non = ["denied"]\njsonl = "~/x"\n'
    assert read(text) == {
        "run": {"tool_calls": 5, "tokens": 6, "wall_clock": 90},
        "notify": [{"on": ["denied"], "jsonl": "~/x"}],
    }


@pytest.mark.parametrize(
    ("given", "seconds"), [("90s", 90), ("10m", 600), ("24h", 86_400), ("7d", 604_800), (1.5, 1.5)]
)
def test_a_span_is_a_number_of_seconds_or_has_a_unit(given: object, seconds: float) -> None:
    assert read(rule("x", "Bash", ttl=given))["rules"]["x"]["ttl"] == seconds


# text, line, field and what is said of it
WRONG = [
    ('mode = "watch"\n', 1, "mode must be"),
    ("[rules.x]\nmatch = 'Bash'\nmatches = 'Bash'\n", 3, "rules.x.matches is no field"),
    ("[rules.x]\neffect = 'once'\n", 1, "rules.x.match is missing"),
    ("[rules.x]\nmatch = 'Bash('\n", 2, "rules.x.match holds 'Bash(', which lacks"),
    ("[rules.x]\nmatch = []\n", 2, "rules.x.match must be a pattern"),
    ("[rules.x]\nmatch = ['Bash', 3]\n", 2, "rules.x.match must be a pattern"),
    ("[rules.a]\nmatch='Bash'\nmax=1\n[rules.b]\nmatch='Bash'\nmax=0\n", 6, "rules.b.max must be a whole"),
    ('[rules."a b"]\nmatch="Bash"\n\n[rules."a c"]\nmatch="Bash"\nmax=true\n', 6, 'rules."a c".max must be a whole'),
    ("[rules]\n[rules.x]\nmatch='Bash'\neffect='twice'\n", 4, "rules.x.effect must be 'read'"),
    ("[rules.x]\nmatch='Bash'\nscope='all'\n", 3, "rules.x.scope must be"),
    ("[rules.x]\nmatch='Bash'\nkey='a'\n", 3, "rules.x.key must be a list"),
    ("[rules.x]\nmatch='Bash'\nkey=['']\n", 3, "rules.x.key must be a list"),
    ("[rules.x]\nmatch='Bash'\nkey=['a']\nignore=['b']\n", 4, "rules.x.ignore can't stand beside key"),
    ("[rules.x]\nmatch='Bash'\nttl=0\n", 3, "rules.x.ttl must be longer"),
    ("[rules.x]\nmatch='Bash'\nttl='3x'\n", 3, "rules.x.ttl must be a span"),
    ("[rules.x]\nmatch='Bash'\nttl=nan\n", 3, "rules.x.ttl must be a span"),
    ("[rules.x]\nmatch='Bash'\nttl=true\n", 3, "rules.x.ttl must be a span"),
    ("[rules.x]\nmatch='Bash'\nsettle=-1\n", 3, "rules.x.settle must be a span"),
    ("[rules.x]\nmatch='Bash'\non_duplicate='skip'\n", 3, "rules.x.on_duplicate must be"),
    ("[rules.x]\nmatch='Bash'\ngate='allow'\n", 3, "rules.x.gate must be 'ask' or 'deny'"),
    ("[rules.x]\nmatch='Bash'\nprobe=' '\n", 3, "rules.x.probe must be a text"),
    ("[rules.x]\nmatch='Bash'\nno_effect_exits=[0]\n", 3, "rules.x.no_effect_exits must be"),
    ("[rules.x]\nmatch='Bash'\nno_effect_exits=[true]\n", 3, "rules.x.no_effect_exits must be"),
    ("[rules.x]\nmatch='Bash'\nno_effect_output='/(/'\n", 3, "no valid regular expression"),
    ("[rules.x]\nmatch='Bash'\nno_effect_output=['/a*/']\n", 3, "matches the empty text"),
    ("[rules.x]\nmatch='Bash'\ncalls=3\n", 3, "rules.x.calls needs an effect"),
    ("[rules.x]\nmatch='Bash'\non_resume='replay'\n", 3, "rules.x.on_resume needs an effect"),
    ("[rules.x]\nmatch='Bash'\nevidence='sealed'\n", 3, "rules.x.evidence needs an effect"),
    ("[rules.x]\nmatch='Bash'\neffect='read'\nevidence='secret'\n", 4, "rules.x.evidence must be 'public' or"),
    ("[rules.x]\nmatch='Bash'\ninject='k'\n", 3, "rules.x.inject works for MCP tools alone"),
    ("[rules.x]\nmatch='Bash'\neffect='read'\nmax=2\n", 4, "rules.x.max says how a 'once' call"),
    ("[rules.x]\nmatch='Bash'\nadds=['git-branch']\n", 3, "rules.x.adds is no field"),
    ("rules = 3\n", 1, "rules must be a table"),
    ("[rules]\nx = 3\n", 2, "rules.x must be a table"),
    ('[rules]\n"" = {match="Bash"}\n', 2, "is no name for a rule"),
    ("[run]\ntool_calls = 1.0\n", 2, "run.tool_calls must be a whole"),
    ("[run]\ntokens = 0\n", 2, "run.tokens must be a whole"),
    ("[run]\nwall_clock = '0s'\n", 2, "run.wall_clock must be longer"),
    ("[run]\ncalls = 1\n", 2, "run.calls is no field"),
    ("[retention]\nread_days = 0\n", 2, "retention.read_days must be a whole number of days from 1"),
    ("[retention]\nread_days = true\n", 2, "retention.read_days must be a whole number of days from 1"),
    ("[retention]\nsealed_days = 'never'\n", 2, "retention.sealed_days must be a whole number of days from 1"),
    ("[retention]\ndays = 3\n", 2, "retention.days is no field"),
    ("[notify]\non = ['denied']\n", 1, "notify must be written [[notify]]"),
    ("[[notify]]\ncommand='x'\n", 1, "notify[1].on is missing"),
    ("[[notify]]\non=['denied']\ncommand='x'\n\n[[notify]]\non=['x']\ncommand='x'\n", 6, "notify[2].on must be"),
    ("[[notify]]\non=['denied']\ncommand='x'\njsonl='/x'\n", 3, "notify[1].command and jsonl"),
    ("[[notify]]\non=['denied']\njsonl='x'\n", 3, "notify[1].jsonl must be a path"),
    ("allow_project = 'x'\n", 1, "allow_project must be a list"),
    ("[redact]\npatterns = ['']\n", 2, "redact.patterns holds '', which matches the empty text"),
    ("rules.x.match = 'Bash'\nrules.x.max = 0\n", 2, "rules.x.max must be a whole"),
    ("rules.x = {match = 'Bash', max = 0}\n", 1, "rules.x.max must be a whole"),
    ("# max = 0\n[rules.y] # max\nmatch = 'Bash'\n'max' = 0\n", 4, "rules.y.max must be a whole"),
]


@pytest.mark.parametrize(("text", "line", "said"), WRONG)
def test_an_error_names_file_line_and_field(text: str, line: int, said: str) -> None:
    with pytest.raises(PolicyError) as wrong:
        read(text)
    assert str(wrong.value).startswith(f"{P}, line {line}: ")
    assert said in str(wrong.value)


# What pydantic finds of a whole table, it can only place at the table's head.
OF_A_TABLE = ("can't stand beside", "needs an effect", "works for MCP", "says how a", "command and jsonl")


@pytest.mark.parametrize(("text", "line", "said"), WRONG)
def test_the_models_find_the_same_lines(text: str, line: int, said: str) -> None:
    lines = {fault.line for fault in faults_of(text)}
    assert line in lines or (any(words in said for words in OF_A_TABLE) and min(lines) < line)


def test_check_finds_every_fault_at_once() -> None:
    text = "mode = 1\n[rules.x]\nmatch = 'Bash('\nmax = 0\n\n[rules.y]\nfoo = 1\nmatch='Bash'\n"
    assert [(fault.line, fault.field) for fault in faults_of(text)] == [
        (1, "mode"), (3, "rules.x.match"), (4, "rules.x.max"), (7, "rules.y.foo"),
    ]  # fmt: skip


# ---- both accept and refuse the same files ----------------------------------------------------

VALUES = st.one_of(
    st.booleans(),
    st.integers(-2, 300),
    st.sampled_from([1.0, 1.5, float("nan"), float("inf"), 10**10, 10**30]),
    st.sampled_from(
        ["", " ", "\x1c", "once", "read", "deny", "ask", "run", "global", "agent", "replay", "verify", "enforce", "90s",
         "sealed", "public", "forever",
         "7d", "9999999999d", "0s", "٣s", "Bash", "Bash(ls", "mcp__a__*", "mcp__a(x)", "/a/", "/(/", "/x*/", "/", "//",
         "~/x", "x\0y", "denied", " Bash(ls *) "]
    ),
    st.lists(
        st.sampled_from(["a", "", "Bash", "mcp__a", "denied", "failed", "/x*/", 1, 0, 255, 256, True, 1.0]), max_size=3
    ),
    st.just({}),
)  # fmt: skip
RULE_FIELDS = [
    "match", "unless", "unsandboxed", "effect", "scope", "key", "ignore", "max", "ttl", "on_duplicate", "gate", "calls",
    "probe", "probe_timeout", "settle", "no_effect_exits", "no_effect_output", "on_resume", "inject", "evidence",
    "adds", "other",
]  # fmt: skip


def table(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), VALUES, max_size=3)


RULES = st.one_of(table(RULE_FIELDS), table(RULE_FIELDS).map(lambda fields: {"match": "mcp__a", **fields}))
NOTIFY = table(["on", "command", "jsonl", "other"])
FILES = st.fixed_dictionaries(
    {},
    optional={
        "mode": VALUES,
        "allow_project": VALUES,
        "other": VALUES,
        "redact": st.one_of(VALUES, table(["enabled", "patterns", "other"])),
        "run": st.one_of(VALUES, table(["tool_calls", "tokens", "wall_clock", "max_recoveries", "other"])),
        "retention": st.one_of(VALUES, table(["public_days", "sealed_days", "read_days", "other"])),
        "rules": st.one_of(VALUES, st.dictionaries(st.sampled_from(["x", "", " ", "a\nb"]), RULES, max_size=2)),
        "notify": st.one_of(VALUES, st.lists(NOTIFY, max_size=2)),
    },
)


def toml(value: Any) -> str:
    """As inline TOML; JSON's texts are TOML's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(held)}" for name, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


@given(FILES)
def test_the_reader_and_the_models_accept_and_refuse_the_same_files(document: dict[str, Any]) -> None:
    text = "".join(f"{name} = {toml(value)}\n" for name, value in document.items())
    try:
        read(text)
        accepted = True
    except PolicyError:
        accepted = False
    faults = faults_of(text)
    assert accepted == (not faults), [(fault.field, fault.said) for fault in faults]


# ---- what is kept of it -----------------------------------------------------------------------


class Home:
    def __init__(self, root: Path) -> None:
        self.state = root / "state"
        self.state.mkdir(mode=0o700)
        create_key(str(self.state))
        self.file = root / ".config" / "durable" / "policy.toml"
        self.file.parent.mkdir(parents=True)
        self.env = {"HOME": str(root)}

    def effect(self, tool: str = "mcp__pay__charge") -> str:
        from durable.event import Call

        policy = load_policy(str(self.state), "", self.env)
        return rules_for(Call("t", tool, {}), "/", "", policy).effect

    @property
    def cache(self) -> Path:
        return Path(cache_of(str(self.state), str(self.file)))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


ONCE = rule("pay", "mcp__pay__*", effect="once")


@pytest.mark.parametrize(("old", "new"), [('"effect":"once"', '"effect":"read"'), ("mcp__pay__*", "mcp__pbx__*")])
def test_rules_that_were_changed_in_the_cache_are_compiled_anew(home: Home, old: str, new: str) -> None:
    home.file.write_text(ONCE)
    assert home.effect() == "once"
    text = home.cache.read_text()
    assert old in text
    home.cache.write_text(text.replace(old, new))
    assert home.effect() == "once"


def test_the_cache_of_another_file_is_not_believed(home: Home) -> None:
    other = home.file.with_name("other.toml")
    other.write_text(rule("pay", "mcp__pay__*", effect="read"))
    home.env["DURABLE_POLICY"] = str(other)
    home.effect()
    del home.env["DURABLE_POLICY"]
    home.file.write_text("x = 1\n")
    home.cache.write_bytes(Path(cache_of(str(home.state), str(other))).read_bytes())
    assert home.effect() == "once"


def test_a_broken_file_leaves_its_last_valid_rules(home: Home) -> None:
    home.file.write_text(ONCE)
    home.effect()
    home.file.write_text("x = 1\n")
    assert home.effect() == "once"


def test_of_a_broken_file_no_rules_are_left_where_they_were_changed(home: Home) -> None:
    home.file.write_text(ONCE)
    home.effect()
    home.cache.write_text(home.cache.read_text().replace('"effect":"once"', '"effect":"read"'))
    home.file.write_text("x = 1\n")
    policy = load_policy(str(home.state), "", home.env)
    assert (policy.blind, len(policy.layers)) == (True, 1)


def test_a_file_that_is_too_large_is_refused_and_not_cut(home: Home) -> None:
    home.file.write_text(ONCE + "#" * 1_000_000)
    policy = load_policy(str(home.state), "", home.env)
    assert "is larger than" in policy.broken
