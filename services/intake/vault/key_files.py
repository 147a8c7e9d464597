"""Key-encryption keys as files beside the platform's other secrets, one per version."""

import base64
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.secrets import (
    KEY_BYTES,
    SecretUnusable,
    destroy_secret,
    keep_names,
    make_secret,
    read_secret,
)
from services.intake.vault.key_encryption import KeyDamaged, KeyUnavailable, WrappedKey

FOLDER: Final = "kek"
#: A command's new version wraps in every process after this time.
LOOK_SECONDS: Final = 1.0
_NONCE_BYTES: Final = 12
_WRITTEN: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"([0-9]{8}T[0-9]{6}Z)\.key")


@dataclass(slots=True)
class KeyFiles:
    """`KeyEncryption` over `<folder>/<time of making>.key`: the id says the age, the last is newest.

    The folder is looked at every second, so that a version made or retired by a command soon counts
    in every process. entropy: n random bytes.
    """

    folder: Path
    entropy: Callable[[int], bytes] = field(repr=False)
    _names: frozenset[str] = field(default=frozenset(), repr=False)
    _keys: dict[str, AESGCM] = field(default_factory=dict, repr=False)
    _look_at: float = field(default=0.0, repr=False)

    async def newest(self) -> str:
        """The id of the version that wraps. Raises `KeyUnavailable`."""
        return self.ids()[-1]

    async def wrap(self, key: bytes, case_id: UUID) -> WrappedKey:
        """AES-256-GCM: nonce, ciphertext and tag, bound to case and version."""
        if monotonic() >= self._look_at:
            self._look()
        kek_id = next(reversed(self._keys))
        nonce = self.entropy(_NONCE_BYTES)
        wrapped = self._keys[kek_id].encrypt(nonce, key, _bound(kek_id, case_id))
        return WrappedKey(kek_id, nonce + wrapped)

    async def unwrap(self, wrapped: WrappedKey, case_id: UUID) -> bytes:
        """The key. Raises `KeyDamaged`, `KeyUnavailable`."""
        if wrapped.kek_id not in self._keys or monotonic() >= self._look_at:
            self._look()
        kek = self._keys.get(wrapped.kek_id)
        if kek is None:
            raise KeyUnavailable("a key-encryption key that wrapped persons' keys is not here")
        nonce, content = wrapped.wrapped[:_NONCE_BYTES], wrapped.wrapped[_NONCE_BYTES:]
        try:
            return kek.decrypt(nonce, content, _bound(wrapped.kek_id, case_id))
        except (InvalidTag, ValueError):
            raise KeyDamaged from None

    def ids(self) -> tuple[str, ...]:
        """Every version that is here, the newest last. Raises `KeyUnavailable` without any."""
        self._look()
        return tuple(self._keys)

    def make(self, at: datetime) -> str:
        """A new version, which wraps from now on; its id. ValueError when a newer one is there."""
        kek_id = at.astimezone(UTC).strftime(_WRITTEN)
        if any(known >= kek_id for known in _ids(_listed(self.folder))):
            raise ValueError(f"a key of this moment or a later one is there; the clock says {at}")
        make_secret(
            self.folder / f"{kek_id}.key", base64.urlsafe_b64encode(self.entropy(KEY_BYTES))
        )
        return kek_id

    def destroy(self, kek_id: str) -> None:
        """What it wrapped can never be opened again; ask rows and backups first."""
        destroy_secret(self.folder / f"{kek_id}.key")

    def _look(self) -> None:
        names = _listed(self.folder)
        if names != self._names:
            # Nothing may rest on a file whose name would be lost with the power.
            keep_names(self.folder)
            self._keys = {one: self._keys.get(one) or self._read(one) for one in _ids(names)}
            self._names = names
        if not self._keys:
            raise KeyUnavailable(f"no key-encryption key in {self.folder.name}/")
        self._look_at = monotonic() + LOOK_SECONDS

    def _read(self, kek_id: str) -> AESGCM:
        try:
            return AESGCM(read_secret(self.folder, f"{kek_id}.key"))
        except SecretUnusable as fault:
            raise KeyUnavailable(str(fault)) from None


def _listed(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except FileNotFoundError:
        return frozenset()


def _ids(names: frozenset[str]) -> list[str]:
    return sorted(found[1] for name in names if (found := _NAME.fullmatch(name)))


def _bound(kek_id: str, case_id: UUID) -> bytes:
    return f"siraba-person-key-1|{kek_id}|{case_id}".encode()
