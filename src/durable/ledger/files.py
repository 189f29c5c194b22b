"""Files that are either whole or not there: written beside, synced, renamed into place."""

from __future__ import annotations

from durable.lean import os

BESIDE = ".new"  # what a crash leaves under such a name was never finished
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def write_new(path: str, data: bytes) -> None:
    """Replaces `path` in one step. After a crash either the old or the new content stands there."""
    beside = path + BESIDE
    write_synced(beside, data)
    os.replace(beside, path)
    sync_dir(os.path.dirname(path))


def write_synced(path: str, data: bytes) -> None:
    descriptor = os.open(path, _CREATE, 0o600)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_synced(source: str, path: str) -> None:
    from_ = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    to = os.open(path, _CREATE, 0o600)
    try:
        while part := os.read(from_, 1 << 20):
            write_all(to, part)
        os.fsync(to)
    finally:
        os.close(from_)
        os.close(to)


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_dir(path: str) -> None:
    """A rename lasts only once its directory is on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
