"""What the state directory stands on: will it last, can it be locked, is there room?"""

from __future__ import annotations

import os
import sys

from durable.doctor.check import FAIL, PASS, UNKNOWN, WARN, Check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MOUNTS = "/proc/self/mountinfo"
SHARED = "is shared with other machines: locks and syncs there can't be relied on"
GUEST = "belongs to the machine outside this one: locks and syncs there can't be relied on"
TROUBLE = {
    **dict.fromkeys(("afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "lustre", "ncpfs"), SHARED),
    **dict.fromkeys(("nfs", "nfs4", "smb", "smb2", "smb3", "smbfs"), SHARED),
    **dict.fromkeys(("fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"), SHARED),
    **dict.fromkeys(("9p", "drvfs", "fakeowner", "prl_fs", "vboxsf", "virtiofs", "vmhgfs"), GUEST),
    **dict.fromkeys(("fuse.grpcfuse", "fuse.osxfs"), GUEST),
    **dict.fromkeys(("tmpfs", "ramfs"), "lies in memory: it does not survive a restart"),
    **dict.fromkeys(("overlay", "aufs"), "is a container's own layer: it goes away with the container"),
}
LITTLE, TOO_LITTLE = 200 << 20, 20 << 20
ELSEWHERE = "set DURABLE_HOME to a directory on a lasting local disk, in the settings' `env`"


def disk_checks(home: str) -> Iterator[Check]:
    there = _nearest(home)
    yield _file_system(there)
    yield _space(there)


def kind_of(path: str, mountinfo: str) -> str:
    """The type of the file system that `path` stands on; empty if the table does not say."""
    best, found = -1, ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        if len(left.split()) < 5 or not right.split():
            continue
        point = _unescaped(left.split()[4])
        # Of two mounts on one point the later one covers the other.
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= best:
            best, found = len(point), right.split()[0]
    return found


def _file_system(path: str) -> Check:
    name = "file system"
    if sys.platform != "linux":
        return Check(UNKNOWN, name, f"what {path} stands on can't be known here", "see to it that it is a local disk")
    kind = kind_of(path, _read(MOUNTS))
    if not kind:
        return Check(UNKNOWN, name, f"what {path} stands on can't be known: {MOUNTS} does not say", "")
    if kind in TROUBLE:
        return Check(WARN, name, f"{path} ({kind}) {TROUBLE[kind]}", ELSEWHERE)
    if kind.startswith("fuse."):
        return Check(WARN, name, f"whether locks and syncs in {path} ({kind}) can be relied on is not known", ELSEWHERE)
    return Check(PASS, name, f"{kind}, a local disk")


def _space(path: str) -> Check:
    found = os.statvfs(path)
    free = found.f_bavail * found.f_frsize
    words = f"{free >> 20:,} MiB are free"
    if free < TOO_LITTLE or (found.f_files and not found.f_favail):
        sentence = f"{words} in {path}: calls are denied once nothing can be written"
        return Check(FAIL, "disk space", sentence, "free some space")
    if free < LITTLE:
        return Check(WARN, "disk space", f"{words} in {path}", "free some space")
    return Check(PASS, "disk space", words)


def _nearest(path: str) -> str:
    """The directory itself, or where it would be made."""
    path = os.path.realpath(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _unescaped(text: str) -> str:
    # The kernel writes blank, tab, line break and backslash as three octal digits.
    for code in ("040", "011", "012", "134"):
        text = text.replace("\\" + code, chr(int(code, 8)))
    return text


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
