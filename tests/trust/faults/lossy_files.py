"""A file system that keeps only what was fsynced: killed, it has lost the rest, as at a power cut.

Run by path: `python lossy_files.py BACKING MOUNTPOINT CONTROL`. Written bytes stay in memory until
fsync brings them to BACKING. Directory changes pass straight through. While the file CONTROL holds
"<write|fsync> <errno>", those calls fail so.
"""

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mfusepy  # type: ignore[import-untyped]  # the package ships no types

PAGE = 4096
SYNCHRONOUS = os.O_SYNC | os.O_DSYNC


@dataclass(slots=True)
class Unsynced:
    """What one file would lose: pages in memory, its size, and how much of the old file counts."""

    size: int
    floor: int
    pages: dict[int, bytearray] = field(default_factory=dict)

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        """Remember bytes; a page touched for the first time starts from what is stored."""
        at = 0
        while at < len(data):
            number, within = divmod(offset + at, PAGE)
            part = data[at : at + PAGE - within]
            page = self.pages.get(number)
            if page is None:
                page = self.pages[number] = bytearray(self._stored(descriptor, number))
            page[within : within + len(part)] = part
            at += len(part)
        self.size = max(self.size, offset + len(data))

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        """The file as its writers see it."""
        end = min(offset + size, self.size)
        if end <= offset:
            return b""
        first, last = offset // PAGE, (end - 1) // PAGE
        numbers = range(first, last + 1)
        whole = b"".join(self.pages.get(n) or self._stored(descriptor, n) for n in numbers)
        return whole[offset - first * PAGE : end - first * PAGE]

    def truncate(self, length: int) -> None:
        """Cut or lengthen; what lay behind a cut reads as zeros ever after."""
        number, within = divmod(length, PAGE)
        if length < self.size:
            self.pages = {n: page for n, page in self.pages.items() if n * PAGE < length}
            if within and number in self.pages:
                self.pages[number][within:] = bytes(PAGE - within)
        self.size, self.floor = length, min(self.floor, length)

    def sync(self, descriptor: int) -> None:
        """Bring everything to the stored file."""
        os.ftruncate(descriptor, self.floor)
        for number, page in sorted(self.pages.items()):
            os.pwrite(descriptor, page, number * PAGE)
        os.ftruncate(descriptor, self.size)

    def _stored(self, descriptor: int, number: int) -> bytes:
        room = max(0, min(PAGE, self.floor - number * PAGE))
        found = os.pread(descriptor, room, number * PAGE) if room else b""
        return found.ljust(PAGE, b"\0")


