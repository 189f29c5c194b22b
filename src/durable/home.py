"""Where the state lives, and whether it may be trusted.

The defaults are those of platformdirs, spelled out because importing it costs more than the hook;
a test holds the two together.
"""

from __future__ import annotations

import sys

from durable.errors import HomeError
from durable.lean import os, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OURS = "durable"
_STATE_FILES = frozenset(("heads", "hook.log", "key", "ledger.db"))
_CONFIG_FILES = frozenset(("off.json", "spool", "policy.toml"))
_ROOMS = frozenset(("heads", "locks", "spool"))
LEDGER_SCHEME = "sqlite://"


def data_home(env: Mapping[str, str] = os.environ) -> str:
    """The state directory: beside DURABLE_LEDGER, else DURABLE_HOME, else the user's data directory."""
    url = env.get("DURABLE_LEDGER", "")
    if url:
        return _beside(url)
    chosen = env.get("DURABLE_HOME", "")
    if chosen:
        return _absolute(chosen, "DURABLE_HOME")
    return _user_dir(env, "XDG_DATA_HOME", ".local/share")


def config_dir(env: Mapping[str, str] = os.environ) -> str:
    return _user_dir(env, "XDG_CONFIG_HOME", ".config")


def _beside(url: str) -> str:
    path = url.removeprefix(LEDGER_SCHEME)
    if path == url or os.path.basename(path) != "ledger.db":
        raise HomeError(
            f"DURABLE_LEDGER names a ledger this version can't open ({url.split(':', 1)[0]})",
            "set it to sqlite:///absolute/path/ledger.db or unset it",
        )
    return _absolute(os.path.dirname(path), "DURABLE_LEDGER")


def _absolute(path: str, name: str) -> str:
    if not path.startswith("/"):
        raise HomeError(f"{name} is not an absolute path ({path!r})", f"set {name} to an absolute path")
    return _single(os.path.normpath(path))


def _single(path: str) -> str:
    """POSIX lets two slashes in front mean something else, and normpath keeps them."""
    return "/" + path.lstrip("/")


def _user_dir(env: Mapping[str, str], variable: str, fallback: str) -> str:
    home = env.get("HOME", "")
    if sys.platform == "darwin":
        return f"{_home(home)}/Library/Application Support/{_OURS}"
    base = env.get(variable, "").strip()
    # The XDG specification: a relative path here is invalid and to be ignored.
    return _single(f"{base.rstrip('/')}/{_OURS}") if base.startswith("/") else f"{_home(home)}/{fallback}/{_OURS}"


def _home(home: str) -> str:
    if not home.startswith("/"):
        raise HomeError("HOME is not set to an absolute path", "set HOME to your home directory")
    return _single(home.rstrip("/")).rstrip("/")


def is_within(path: str, project: str) -> bool:
    """A cloned project's settings can set our environment, but only to a file that it brought along."""
    if not project:
        return False
    root = os.path.realpath(project).rstrip("/") + "/"
    return os.path.realpath(path).startswith(root) and not _account_home().startswith(root)


def _account_home() -> str:
    """Who works in the home directory itself has not cloned it. HOME could be set by a project."""
    import pwd

    try:
        return os.path.realpath(pwd.getpwuid(os.geteuid()).pw_dir).rstrip("/") + "/"
    except KeyError:
        return ""


def command() -> str:
    """The full path of a `durable` that a person can run as it stands here."""
    package = os.path.dirname(os.path.abspath(__file__))
    found = [path for path in _commands(package) if os.path.exists(path)]
    return _quoted((found or _commands(package))[0])


def _commands(package: str) -> list[str]:
    """Of a checkout; of the environment that the package stands in; of the Python that runs it."""
    up = os.path.normpath
    return [
        up(f"{package}/../../bin/{_OURS}"),
        up(f"{package}/../../../../bin/{_OURS}"),
        os.path.join(os.path.dirname(sys.executable), _OURS),
    ]


def _quoted(path: str) -> str:
    plain = all(char.isalnum() or char in "/._-+@%" for char in path)
    return path if plain else "'" + path.replace("'", "'\\''") + "'"


def secure_dir(path: str) -> None:
    """Makes `path` a directory of ours with mode 0700, or refuses it. Never closes what others use."""
    try:
        if not os.path.isdir(path):
            _make(path)
        found = os.lstat(path)
    except OSError as error:
        remedy = f"make it a directory of yours, or {_elsewhere()}"
        raise HomeError(f"{path} can't be used ({error.strerror})", remedy) from None
    if not stat.S_ISDIR(found.st_mode):
        raise HomeError(f"{path} is a symbolic link", f"put a real directory there, or {_elsewhere()}")
    _check_ours(path, found)
    if not _is_fit(path, found.st_mode):
        raise HomeError(f"{path} is no directory for durable's files alone", f"empty it, or {_elsewhere()}")
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)


def _make(path: str) -> None:
    """With what is missing above it, and lasting: a power cut must not take the directory away again,
    and with it what is promised in there, however well that is synced."""
    from durable.ledger.files import sync_dir

    missing = [path]
    while not os.path.isdir(os.path.dirname(missing[-1])):
        missing.append(os.path.dirname(missing[-1]))
    os.makedirs(path, 0o700, exist_ok=True)
    for made in missing:
        sync_dir(os.path.dirname(made))


def is_ours(path: str) -> bool:
    """Whether it is a directory of ours and no link, without making or changing anything."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and _is_fit(path, found.st_mode)


def _is_fit(path: str, mode: int) -> bool:
    """For root / and /tmp are directories of its own too: closed to others, the machine stands still."""
    if path == "/" or mode & stat.S_ISVTX:
        return False
    return not mode & 0o077 or _holds_ours(path) or _is_room(path)


def _is_room(path: str) -> bool:
    above, name = os.path.split(path)
    return name in _ROOMS and _holds_ours(above)


def _holds_ours(path: str) -> bool:
    """Or nothing at all."""
    try:
        names = set(os.listdir(path))
    except OSError:
        return False
    return not names or bool(names & (_STATE_FILES | _CONFIG_FILES))


def check_file(path: str) -> bool:
    """Whether the file exists. One that is a link, no plain file, or somebody else's is refused."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        remedy = f"restore your access to it, or {_elsewhere()}"
        raise HomeError(f"{path} can't be read ({error.strerror})", remedy) from None
    if stat.S_ISLNK(found.st_mode):
        raise HomeError(f"{path} is a symbolic link", f"put the real file there, or {_elsewhere()}")
    if not stat.S_ISREG(found.st_mode):
        raise HomeError(f"{path} is no plain file", f"move it away and run {command()} doctor, or {_elsewhere()}")
    _check_ours(path, found)
    return True


def _check_ours(path: str, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        remedy = f"chown it to yourself, or {_elsewhere()}"
        raise HomeError(f"{path} belongs to another user (uid {found.st_uid})", remedy)


def _elsewhere() -> str:
    return "set DURABLE_HOME to another one"
