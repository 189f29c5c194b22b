"""The C modules behind json, sqlite3, hashlib and signal, used directly, and their public stand-ins.

The packages in front of them cost a hook more than all of its own work: `json` pulls in re and
enum, `sqlite3` datetime, `signal` enum. Private names may change between Pythons, so everything
private stands in this file with the public spelling beside it; tests hold both to one answer.
"""

from __future__ import annotations

from sys import version_info

from durable.errors import InputError

TYPE_CHECKING = False


def _native_sqlite() -> Any:
    """_sqlite3 asks functools for lru_cache and nothing else, and functools costs as much as it does itself."""
    import sys

    try:
        if "functools" not in sys.modules:
            return _with_small_functools(sys.modules)
        import _sqlite3
    except (ImportError, AttributeError, TypeError):
        import sqlite3

        return sqlite3
    return _sqlite3


def _with_small_functools(modules: dict[str, Any]) -> Any:
    from _functools import _lru_cache_wrapper as wrapper  # type: ignore[import-not-found]

    small = type(modules["sys"])("functools")
    small.lru_cache = lambda maxsize=128, typed=False: lambda function: wrapper(function, maxsize, typed, tuple)
    modules["functools"] = small
    try:
        import _sqlite3
    finally:
        del modules["functools"]
    return _sqlite3


if TYPE_CHECKING:
    import signal as signals
    import sqlite3 as sqlite
    from collections.abc import Callable
    from hashlib import sha256 as _sha256
    from typing import Any

else:
    sqlite = _native_sqlite()
    try:
        import _signal as signals
    except ImportError:
        import signal as signals
    try:
        # Looking for the one that isn't there costs as much as loading the other.
        if version_info >= (3, 12):
            from _sha2 import sha256 as _sha256
        else:
            from _sha256 import sha256 as _sha256
    except ImportError:
        from hashlib import sha256 as _sha256


__all__ = ["dumps", "hmac_sha256", "loads", "sha256", "signals", "sqlite"]


# ---- JSON, strict and canonical -------------------------------------------------------------


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:40]} is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names the same key twice")
    return found


class _Strict:
    strict = True
    object_hook = None
    object_pairs_hook = staticmethod(_unique)
    parse_float = staticmethod(_finite)
    parse_int = int
    parse_constant = staticmethod(_no_constant)
    memo: dict[str, str] = {}  # noqa: RUF012 - the pure-Python scanner reads it from the class


def _public_scanner() -> Callable[[str, int], tuple[Any, int]]:
    import json

    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
    return decoder.raw_decode


def _public_encoder() -> Callable[[Any], str]:
    import json

    return json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def _native_scanner() -> Callable[[str, int], tuple[Any, int]]:
    from _json import make_scanner

    return make_scanner(_Strict)  # type: ignore[arg-type,no-any-return,unused-ignore]


def _native_encoder() -> Callable[[Any], str]:
    from _json import encode_basestring_ascii, make_encoder

    chunks = make_encoder(None, _unserialisable, encode_basestring_ascii, None, ":", ",", True, False, False)
    return lambda value: "".join(chunks(value, 0))


def _unserialisable(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} has no JSON form")


try:
    _scan = _native_scanner()
    _encode = _native_encoder()
except (ImportError, TypeError, AttributeError):
    _scan = _public_scanner()
    _encode = _public_encoder()

_BLANK = " \t\n\r"


def loads(text: str) -> Any:
    """The one JSON value in `text`. NaN, duplicate keys, trailing text or endless nesting: InputError."""
    start = len(text) - len(text.lstrip(_BLANK))
    if start == len(text):
        raise InputError("the input is empty", "")
    try:
        value, end = _scan(text, start)
    except (StopIteration, SystemError):
        # Python 3.11's scanner reports a syntax error only if json.decoder is loaded, else SystemError.
        raise InputError("the input is no whole JSON document", "") from None
    except RecursionError:
        raise InputError("the input is nested too deeply", "") from None
    except ValueError as error:
        raise InputError(f"the input is no valid JSON ({error})", "") from None
    if text[end:].strip(_BLANK):
        raise InputError(f"the input goes on after its JSON document (at character {end})", "")
    return value


def dumps(value: Any) -> str:
    """Canonical JSON: sorted keys, no blanks, ASCII (so lone surrogates stay escaped), no NaN."""
    return _encode(value)


# ---- hashes -----------------------------------------------------------------------------------

_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def sha256(data: bytes) -> str:
    return _sha256(data).hexdigest()


def hmac_sha256(key: bytes, data: bytes) -> str:
    """RFC 2104 over the built-in SHA-256: `hmac` and OpenSSL take longer to load than to use."""
    if len(key) > _BLOCK:
        key = _sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    inner = _sha256(key.translate(_INNER) + data).digest()
    return _sha256(key.translate(_OUTER) + inner).hexdigest()
