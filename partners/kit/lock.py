"""One listener per folder: two would hand out the same message twice."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partners.kit.errors import FolderBusy

FILE = "listening.lock"


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder while listening; the system lets go when the process ends, however it ends.

    Raises `FolderBusy` when another process, or another loop of this one, holds it.
    """
    descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such lock: there the operator keeps to one listener.
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FolderBusy(f"another program already listens with {folder}") from None
