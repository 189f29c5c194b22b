"""Is a host out there, where a second request creates a second thing, or on this machine or network? Pure."""

from __future__ import annotations

from durable.policy.patterns import host_of

LOCAL_NAMES = (
    "localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "svc", "test", "invalid", "example",
    "localdomain",
)  # fmt: skip


def is_public(url: str) -> bool:
    """A host that stands in a variable may be any: it counts as public."""
    if url.startswith((":", "/")):
        return False  # httpie's `:8000/path`
    host = host_of(url if "://" in url else f"http://{url}")
    if "$" in host or "`" in host or not host:
        return True
    if ":" in host:
        return not _is_private_v6(host)
    parts = host.split(".")
    if host.startswith("0x"):
        return False  # nobody spells a public address like that
    if all(part.isascii() and part.isdigit() for part in parts):
        return not _is_private_v4(parts)
    # A name without a dot is one of this network: `http://api:8080`.
    return len(parts) > 1 and parts[-1] not in LOCAL_NAMES


def _is_private_v4(parts: list[str]) -> bool:
    if len(parts) != 4:
        return True  # 2130706433 and 127.1 are other spellings of loopback
    first, second = int(parts[0]), int(parts[1])
    return (
        first in (0, 10, 127)
        or (first == 172 and 16 <= second < 32)
        or (first, second) in ((192, 168), (169, 254))
        or (first == 100 and 64 <= second < 128)
    )


def _is_private_v6(host: str) -> bool:
    if host in ("::", "::1") or host[:2] in ("fc", "fd") or host[:3] in ("fe8", "fe9", "fea", "feb"):
        return True
    mapped = host.rpartition(":")[2]
    return host.startswith("::ffff:") and "." in mapped and _is_private_v4(mapped.split("."))
