"""What is taken out, what stays to the letter, and what it costs when there is nothing to take out."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.errors import PolicyError
from durable.redact import Redactor
from durable.redaction.finders import IN_CONTEXT, IN_LOWERED, find
from durable.redaction.names import secret_kind, words
from durable.redaction.patterns import SHAPES
from durable.redaction.smell import ANCHORS, lower_same_length, smells
from redact_rows import ALNUM, GHP, HARMLESS, HEX, LABELLED, MARKED, SHAPED, expected, fake, pem, unmarked

SRC = Path(__file__).resolve().parents[1] / "src"


def test_the_tables_are_as_large_as_promised():
    assert len(SHAPED) + len(LABELLED) >= 80
    assert len(HARMLESS) >= 60


@pytest.mark.parametrize(("kind", "row"), SHAPED + LABELLED)
def test_a_secret_goes_and_its_neighbours_stay(kind, row):
    redactor = Redactor()
    assert redactor.text(unmarked(row)) == expected(row, kind)
    assert redactor.found == {kind: len(MARKED.findall(row))}


@pytest.mark.parametrize(("kind", "row"), SHAPED + LABELLED)
def test_redacting_twice_is_redacting_once(kind, row):
    again = Redactor()
    assert again.text(expected(row, kind)) == expected(row, kind)
    assert again.found == {}


@pytest.mark.parametrize(("kind", "row"), SHAPED)
def test_a_shape_is_found_as_one_json_string_among_others(kind, row):
    payload = {"tool_input": {"command": unmarked(row), "description": "run it"}, "n": [1, 2.5, None, True]}
    clean = Redactor().value(payload)
    assert clean == {"tool_input": {"command": expected(row, kind), "description": "run it"}, "n": [1, 2.5, None, True]}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(text):
    redactor = Redactor()
    assert redactor.text(text) == text
    assert redactor.value({"content": text}) == {"content": text}
    assert redactor.found == {}


def test_a_key_that_names_a_secret_hides_its_whole_value():
    names = words(
        "password passwd pwd passphrase secret token api_key apiKey API-Key access_token accessToken "
        "client_secret private_key authorization Authorization credential aws_secret_access_key "
        "db_password DB_PASS x-api-key refresh_token bot_token signing_key password2"
    )
    for name in names:
        kind = secret_kind(name)
        assert kind, name
        assert Redactor().value({name: "some Words 12", "n": "x"}) == {name: f"[redacted:{kind}]", "n": "x"}


def test_a_key_that_only_sounds_like_a_secret_hides_nothing():
    names = words(
        "max_tokens tokens token_count tokenizer secretary key keys public_key primary_key sort_key "
        "password_hash passwordField next_token nextPageToken pad_token description author authors pass "
        "compass monkey secret_name secretName password_file NOPASSWD AWS::Api::ApiKey token_url "
        "has_password usePassword access_key_id session_id"
    )
    for name in names:
        assert secret_kind(name) == "", name
        assert Redactor().value({name: "some Words 12"}) == {name: "some Words 12"}


def test_a_list_under_a_secret_name_is_hidden_item_by_item_and_numbers_of_a_password_too():
    clean = Redactor().value({"password": ["ab", "cd"], "passwd": 12345678, "token": 4096, "pwd": True, "secret": None})
    hidden = "[redacted:password]"
    assert clean == {"password": [hidden, hidden], "passwd": hidden, "token": 4096, "pwd": True, "secret": None}


def test_an_argument_list_hides_what_follows_a_secret_flag():
    args = ["run", "--token", "abc", "--password", "--verbose", "-H", "X-Api-Key: abc"]
    hidden = ["run", "--token", "[redacted:token]", "--password", "--verbose", "-H", "X-Api-Key: [redacted:api-key]"]
    assert Redactor().value({"args": args}) == {"args": hidden}


def test_an_entry_of_name_and_value_is_judged_by_its_name():
    entries = [{"name": "DB_PASSWORD", "value": "x"}, {"name": "MODE", "value": "x"}]
    assert Redactor().value(entries) == [{"name": "DB_PASSWORD", "value": "[redacted:password]"}, entries[1]]


def test_the_pass_of_a_user_is_a_password_and_that_of_a_test_run_is_not():
    assert Redactor().value({"user": "me", "pass": "x"}) == {"user": "me", "pass": "[redacted:password]"}
    assert Redactor().value({"pass": "x", "fail": "y"}) == {"pass": "x", "fail": "y"}


def test_a_cookie_header_as_an_entry_loses_its_session_only():
    clean = Redactor().value({"Cookie": "theme=dark; sid=abc", "Set-Cookie": "auth=abc; Path=/; Secure"})
    assert clean == {
        "Cookie": "theme=dark; sid=[redacted:cookie]",
        "Set-Cookie": "auth=[redacted:cookie]; Path=/; Secure",
    }


def test_secrets_that_are_keys_go_and_no_entry_is_lost():
    clean = Redactor().value({GHP: 1, GHP[:-1]: 2, "a": 3})
    assert sorted(clean.values()) == [1, 2, 3]
    assert GHP[:-1] not in json.dumps(clean)
    assert Redactor().value(clean) == clean


def test_a_token_glued_to_the_end_of_a_key_goes_too():
    redactor = Redactor()
    assert redactor.text(pem("EC PRIVATE KEY") + GHP) == "[redacted:private-key][redacted:github-token]"


def test_a_key_seen_before_is_still_cleaned():
    clean = Redactor().value([{"PASSWORD=x": 1}, {"PASSWORD=x": 2}])
    assert clean == [{"PASSWORD=[redacted:password]": 1}, {"PASSWORD=[redacted:password]": 2}]


def test_overlapping_findings_become_one_and_the_best_name_wins():
    for row in (f"GITHUB_TOKEN=⟦{GHP}⟧ next", f'{{"token": "⟦{GHP}⟧"}}', f"curl -H 'Authorization: Bearer ⟦{GHP}⟧' x"):
        redactor = Redactor()
        assert redactor.text(unmarked(row)) == expected(row, "github-token")
        assert redactor.found == {"github-token": 1}
    both = Redactor((r"NAME=\S+", r"E=\S+ b"))
    assert both.text("a NAME=x b c") == "a [redacted:custom] c"


def test_the_users_own_patterns_are_applied_to_texts_and_values():
    redactor = Redactor((r"EMP-\d{4}", r"(?i)project zebra", "x*"))
    assert redactor.text("EMP-1234 on Project Zebra!") == "[redacted:custom] on [redacted:custom]!"
    assert redactor.value({"EMP-1234": ["EMP-12345"]}) == {"[redacted:custom]": ["[redacted:custom]5"]}
    assert redactor.found == {"custom": 4}


def test_a_pattern_that_matches_the_placeholder_leaves_it_alone():
    assert Redactor(("redacted", "[a-z]+")).text("PASSWORD=X a") == "PASSWORD=[redacted:password] [redacted:custom]"


def test_a_broken_pattern_is_named():
    with pytest.raises(PolicyError) as caught:
        Redactor(("fine", "(oops"))
    assert "(oops" in str(caught.value)
    assert caught.value.remedy


def test_switched_off_it_returns_what_it_got():
    payload = {"password": GHP}
    redactor = Redactor(("a",), enabled=False)
    assert redactor.value(payload) is payload
    assert redactor.text(GHP) == GHP
    assert redactor.found == {}


def test_the_payload_itself_is_not_changed():
    payload = {"password": "x", "list": [GHP]}
    Redactor().value(payload)
    assert payload == {"password": "x", "list": [GHP]}


def test_nesting_deeper_than_the_stack_is_walked():
    deep: object = GHP
    for _ in range(20_000):
        deep = [deep]
    clean = Redactor().value(deep)
    while isinstance(clean, list):
        clean = clean[0]
    assert clean == "[redacted:github-token]"


def test_an_image_is_never_damaged():
    for seed in range(5):
        raw = random.Random(seed).randbytes(200_000)
        for blob in (base64.b64encode(raw), base64.urlsafe_b64encode(raw), base64.encodebytes(raw)):
            payload = {"type": "base64", "media_type": "image/png", "data": blob.decode()}
            assert Redactor().value(payload) == payload


def test_a_letter_that_grows_when_lowered_moves_nothing():
    assert Redactor().text("\u0130\u0130 PASSWORD=x \u0130 MY_TOKEN=ab") == (
        "\u0130\u0130 PASSWORD=[redacted:password] \u0130 MY_TOKEN=[redacted:token]"
    )


HOSTILE = {
    "letters": "a" * 10**6,
    "jwt starts": "eyJ" * 10**5,
    "jwt dots": ".eyJ" * 10**5,
    "pem marks": "-----BEGIN " * 10**5,
    "pem heads": "-----BEGIN RSA PRIVATE KEY-----" * 30_000,
    "labels": "password=" * 30_000,
    "refused labels": "token:" * 30_000,
    "open quotes": 'password="' * 30_000,
    "backslashes": "password=" + "\\" * 10**6,
    "at signs": "://a:" + "@" * 10**6,
    "cookies": "cookie: a=b " * 20_000,
    "flags": "mysql -px " * 20_000,
    "placeholders": "[redacted:x]" * 50_000 + "PASSWORD=x",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_ends_and_stays_redacted(name):
    once = Redactor().text(HOSTILE[name])
    assert Redactor().text(once) == once


def test_every_shape_has_an_anchor_that_leads_to_it():
    found = {kind for kind, _ in SHAPED}
    assert {kind for kind, _ in SHAPES.values()} - found <= {"shopify-token", "telegram-token", "age-key"}
    assert list(find("shopify", ["shpat" + "_"], fake("shpat" + "_", 32, HEX), "")) != []


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from durable.redact import Redactor
redactor = Redactor()
payload = {"session_id": "ab-12", "cwd": "/home/me/src", "tool_name": "Bash", "max_tokens": 5, "tokens": 7,
           "tool_input": {"command": "pytest -q tests/test_token.py && git push origin task-list",
                          "description": "Write the password tests, then read https://example.com/a@b"},
           "todos": [{"content": "Rotate the API token", "status": "pending"}], "key": "x"}
assert redactor.value(payload) == payload
assert redactor.text("ok: 12 passed in 0.3s\\n" * 1000)
if len(sys.argv) > 2:
    assert redactor.text("PASSWORD=x") == "PASSWORD=[redacted:password]"
print(*sys.modules)
"""


