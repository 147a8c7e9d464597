"""The platform's own keys, as files that only their owner may read."""

import base64
import binascii
from pathlib import Path

KEY_BYTES = 32


class SecretUnusable(Exception):
    """A key file is missing, open to others, or not a key; the message names the file only."""


def read_secret(folder: Path, name: str) -> bytes:
    """The 32 bytes in `<folder>/<name>` (base64url text, mode 0600). Raises `SecretUnusable`."""
    path = folder / name
    try:
        if path.stat().st_mode & 0o077:
            raise SecretUnusable(f"{name}: others may read it; chmod 600")
        text = path.read_text(encoding="ascii").strip().rstrip("=")
        # Strictly: by default Python skips what is no base64 and reads on.
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (OSError, binascii.Error, ValueError):
        raise SecretUnusable(f"{name}: missing or not base64url") from None
    if len(key) != KEY_BYTES:
        raise SecretUnusable(f"{name}: must hold {KEY_BYTES} bytes")
    return key
