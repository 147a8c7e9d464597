"""The platform's own keys, as files that only their owner may read."""

import base64
import binascii
import os
from contextlib import suppress
from pathlib import Path

KEY_BYTES = 32


class SecretUnusable(Exception):
    """A key file is missing, open to others, or not a key; the message names the file only."""


def read_secret(folder: Path, name: str) -> bytes:
    """The 32 bytes in `<folder>/<name>` (base64url text, mode 0600). Raises `SecretUnusable`."""
    try:
        text = read_private(folder, name).decode("ascii").strip().rstrip("=")
        # Strictly: by default Python skips what is no base64 and reads on.
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise SecretUnusable(f"{name}: missing or not base64url") from None
    if len(key) != KEY_BYTES:
        raise SecretUnusable(f"{name}: must hold {KEY_BYTES} bytes")
    return key


def read_private(folder: Path, name: str) -> bytes:
    """What `<folder>/<name>` holds, when only its owner may read it. Raises `SecretUnusable`."""
    path = folder / name
    try:
        if path.stat().st_mode & 0o077:
            raise SecretUnusable(f"{name}: others may read it; chmod 600")
        return path.read_bytes()
    except OSError:
        raise SecretUnusable(f"{name}: missing or unreadable") from None


def make_secret(path: Path, content: bytes) -> bool:
    """Write a file that only its owner can read, on disk when this returns; False if it is there.

    Whoever comes first wins, whole: of two processes one has made it and both read the same.
    """
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = _drafted(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
        keep_names(path.parent)
    return True


def replace_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all, on disk when this returns."""
    _drafted(path, content).replace(path)
    keep_names(path.parent)


def _drafted(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def destroy_secret(path: Path) -> None:
    """Overwrite and remove a key file; what a disk or a snapshot keeps of it is beyond us."""
    with suppress(FileNotFoundError):
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    keep_names(path.parent)


def keep_names(folder: Path) -> None:
    """Return when the names in a folder are on disk: a key without a name is lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
