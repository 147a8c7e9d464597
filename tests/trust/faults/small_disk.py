"""A disk that fills: a small tmpfs, and a ballast file that takes all that is left of it."""

import os
from contextlib import suppress
from pathlib import Path

from tests.trust.faults import Fault, ran

_STEP = 1 << 20


class SmallDisk(Fault):
    """`folder`, which must be empty, is a disk of `mebibytes`."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        self._size = mebibytes

    def start(self) -> None:
        """Mount."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ran(
            "mount", "-t", "tmpfs", "-o", f"size={self._size}m,mode=0700", "tmpfs", str(self.folder)
        )

    def stop(self) -> None:
        """Unmount, with all that is on it."""
        if os.path.ismount(self.folder):
            ran("umount", "--lazy", str(self.folder))


class Full(Fault):
    """No byte is left on the disk that holds `folder`."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def start(self) -> None:
        """Fill it to the last byte, whatever others free meanwhile."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (_STEP, 4096, 1):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass

    def stop(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)
