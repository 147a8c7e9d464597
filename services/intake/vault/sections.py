"""One section of one dossier under its person's key, bound to its case, name and version."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class SectionDamaged(Exception):
    """A section that is not what was sealed here: changed, or from another case or version."""

    def __init__(self, section: str):
        super().__init__(f"section {section} is damaged")
        self.section = section


class Place(NamedTuple):
    """Where a section belongs; it opens nowhere else."""

    case_id: UUID
    section: str
    version: int

    @property
    def bound(self) -> bytes:
        """The associated data: no two places have the same."""
        return f"siraba-section-1|{self.case_id}|{self.section}|{self.version}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSection:
    """One encrypted section of one version."""

    section: str
    version: int
    nonce: bytes
    ciphertext: bytes


def seal_section(
    fields: Mapping[str, str],
    place: Place,
    *,
    person_key: bytes,
    entropy: Callable[[int], bytes],
) -> SealedSection:
    """AES-256-GCM; entropy: n random bytes, for a nonce that is used once."""
    nonce = entropy(NONCE_BYTES)
    clear = json.dumps(dict(fields), ensure_ascii=False).encode()
    ciphertext = AESGCM(person_key).encrypt(nonce, clear, place.bound)
    return SealedSection(
        section=place.section, version=place.version, nonce=nonce, ciphertext=ciphertext
    )


def open_section(case_id: UUID, sealed: SealedSection, *, person_key: bytes) -> dict[str, str]:
    """The section's fields. Raises `SectionDamaged` when anything was changed or swapped."""
    place = Place(case_id, sealed.section, sealed.version)
    try:
        clear = AESGCM(person_key).decrypt(sealed.nonce, sealed.ciphertext, place.bound)
    except (InvalidTag, ValueError):
        raise SectionDamaged(sealed.section) from None
    fields: dict[str, str] = json.loads(clear)
    return fields