def loaded_modules(*extra: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SCRIPT, str(SRC), *extra], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_harmless_payload_loads_no_patterns():
    loaded = loaded_modules()
    assert "durable.redact" in loaded
    assert not loaded & {"re", "enum", "json", "typing", "durable.redaction.patterns", "durable.redaction.labels"}


def test_a_secret_loads_them_without_site_packages():
    assert {"re", "durable.redaction.patterns"} <= loaded_modules("smell")


texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
pieces = st.one_of(
    texts,
    st.sampled_from([unmarked(row) for _, row in SHAPED + LABELLED] + HARMLESS),
    st.sampled_from(
        [
            "PASSWORD=",
            "token: ",
            '"secret": "',
            "'",
            '"',
            "\\",
            "\n",
            " ",
            "[redacted:x]",
            "]",
            "://",
            "@",
            ":",
            ";",
            "Authorization: Bearer ",
            "Cookie: sid=",
            "--token ",
            "curl -u a:",
            "mysql -p",
            "-----BEGIN PRIVATE KEY-----",
        ]
    ),
)
mixtures = st.lists(pieces, max_size=8).map("".join)
payloads = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), mixtures),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(mixtures, st.sampled_from(["password", "token", "value", "name", "cookie"])), inner),
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(mixtures)
def test_a_text_that_does_not_smell_holds_nothing_that_a_finder_would_find(text):
    lowered = lower_same_length(text)
    smelled = smells(text, lowered)
    for smell in {*IN_CONTEXT, *IN_LOWERED, "url", "private-key"} - set(smelled):
        assert list(find(smell, [], text, lowered)) == []
    for anchor, shape in ANCHORS.items():
        assert shape in smelled or list(find(shape, [anchor], text, lowered)) == []


