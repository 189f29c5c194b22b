"""Which client is installed, and whether it knows what the registration relies on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from durable.doctor.check import FAIL, PASS, UNKNOWN, WARN, Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from durable.settings.registered import RegisteredHook

NAME = "claude"
KNOWS_ON_FAILURE = (2, 1, 295)
PATIENCE_S = 10.0
VERSION = re.compile(r"\b(\d+)\.(\d+)\.(\d+)\b")
UPDATE = "update the client"


def client_checks(chosen: str, env: Mapping[str, str], home: str, guards: Sequence[RegisteredHook]) -> Iterator[Check]:
    """`home` is a scratch directory: the client leaves its own files wherever HOME points."""
    path = shutil.which(chosen or NAME, path=env.get("PATH"))
    if path is None:
        sentence = f"there is no {chosen}" if chosen else f"no {NAME} on PATH"
        yield Check(UNKNOWN, "client", sentence, "name it with --client PATH to have its version checked")
        return
    version, why = _version(path, env.get("PATH", ""), home)
    if version is None:
        yield Check(UNKNOWN, "client", f"{path} --version {why}", "see whether this client can be started at all")
        return
    yield _judged(path, version, guards)


def _judged(path: str, version: tuple[int, ...], guards: Sequence[RegisteredHook]) -> Check:
    words = ".".join(str(part) for part in version)
    if version >= KNOWS_ON_FAILURE:
        return Check(PASS, "client", f"{words} knows onFailure ({path})")
    wanted = ".".join(str(part) for part in KNOWS_ON_FAILURE)
    if all(guard.reading.guarded for guard in guards):
        sentence = f"{path} is {words}; before {wanted} a hook that is killed or times out lets the call run"
        return Check(WARN, "client", sentence, UPDATE)
    sentence = f"{path} is {words}; before {wanted} any hook that fails lets the call run, and ours has no || exit 2"
    return Check(FAIL, "client", sentence, f"{UPDATE}, and end the command in || exit 2")


def _version(path: str, search: str, home: str) -> tuple[tuple[int, ...] | None, str]:
    os.makedirs(home, exist_ok=True)
    try:
        done = subprocess.run(
            [path, "--version"],
            env={"PATH": search, "HOME": home},
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return None, f"did not end within {PATIENCE_S:g} s"
    except OSError as error:
        return None, f"can't be started ({error.strerror})"
    found = VERSION.search(done.stdout)
    if done.returncode != 0 or found is None:
        return None, f"ended with {done.returncode} and names no version"
    return tuple(int(part) for part in found.groups()), ""