class LossyFiles(mfusepy.Operations):  # type: ignore[misc]  # untyped package
    """Paths below `root`; `control` names the calls that fail."""

    use_ns = True

    def __init__(self, root: str, control: str) -> None:
        self._root = root
        self._control = Path(control)
        self._unsynced: dict[int, Unsynced] = {}
        self._inodes: dict[int, int] = {}
        self._writing_through: set[int] = set()

    def _path(self, path: str) -> str:
        return self._root + path

    def _fail(self, call: str) -> None:
        if self._control.exists():
            wanted, number = self._control.read_text().split()
            if wanted == call:
                raise OSError(int(number), "injected")

    def _of(self, descriptor: int) -> Unsynced:
        inode = self._inodes[descriptor]
        if inode not in self._unsynced:
            size = os.fstat(descriptor).st_size
            self._unsynced[inode] = Unsynced(size, size)
        return self._unsynced[inode]

    def _opened(self, descriptor: int, flags: int) -> int:
        self._inodes[descriptor] = os.fstat(descriptor).st_ino
        if flags & os.O_TRUNC:
            self._of(descriptor).truncate(0)
        if flags & SYNCHRONOUS:
            self._writing_through.add(descriptor)
        return descriptor

    def open(self, path: str, flags: int) -> int:
        mode = os.O_RDONLY if flags & os.O_ACCMODE == os.O_RDONLY else os.O_RDWR
        return self._opened(os.open(self._path(path), mode), flags)

    def create(self, path: str, mode: int, flags: int) -> int:
        self._fail("write")
        descriptor = os.open(self._path(path), os.O_RDWR | os.O_CREAT, mode)
        uid, gid, _ = mfusepy.fuse_get_context()
        os.fchown(descriptor, uid, gid)
        return self._opened(descriptor, flags)

    def release(self, path: str, descriptor: int) -> int:
        # Closing is not syncing: what is unsynced stays so, by inode.
        os.close(descriptor)
        self._inodes.pop(descriptor)
        self._writing_through.discard(descriptor)
        return 0

    def read(self, path: str, size: int, offset: int, descriptor: int) -> bytes:
        unsynced = self._unsynced.get(self._inodes[descriptor])
        if unsynced is None:
            return os.pread(descriptor, size, offset)
        return unsynced.read(descriptor, size, offset)

    def write(self, path: str, data: bytes, offset: int, descriptor: int) -> int:
        self._fail("write")
        self._of(descriptor).write(descriptor, data, offset)
        if descriptor in self._writing_through:
            self.fsync(path, 0, descriptor)
        return len(data)

    def fsync(self, path: str, datasync: int, descriptor: int) -> int:
        self._fail("fsync")
        unsynced = self._unsynced.pop(self._inodes[descriptor], None)
        if unsynced is not None:
            unsynced.sync(descriptor)
        return 0

    def fsyncdir(self, path: str, datasync: int, descriptor: int) -> int:
        self._fail("fsync")
        return 0

    def truncate(self, path: str, length: int, descriptor: int | None = None) -> int:
        if descriptor is not None:
            self._of(descriptor).truncate(length)
            return 0
        opened = self.open(path, os.O_RDWR)
        try:
            self._of(opened).truncate(length)
        finally:
            self.release(path, opened)
        return 0

    def getattr(self, path: str, descriptor: int | None = None) -> dict[str, Any]:
        found = os.lstat(self._path(path)) if descriptor is None else os.fstat(descriptor)
        names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size")
        attributes: dict[str, Any] = {name: getattr(found, name) for name in names}
        attributes |= {f"st_{kind}time": getattr(found, f"st_{kind}time_ns") for kind in "amc"}
        unsynced = self._unsynced.get(found.st_ino)
        if unsynced is not None:
            attributes["st_size"] = unsynced.size
        return attributes

    def unlink(self, path: str) -> int:
        self._forget(path)
        os.unlink(self._path(path))
        return 0

    def rename(self, old: str, new: str) -> int:
        self._forget(new)
        os.rename(self._path(old), self._path(new))
        return 0

    def _forget(self, path: str) -> None:
        """The last name goes: its number may be another file's next."""
        if os.path.lexists(self._path(path)):
            found = os.lstat(self._path(path))
            if found.st_nlink == 1:
                self._unsynced.pop(found.st_ino, None)

    def mkdir(self, path: str, mode: int) -> int:
        os.mkdir(self._path(path), mode)
        uid, gid, _ = mfusepy.fuse_get_context()
        os.chown(self._path(path), uid, gid)
        return 0

    def rmdir(self, path: str) -> int:
        os.rmdir(self._path(path))
        return 0

    def readdir(self, path: str, descriptor: int) -> Iterable[str]:
        return [".", "..", *os.listdir(self._path(path))]

    def link(self, target: str, source: str) -> int:
        os.link(self._path(source), self._path(target))
        return 0

    def symlink(self, target: str, source: str) -> int:
        os.symlink(source, self._path(target))
        return 0

    def readlink(self, path: str) -> str:
        return os.readlink(self._path(path))

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self._path(path), mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        os.chown(self._path(path), uid, gid, follow_symlinks=False)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        now = time.time_ns()
        os.utime(self._path(path), ns=times or (now, now), follow_symlinks=False)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._path(path))
        names = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_files", "f_ffree", "f_frsize")
        return {name: getattr(found, name) for name in names}


def main(backing: str, mountpoint: str, control: str) -> None:
    """Serve until unmounted or killed. One thread: calls come one after the other, as on a disk."""
    mfusepy.FUSE(
        LossyFiles(backing, control),
        mountpoint,
        foreground=True,
        nothreads=True,
        allow_other=True,
        default_permissions=True,
        nosuid=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:4])
