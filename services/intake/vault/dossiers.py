"""A whole dossier: its sections under a key of this person alone, and that key wrapped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.intake.vault.key_encryption import KeyEncryption, WrappedKey
from services.intake.vault.sections import Place, SealedSection, open_section, seal_section

PERSON_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDossier:
    """What is kept of a dossier: without the wrapped key the sections are noise."""

    key: WrappedKey
    sections: Sequence[SealedSection]


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens dossiers. entropy: n random bytes, for keys and nonces used once."""

    keys: KeyEncryption
    entropy: Callable[[int], bytes] = field(repr=False)

    async def seal(self, case_id: UUID, dossier: Mapping[str, Mapping[str, str]]) -> SealedDossier:
        """A key for this person, and each filled section by itself as its first version."""
        person_key = self.entropy(PERSON_KEY_BYTES)
        sections = [
            seal_section(
                fields, Place(case_id, section, 1), person_key=person_key, entropy=self.entropy
            )
            for section, fields in sorted(dossier.items())
            if fields
        ]
        return SealedDossier(key=await self.keys.wrap(person_key, case_id), sections=sections)

    async def seal_more(
        self, case_id: UUID, key: WrappedKey, parts: Mapping[tuple[str, int], Mapping[str, str]]
    ) -> list[SealedSection]:
        """Further versions under the key that is there: (section, version) → fields.

        Raises `KeyDamaged`, `KeyUnavailable`.
        """
        person_key = await self.keys.unwrap(key, case_id)
        return [
            seal_section(
                fields,
                Place(case_id, section, version),
                person_key=person_key,
                entropy=self.entropy,
            )
            for (section, version), fields in sorted(parts.items())
        ]

    async def open(self, case_id: UUID, sealed: SealedDossier) -> dict[str, dict[str, str]]:
        """Fields by section. Raises `SectionDamaged`, `KeyDamaged`, `KeyUnavailable`."""
        person_key = await self.keys.unwrap(sealed.key, case_id)
        return {
            one.section: open_section(case_id, one, person_key=person_key)
            for one in sealed.sections
        }
