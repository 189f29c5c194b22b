"""Finds the policy files, and reads each only when it has changed.

What a file compiled to is kept in the state directory under the ledger's key, beside the hash of its
text; without the key, or with another text, it is compiled again.
"""

from __future__ import annotations

from durable.errors import DurableError, PolicyError
from durable.home import config_dir, is_within
from durable.lean import os, stat
from durable.ledger.keys import read_key
from durable.native import sha256
from durable.policy.policy import CHOSEN, ENFORCE, PROJECT, USER, Policy, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from durable.policy.compiled import Compiled

_LARGEST = 1_000_000


def load_policy(home: str, project: str, env: Mapping[str, str]) -> Policy:
    """The policy in force. An invalid file leaves its last valid content, and `broken` says so."""
    key = _spool_key(home)
    layers: list[Compiled] = []
    broken: list[tuple[str, str]] = []
    blind = False
    for origin, path in policy_files(project, env):
        try:
            text = _read(origin, path)
            if text is not None:
                layers.append(_compiled(home, key, origin, path, text))
        except PolicyError as error:
            broken.append((str(error), path))
            last = _last_valid(home, key, origin, path)
            blind = blind or last is None
            layers += [last] if last else []
    return _assembled(layers, broken, blind)


def _assembled(layers: list[Compiled], broken: list[tuple[str, str]], blind: bool) -> Policy:
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
            return _whole(file.read(_LARGEST + 1), path)
    except (FileNotFoundError, NotADirectoryError) as error:
        if origin == CHOSEN:
            raise PolicyError(
                f"DURABLE_POLICY names {path}: {error.strerror}", "name a policy file or unset it"
            ) from None
        return None
    except OSError as error:
        raise PolicyError(f"the policy {path} can't be read ({error.strerror})", "restore your access to it") from None


def _whole(text: bytes, path: str) -> bytes:
    """Half a file may be a valid one, with half of its rules."""
    if len(text) > _LARGEST:
        raise PolicyError(f"the policy {path} is larger than {_LARGEST} bytes", "make it smaller")
    return text


def _last_valid(home: str, key: bytes, origin: str, path: str) -> Compiled | None:
    from durable.policy.compiled import kept

    last = kept(home, key, path, origin)
    return last if last is not None and last.is_intact() else None


def _compiled(home: str, key: bytes, origin: str, path: str, text: bytes) -> Compiled:
    from durable.policy.compiled import compiled, keep, kept

    digest = sha256(text)
    found = kept(home, key, path, origin)
    if found is None or found.text_hash != digest:
        from durable.policy.compiler import compile_text

        found = compiled(compile_text(_decoded(text, path), path), path, digest, origin)
        keep(home, key, found)
    else:
        found.source = _decoded(text, path)
    return found


def _spool_key(home: str) -> bytes:
    try:
        return read_key(home).spool
    except DurableError:
        return b""


def _decoded(text: bytes, path: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise PolicyError(f"the policy {path} is not UTF-8", "save it as UTF-8") from None
