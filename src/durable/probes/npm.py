"""Has `npm publish` published the version that stood in the package's manifest?"""

from __future__ import annotations

import json
import os
from typing import Any

from durable.probes.asked import Asked, CantTell, DidNotHappen, by_name, failure, known, options

VALUED = by_name(
    "--registry --tag --access --otp --prefix -C/--dir -w/--workspace -F/--filter --userconfig --cache --loglevel "
    "--provenance-file --publish-branch"
)
PUBLIC = "https://registry.npmjs.org"
SEVERAL = frozenset(("--workspace", "--workspaces", "--filter", "--recursive", "-r"))
PROGRAMS = ("npm", "pnpm")


def version(asked: Asked) -> str:
    named, plain = options(asked.words, VALUED)
    if os.path.basename(asked.words[0] or "") not in PROGRAMS:
        raise CantTell("only what npm or pnpm publish can be looked up")
    name, _, number = asked.taken.get("npm-package", "").rpartition("@")
    if not name or " " in name:
        raise CantTell("the package and its version are not known")
    registry = known(named, "--registry") or _own_registry(asked, named, plain, f"{name}@{number}")
    times = _times(asked, name, registry)
    made = times.get(number)
    if not isinstance(made, str):
        raise DidNotHappen(f"{name}@{number} is not there")
    return asked.judge([(made, f"{name}@{number} is published")], f"{name}@{number} is older")


def _own_registry(asked: Asked, named: dict[str, str | None], plain: list[str | None], package: str) -> str:
    """`publishConfig` rules where it goes to, and `npm view` does not look there."""
    base = known(named, "--prefix") or known(named, "--dir")
    own = plain[1] if len(plain) > 1 else ""
    if own is None:
        raise CantTell("what is published is not known")
    folder = os.path.normpath(os.path.join(asked.cwd, base, own))
    if not SEVERAL.isdisjoint(named) or not os.path.isdir(folder):
        raise CantTell("which folder is published is not known")
    manifest = _manifest(folder)
    if f"{manifest.get('name')}@{manifest.get('version')}" != package:
        raise CantTell(f"the manifest of {package} is not found")
    configured = manifest.get("publishConfig")
    asked.cwd = folder  # its .npmrc says where to look
    registry = configured.get("registry", "") if isinstance(configured, dict) else ""
    return registry if isinstance(registry, str) else ""


def _manifest(folder: str) -> dict[str, Any]:
    while True:
        try:
            with open(os.path.join(folder, "package.json"), encoding="utf-8") as file:
                found = json.load(file)
            return found if isinstance(found, dict) else {}
        except FileNotFoundError:
            if os.path.dirname(folder) == folder:
                return {}
            folder = os.path.dirname(folder)


def _times(asked: Asked, name: str, registry: str) -> dict[str, Any]:
    words = ("npm", "view", name, "time", "--json", *(("--registry", registry) if registry else ()))
    done = asked.run(*words)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    # A version that does not exist has no line here; a package that was withdrawn has an object in one.
    if done.returncode == 0 and isinstance(found, dict) and any(isinstance(made, str) for made in found.values()):
        return found
    if _is_unknown(found) and _is_public(asked, name, registry):
        return {}
    raise CantTell(failure(words, done))


def _is_unknown(found: object) -> bool:
    error = found.get("error") if isinstance(found, dict) else None
    return isinstance(error, dict) and error.get("code") == "E404"


def _is_public(asked: Asked, name: str, registry: str) -> bool:
    """Of a private package, and in a private registry, who may not look is told that there is nothing."""
    if name.startswith("@"):
        return False
    used = registry or asked.run("npm", "config", "get", "registry").stdout.strip()
    return used.rstrip("/") == PUBLIC
