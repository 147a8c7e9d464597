"""Seals a stream of any length to one X25519 key: chunks that can be neither changed, moved nor cut off.

    header   b"siraba-backup-1\\n", then the ephemeral public key (32 bytes)
    chunks   AES-256-GCM of up to 1 MiB each; nonce = number (11 bytes) and 1 for the last, else 0
    key      HKDF-SHA256 of the agreement, bound to both public keys

The construction is that of age's payload (C2SP age, STREAM); a key is used for one file alone.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_MAGIC: Final = b"siraba-backup-1\n"
_CHUNK: Final = 1024**2
_TAG: Final = 16


class BackupDamaged(ValueError):
    """A file of a backup that is not what was written, or sealed to another key."""


class Hashed:
    """Writes on, and knows the digest and the size of what it wrote."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._hash = sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """SHA-256 in hex of all that was written."""
        return self._hash.hexdigest()

    def write(self, some: bytes) -> None:
        """Write and count."""
        self._target.write(some)
        self._hash.update(some)
        self.size += len(some)


def seal_stream(source: BinaryIO, target: Hashed, *, to: X25519PublicKey) -> None:
    """Read `source` to its end and write it sealed."""
    once = X25519PrivateKey.generate()
    public = once.public_key().public_bytes_raw()
    key = _key(once.exchange(to), public, to.public_bytes_raw())
    target.write(_MAGIC + public)
    for number, (chunk, is_last) in enumerate(_chunks(source, _CHUNK)):
        target.write(key.encrypt(_nonce(number, is_last=is_last), chunk, None))


def open_stream(source: BinaryIO, target: BinaryIO, *, key: X25519PrivateKey) -> None:
    """Write what was sealed. Raises `BackupDamaged`; what was written until then is to be dropped."""
    head = source.read(len(_MAGIC) + 32)
    if len(head) != len(_MAGIC) + 32 or not head.startswith(_MAGIC):
        raise BackupDamaged("not a sealed file of a backup")
    public = head[len(_MAGIC) :]
    agreed = key.exchange(X25519PublicKey.from_public_bytes(public))
    opener = _key(agreed, public, key.public_key().public_bytes_raw())
    for number, (chunk, is_last) in enumerate(_chunks(source, _CHUNK + _TAG)):
        try:
            target.write(opener.decrypt(_nonce(number, is_last=is_last), chunk, None))
        except InvalidTag:
            raise BackupDamaged("changed, cut off, or sealed to another key") from None


def _key(agreed: bytes, once: bytes, to: bytes) -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=once + to, info=_MAGIC)
    return AESGCM(derive.derive(agreed))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _chunks(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    chunk = _whole(source, size)
    while True:
        following = _whole(source, size)
        yield chunk, not following
        if not following:
            return
        chunk = following


def _whole(source: BinaryIO, size: int) -> bytes:
    """As much as `size`: a pipe gives less than that at a time."""
    parts = []
    while size and (some := source.read(size)):
        parts.append(some)
        size -= len(some)
    return b"".join(parts)
