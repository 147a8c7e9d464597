"""Passwords as Argon2id, and the keys of one-time codes sealed: what a copy of the tables is worth."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

#: RFC 9106 §4, the second recommended choice: 64 MiB, three passes, four lanes.
MEMORY_KIB, PASSES, LANES, LENGTH, SALT = 64 * 1024, 3, 4, 32, 16
NONCE = 12
#: So many at once: whoever floods the door must not take all memory or both cores.
AT_ONCE = 2


@dataclass(slots=True)
class Credentials:
    """key: 32 bytes of referral alone; entropy: random bytes, so many."""

    key: bytes = field(repr=False)
    entropy: Callable[[int], bytes]
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def hashed(self, password: str) -> str:
        """The password's digest, with what it was made with (PHC text)."""
        async with self._room:
            return await asyncio.to_thread(
                _argon(self.entropy(SALT)).derive_phc_encoded, password.encode()
            )

    async def fits(self, password: str, digest: str | None) -> bool:
        """Whether it is this password; without a digest the same work is done for nothing."""
        if digest is None:
            await self.hashed(password)
            return False
        async with self._room:
            return await asyncio.to_thread(_fits, password, digest)

    def seal(self, code_key: bytes, account_id: UUID) -> bytes:
        """What is kept of the key of an account's codes."""
        nonce = self.entropy(NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, code_key, account_id.bytes)

    def open(self, sealed: bytes, account_id: UUID) -> bytes:
        """The key of an account's codes. Raises InvalidTag where it is another account's."""
        return AESGCM(self.key).decrypt(sealed[:NONCE], sealed[NONCE:], account_id.bytes)


def _argon(salt: bytes) -> Argon2id:
    return Argon2id(
        salt=salt, length=LENGTH, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB
    )


def _fits(password: str, digest: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), digest)
    except InvalidKey:
        return False
    return True
