"""Power cuts and failing syncs: a mounted file system that loses what was not fsynced."""

import ctypes
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.trust.faults import Fault, need

_PROGRAM = Path(__file__).with_name("lossy_files.py")
_DETACH = 2


class LossyDisk(Fault):
    """`folder` lies on a disk that forgets; what the folder held before is on it.

    The disk itself is the folder beside it, `<folder>.disk`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._backing = folder.with_name(f"{folder.name}.disk")
        self._control = folder.with_name(f"{folder.name}.control")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Mount."""
        need("fuse3", "libfuse3-3")
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._backing.exists():
            self.folder.rename(self._backing)
            self.folder.mkdir()
        self._mount()

    def stop(self) -> None:
        """Unmount."""
        self._control.unlink(missing_ok=True)
        self._end()

    def cut(self) -> None:
        """The lights go out: whatever was not fsynced is gone, and every call fails until `back`."""
        self._end()

    def back(self) -> None:
        """The lights go on: the folder holds what was synced."""
        self._mount()

    @contextmanager
    def failing(self, call: str, number: int = errno.EIO) -> Iterator[None]:
        """While the block runs, each "write" or "fsync" fails with this error number."""
        draft = self._control.with_suffix(".draft")
        draft.write_text(f"{call} {number}")
        draft.replace(self._control)
        try:
            yield
        finally:
            self._control.unlink()

    def _mount(self) -> None:
        places = map(str, (self._backing, self.folder, self._control))
        command = [sys.executable, str(_PROGRAM), *places]
        self._process = subprocess.Popen(command, start_new_session=True)
        end = time.monotonic() + 20
        while not os.path.ismount(self.folder):
            assert self._process.poll() is None, "the lossy file system ended at start"
            assert time.monotonic() < end, "the lossy file system does not mount"
            time.sleep(0.01)

    def _end(self) -> None:
        if self._process is None:
            return
        # Killed, not asked: only so is it sure that nothing in memory reaches the disk.
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None
        _unmount(self.folder)


def _unmount(folder: Path) -> None:
    """At once, also while a dying process still holds files open there."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(folder), _DETACH) != 0:
        raise OSError(ctypes.get_errno(), f"umount {folder}")
