"""Dossier sections under AES-256-GCM: the only place where a person has a name."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """One encrypted section of one version."""

    section: str
    version: int
    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Vault:
    """Encrypts with one key; entropy: n random bytes, for a nonce that is used once."""

    key: bytes
    entropy: Callable[[int], bytes]

    def seal(self, case_id: UUID, dossier: Mapping[str, Mapping[str, str]]) -> list[Sealed]:
        """Each filled section by itself, bound to its case, name and version."""
        return [
            self._seal(case_id, section, dict(fields))
            for section, fields in sorted(dossier.items())
            if fields
        ]

    def open(self, case_id: UUID, sealed: Sealed) -> dict[str, str]:
        """The section's fields. Raises InvalidTag when anything was changed or swapped."""
        bound = _bound(case_id, sealed.section, sealed.version)
        fields: dict[str, str] = json.loads(
            AESGCM(self.key).decrypt(sealed.nonce, sealed.ciphertext, bound)
        )
        return fields

    def _seal(self, case_id: UUID, section: str, fields: dict[str, str]) -> Sealed:
        nonce = self.entropy(12)
        clear = json.dumps(fields, ensure_ascii=False).encode()
        ciphertext = AESGCM(self.key).encrypt(nonce, clear, _bound(case_id, section, 1))
        return Sealed(section=section, version=1, nonce=nonce, ciphertext=ciphertext)


def _bound(case_id: UUID, section: str, version: int) -> bytes:
    return f"{case_id}|{section}|{version}".encode()
