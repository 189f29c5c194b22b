"""Finds the policy files, and reads each only when it has changed.

What a file compiled to is kept in the state directory beside the hash of its text and under the
ledger's key; without the key, or with another text, it is compiled again.
"""

from __future__ import annotations

import os
import stat

from durable.errors import DurableError, PolicyError
from durable.home import config_dir, is_within
from durable.ledger.files import write_new
from durable.ledger.keys import read_key
from durable.native import dumps, hmac_sha256, loads, sha256
from durable.policy.policy import CHOSEN, ENFORCE, PROJECT, USER, Policy, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_CACHE = "policy.cache"
_LARGEST = 1_000_000


def load_policy(home: str, project: str, env: Mapping[str, str]) -> Policy:
    """The policy in force. An invalid file leaves its last valid content, and `broken` says so."""
    cache = _Cache(home)
    layers: list[tuple[str, dict[str, Any]]] = []
    broken: list[tuple[str, str]] = []
    blind = False
    for origin, path in policy_files(project, env):
        try:
            text = _read(origin, path)
            if text is not None:
                layers.append((origin, cache.compiled(path, text)))
        except PolicyError as error:
            broken.append((str(error), path))
            last = cache.last_valid(path)
            blind = blind or last is None
            layers.append((origin, last or {}))
    cache.keep()
    return _assembled(layers, broken, blind)


def _assembled(layers: list[tuple[str, dict[str, Any]]], broken: list[tuple[str, str]], blind: bool) -> Policy:
    policy = merged(layers)
    policy.blind = blind
    if broken:
        # The mode stands in these files: if one can't be read, neither can the mode.
        policy.mode = ENFORCE
        policy.broken, policy.broken_file = broken[0]
    return policy


def policy_files(project: str, env: Mapping[str, str]) -> list[tuple[str, str]]:
    users = f"{config_dir(env)}/policy.toml"
    found = [(PROJECT if is_within(users, project) else USER, users)]
    if project:
        found.append((PROJECT, f"{project}/.durable/policy.toml"))
    chosen = env.get("DURABLE_POLICY", "")
    if chosen:
        found.append((PROJECT if is_within(chosen, project) else CHOSEN, chosen))
    return found


def _read(origin: str, path: str) -> bytes | None:
    if not path.startswith("/"):
        raise PolicyError(f"DURABLE_POLICY is not an absolute path ({path!r})", "set it to an absolute path")
    try:
        # Non-blocking: a FIFO in a policy's place must not cost the hook its deadline.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PolicyError(f"the policy {path} is no plain file", "put a file there or take it away")
            return file.read(_LARGEST)
    except (FileNotFoundError, NotADirectoryError) as error:
        if origin == CHOSEN:
            raise PolicyError(
                f"DURABLE_POLICY names {path}: {error.strerror}", "name a policy file or unset it"
            ) from None
        return None
    except OSError as error:
        raise PolicyError(f"the policy {path} can't be read ({error.strerror})", "restore your access to it") from None


class _Cache:
    """Never trusted without its MAC, never needed: whatever is wrong with it, files are compiled anew."""

    def __init__(self, home: str) -> None:
        self._path = f"{home}/{_CACHE}"
        self._changed = False
        self._key = _spool_key(home)
        self._files = self._load()

    def compiled(self, path: str, text: bytes) -> dict[str, Any]:
        known = self._files.get(path)
        digest = sha256(text)
        if known is None or known["digest"] != digest:
            from durable.policy.compiler import compile_text

            known = {"digest": digest, "fields": compile_text(_decoded(text, path), path)}
            self._files[path] = known
            self._changed = True
        fields: dict[str, Any] = known["fields"]
        return fields

    def last_valid(self, path: str) -> dict[str, Any] | None:
        fields: dict[str, Any] | None = self._files.get(path, {"fields": None})["fields"]
        return fields

    def keep(self) -> None:
        if not self._changed or not self._key:
            return
        text = dumps(self._files)
        try:
            write_new(self._path, dumps({"files": self._files, "mac": _mac(self._key, text)}).encode())
        except OSError:
            return  # The next hook compiles again; nothing depends on the cache.

    def _load(self) -> dict[str, Any]:
        if not self._key or not os.path.exists(self._path):
            return {}
        try:
            with open(self._path, encoding="ascii") as file:
                kept = loads(file.read())
            if kept["mac"] != _mac(self._key, dumps(kept["files"])):
                return {}
        except (OSError, ValueError, DurableError, TypeError, KeyError):
            return {}
        files: dict[str, Any] = kept["files"]
        return files


def _spool_key(home: str) -> bytes:
    try:
        return read_key(home).spool
    except DurableError:
        return b""


def _mac(key: bytes, text: str) -> str:
    return hmac_sha256(key, b"policy\n" + text.encode())


def _decoded(text: bytes, path: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise PolicyError(f"the policy {path} is not UTF-8", "save it as UTF-8") from None
