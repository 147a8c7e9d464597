"""What keeps persons' keys: a wrapping that can be filled by files, a KMS or OpenBao."""

from typing import NamedTuple, Protocol
from uuid import UUID


class KeyUnavailable(Exception):
    """The key-encryption key is not within reach now; the message names it, the data are whole."""


class KeyDamaged(Exception):
    """A wrapped key that is not what was wrapped: changed, or another person's."""


class WrappedKey(NamedTuple):
    """A person's key under the key-encryption key `kek_id`; worth nothing without that one."""

    kek_id: str
    wrapped: bytes


class KeyEncryption(Protocol):
    """Wraps 32-byte keys; every version that was ever used still unwraps, the newest wraps.

    Each key is bound to its case and to the version, so that no row can stand for another.
    """

    async def newest(self) -> str:
        """The version that wraps from now on. Raises `KeyUnavailable`."""

    async def wrap(self, key: bytes, case_id: UUID) -> WrappedKey:
        """Under the newest version. Raises `KeyUnavailable`."""

    async def unwrap(self, wrapped: WrappedKey, case_id: UUID) -> bytes:
        """The key. Raises `KeyDamaged`, `KeyUnavailable`."""
