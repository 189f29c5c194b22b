"""What makes two calls the same call, and what keeps two calls apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.fingerprint import fingerprint, input_hash

KEY = b"k" * 32
INPUTS = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    max_size=5,
)


def mark(given_input: dict[str, object], tool: str = "mcp__pay__charge", cwd: str = "/a", key: bytes = KEY) -> str:
    return fingerprint(key, tool, given_input, cwd)


@given(INPUTS)
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert mark(value) == mark(dict(reversed(value.items())))


@given(INPUTS)
def test_composed_and_decomposed_text_is_the_same(value: dict[str, object]) -> None:
    other = {
        name: unicodedata.normalize("NFD", item) if isinstance(item, str) else item for name, item in value.items()
    }
    assert mark(value) == mark(other)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (99.99, 99.9900000001), (0.1 + 0.2, 0.3), ([1.0], [1])])
def test_numbers_that_mean_the_same_are_the_same(one: object, other: object) -> None:
    assert mark({"n": one}) == mark({"n": other})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (1, "1"),
        (True, "true"),
        (None, 0),
        (1e-9, 0),
        (1e-9, 2e-9),
        (99.99, 99.98),
        ("", None),
        ([], {}),
        (0, False),
    ],
)
def test_values_that_mean_something_else_stay_apart(one: object, other: object) -> None:
    assert mark({"n": one}) != mark({"n": other})


def test_what_a_model_rewords_is_left_out() -> None:
    plain = mark({"command": "make"}, "Bash")
    assert plain == mark({"command": "make", "description": "Build", "timeout": 5, "run_in_background": True}, "Bash")
    assert plain != mark({"command": "make test"}, "Bash")


def test_a_command_is_another_one_in_another_directory() -> None:
    assert mark({"command": "make"}, "Bash", "/a") != mark({"command": "make"}, "Bash", "/b")
    assert mark({"file_path": "/x"}, "Read", "/a") == mark({"file_path": "/x"}, "Read", "/b")


def test_a_fingerprint_says_nothing_without_the_key() -> None:
    assert mark({"n": 1}) != mark({"n": 1}, key=b"j" * 32)
    assert mark({"n": 1}) != mark({"n": 1}, tool="mcp__pay__refund")


def test_the_input_hash_is_of_the_input_to_the_letter() -> None:
    assert input_hash(KEY, {"n": 1}) != input_hash(KEY, {"n": 1.0})
    assert input_hash(KEY, {"a": 1, "b": 2}) == input_hash(KEY, {"b": 2, "a": 1})
