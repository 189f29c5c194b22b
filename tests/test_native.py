"""The private modules and their public stand-ins give one answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable import native
from durable.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
BROKEN = ["", "  ", "{", '{"a":', "[1,]", "nul", "NaN", "[Infinity]", "1e999", "-1e999", '{"a":1,"a":2}', "{} {}",
          "[" * 100_000, '"\t"', "9" * 5000, "\x00", "\ufeff{}"]  # fmt: skip


@given(VALUES)
def test_both_encoders_write_the_same_canonical_text(value: object) -> None:
    assert native.dumps(value) == native._public_encoder()(value)
    assert native.dumps(value).isascii()


@given(VALUES)
def test_both_scanners_read_back_what_was_written(value: object) -> None:
    text = native.dumps(value)
    assert native.loads(text) == value
    assert native._public_scanner()(text, 0)[0] == native.loads(text)


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_strict_json_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        native.loads(text)


@pytest.mark.parametrize("text", BROKEN)
def test_the_public_scanner_refuses_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_scan", native._public_scanner())
    with pytest.raises(InputError):
        native.loads(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": -math.inf}, {1, 2}, b"bytes"])
def test_what_has_no_json_form_is_not_written(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        native.dumps(value)


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_the_mac_is_that_of_the_standard_library(key: bytes, data: bytes) -> None:
    assert native.hmac_sha256(key, data) == hmac.new(key, data, "sha256").hexdigest()
    assert native.sha256(data) == hashlib.sha256(data).hexdigest()


def pythons() -> list[str]:
    """This one, and whatever else of 3.11 or later can be found on PATH."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += [bin_ for folder in folders if folder.name == "shims" for bin_ in folder.parent.glob("versions/*/bin")]
    found = [folder / f"python3.{minor}" for folder in folders for minor in range(11, 16)]
    return sorted({sys.executable, *(str(path) for path in found if path.parent.name != "shims" and works(path))})


def works(path: Path) -> bool:
    return os.access(path, os.X_OK) and subprocess.run([path, "-I", "-S", "-c", ""], check=False).returncode == 0


ANSWERS = """
import sys
sys.path.append({src!r})
from durable.native import dumps, hmac_sha256, loads, sqlite, signals
assert "json" not in sys.modules and "collections" not in sys.modules, "the private modules were not used"
connection = sqlite.connect(":memory:", isolation_level=None)
rows = [connection.execute("SELECT :a + 1", {{"a": n}}).fetchone()[0] for n in range(3)]
print(dumps([loads(' {{"b": [1, 2.50, "\\\\ud800\\u00e9"], "a": null}} '), rows, hmac_sha256(b"k", b"d")]))
try:
    import functools
    functools.partial(print)
except AttributeError:
    print("the small functools stayed behind")
"""


@pytest.mark.parametrize("python", pythons())
def test_every_python_here_gives_the_same_answers(python: str) -> None:
    source = ANSWERS.format(src=str(ROOT / "src"))
    done = subprocess.run([python, "-I", "-S", "-c", source], capture_output=True, text=True, check=False)
    mac = hmac.new(b"k", b"d", "sha256").hexdigest()
    expected = json.dumps([{"a": None, "b": [1, 2.5, "\ud800é"]}, [1, 2, 3], mac], separators=(",", ":"))
    assert (done.stdout.strip(), done.returncode) == (expected, 0), done.stderr