@settings(max_examples=400, deadline=None)
@given(mixtures)
def test_whatever_the_text_twice_is_once(text):
    once = Redactor().text(text)
    assert Redactor().text(once) == once


@settings(max_examples=200, deadline=None)
@given(payloads)
def test_whatever_the_payload_twice_is_once_and_the_shape_stays(payload):
    once = Redactor().value(payload)
    assert Redactor().value(once) == once
    assert shape(once) == shape(payload)


def shape(value: object) -> object:
    if isinstance(value, dict):
        return [shape(inner) for inner in value.values()]
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return isinstance(value, bool), value is None


plain = st.text("abcdefgh ij,.\u00e9\u5bc6\ud800\n", max_size=30)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(plain, st.sampled_from(SHAPED)), min_size=1, max_size=4), plain)
def test_text_between_secrets_stays_to_the_letter(parts, end):
    marked = [(before + "\n\n", kind, row) for before, (kind, row) in parts if "cut" not in row]
    text = "".join(before + unmarked(row) + "\n\n" for before, _, row in marked) + end
    clean = "".join(before + expected(row, kind) + "\n\n" for before, kind, row in marked) + end
    assert Redactor().text(text) == clean


@settings(max_examples=200, deadline=None)
@given(st.text(ALNUM, min_size=20, max_size=40), plain)
def test_the_report_holds_kinds_and_counts_never_the_secret(secret, around):
    redactor = Redactor()
    clean = redactor.value({"password": secret, "text": f"{around}\nDB_PASSWORD={secret}\n{around}"})
    assert secret not in json.dumps(clean)
    assert redactor.found == {"password": 2}
