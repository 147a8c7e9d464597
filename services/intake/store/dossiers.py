"""Dossiers: opened one case at a time, and only the sections that are asked for."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.vault import SealedDossier, SealedSection, Vault, WrappedKey

# The newest version of each section asked for; one row without a section when there is none.
_KEPT = text("""
    select kek_id, wrapped, section, version, nonce, ciphertext
    from person_keys left join lateral (
        select distinct on (section) section, version, nonce, ciphertext from dossiers
        where dossiers.case_id = person_keys.case_id and section = any(:sections)
        order by section, version desc
    ) as newest on true
    where person_keys.case_id = :case_id and wrapped is not null
""")


class DossierErased(Exception):
    """This case has no key any more, or never had one: nothing of its dossier can be opened."""


async def open_dossier(
    connection: AsyncConnection, case_id: UUID, sections: Sequence[str], *, vault: Vault
) -> dict[str, dict[str, str]]:
    """Fields by section, of those asked for that the case has; all of them or an error.

    Raises `DossierErased`, `SectionDamaged`, `KeyDamaged`, `KeyUnavailable` (for a while).
    """
    found = await connection.execute(_KEPT, {"case_id": case_id, "sections": list(sections)})
    rows = found.all()
    if not rows:
        raise DossierErased
    kept = [
        SealedSection(
            section=row.section, version=row.version, nonce=row.nonce, ciphertext=row.ciphertext
        )
        for row in rows
        if row.section is not None
    ]
    key = WrappedKey(rows[0].kek_id, rows[0].wrapped)
    return await vault.open(case_id, SealedDossier(key=key, sections=kept))
