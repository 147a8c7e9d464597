"""Dossiers: opened one case at a time, and only the sections that are asked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.amending import joined
from services.intake.vault import SealedDossier, SealedSection, Vault, WrappedKey

Dossier = Mapping[str, Mapping[str, str]]
# The newest version of each section asked for; one row without a section when there is none.
_KEPT = text("""
    select case_id, kek_id, wrapped, section, version, nonce, ciphertext
    from person_keys left join lateral (
        select distinct on (section) section, version, nonce, ciphertext from dossiers
        where dossiers.case_id = person_keys.case_id and section = any(:sections)
        order by section, version desc
    ) as newest on true
    where case_id = any(cast(:cases as uuid[])) and wrapped is not null
    order by case_id
""")
_ADD = text("""
    insert into dossiers (case_id, section, version, nonce, ciphertext)
    values (:case_id, :section, :version, :nonce, :ciphertext)
""")


class DossierErased(Exception):
    """This case has no key any more, or never had one: nothing of its dossier can be opened."""


async def open_dossier(
    connection: AsyncConnection, case_id: UUID, sections: Collection[str], *, vault: Vault
) -> dict[str, dict[str, str]]:
    """Fields by section, of those asked for that the case has; all of them or an error.

    Raises `DossierErased`, `SectionDamaged`, `KeyDamaged`, `KeyUnavailable` (for a while).
    """
    opened = await open_dossiers(connection, {case_id: sections}, vault=vault)
    if case_id not in opened:
        raise DossierErased
    return opened[case_id]


async def open_dossiers(
    connection: AsyncConnection, wanted: Mapping[UUID, Collection[str]], *, vault: Vault
) -> dict[UUID, dict[str, dict[str, str]]]:
    """The same for many cases, each with its sections; erased ones are left out."""
    given = {"cases": list(wanted), "sections": sorted(set().union(*wanted.values()))}
    found = await connection.execute(_KEPT, given)
    return {
        case_id: await vault.open(case_id, _sealed(list(rows), wanted[case_id]))
        for case_id, rows in groupby(found, key=attrgetter("case_id"))
    }


async def amend_dossier(
    connection: AsyncConnection, case_id: UUID, added: Dossier, *, vault: Vault
) -> bool:
    """Add words to a dossier, as a further version of each section; what was said stays before them.

    For whoever has locked the case. False: it has no key any more. Raises as `open_dossier`.
    """
    rows = list(await connection.execute(_KEPT, {"cases": [case_id], "sections": sorted(added)}))
    if not rows:
        return False
    sealed = _sealed(rows, added)
    before = await vault.open(case_id, sealed)
    versions = {one.section: one.version for one in sealed.sections}
    parts = {
        (section, versions.get(section, 0) + 1): joined(before.get(section, {}), fields)
        for section, fields in added.items()
    }
    for one in await vault.seal_more(case_id, sealed.key, parts):
        await connection.execute(_ADD, {"case_id": case_id, **asdict(one)})
    return True


def _sealed(rows: Sequence[Any], sections: Collection[str]) -> SealedDossier:
    kept = [
        SealedSection(
            section=row.section, version=row.version, nonce=row.nonce, ciphertext=row.ciphertext
        )
        for row in rows
        if row.section in sections
    ]
    return SealedDossier(key=WrappedKey(rows[0].kek_id, rows[0].wrapped), sections=kept)
