"""Who the suspects of a file are: each under a key of its own, apart from every case, version by version."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.store.person_keys import destroy_key
from services.intake.vault import SealedDossier, SealedSection, Vault, WrappedKey

SECTION = "identity"
_LOCK = text("""
    select vault_id, erased_at is not null as is_erased from suspects
    where organisation = :organisation and proceeding_id = :proceeding_id
      and suspect_id = :suspect_id for update
""")
# The look of a person, of which there is a line in the audit for each.
_LOOK = text("""
    select vault_id, kek_id, wrapped, version, nonce, ciphertext
    from suspects left join person_keys on case_id = vault_id
    left join suspect_parts using (vault_id)
    where organisation = :organisation and proceeding_id = :proceeding_id
      and suspect_id = :suspect_id order by version
""")
_CLAIM = text("""
    insert into suspects (organisation, proceeding_id, suspect_id, vault_id)
    values (:organisation, :proceeding_id, :suspect_id, :vault_id) on conflict do nothing
""")
_KEY = text("""
    insert into person_keys (case_id, kek_id, wrapped, created_at)
    values (:vault_id, :kek_id, :wrapped, :at)
""")
_ADD = text("""
    insert into suspect_parts (vault_id, version, nonce, ciphertext)
    values (:vault_id, :version, :nonce, :ciphertext)
""")
_NEXT = text("""
    select kek_id, wrapped, (select coalesce(max(version), 0) + 1 from suspect_parts
                             where vault_id = :vault_id) as version
    from person_keys where case_id = :vault_id for update
""")
_ERASE = text("update suspects set erased_at = :at where vault_id = :vault_id")


class Suspect(NamedTuple):
    """A suspect by its reporter's own ids."""

    organisation: str
    proceeding_id: UUID
    suspect_id: UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one is kept."""

    vault_id: UUID
    _: KW_ONLY
    is_erased: bool


async def lock(connection: AsyncConnection, suspect: Suspect) -> Entry | None:
    """Where it is kept, held against whoever erases it; None: nothing of it ever was."""
    row = (await connection.execute(_LOCK, suspect._asdict())).one_or_none()
    return None if row is None else Entry(row.vault_id, is_erased=row.is_erased)


async def keep(
    connection: AsyncConnection,
    suspect: Suspect,
    fields: Mapping[str, str],
    *,
    vault: Vault,
    new_id: UUID,
    at: datetime,
) -> bool:
    """Add what was said of it as a version of its own; False where it was erased."""
    await connection.execute(_CLAIM, {**suspect._asdict(), "vault_id": new_id})
    entry = await lock(connection, suspect)
    if entry is None or entry.is_erased:
        return False
    if entry.vault_id == new_id:
        sealed = await vault.seal(new_id, {SECTION: fields})
        key = {"kek_id": sealed.key.kek_id, "wrapped": sealed.key.wrapped}
        await connection.execute(_KEY, {"vault_id": new_id, "at": at, **key})
        parts = list(sealed.sections)
    else:
        row = (await connection.execute(_NEXT, {"vault_id": entry.vault_id})).one()
        under = WrappedKey(row.kek_id, row.wrapped)
        parts = await vault.seal_more(entry.vault_id, under, {(SECTION, row.version): fields})
    for one in parts:
        given = {"version": one.version, "nonce": one.nonce, "ciphertext": one.ciphertext}
        await connection.execute(_ADD, {"vault_id": entry.vault_id, **given})
    return True


async def versions(
    connection: AsyncConnection, suspect: Suspect, *, vault: Vault
) -> list[dict[str, str]]:
    """What was said of it, the oldest first; empty where nothing was, or where it is erased."""
    rows = list(await connection.execute(_LOOK, suspect._asdict()))
    found = []
    for row in rows:
        if row.wrapped is None or row.version is None:
            return []
        part = SealedSection(
            section=SECTION, version=row.version, nonce=row.nonce, ciphertext=row.ciphertext
        )
        whole = SealedDossier(key=WrappedKey(row.kek_id, row.wrapped), sections=[part])
        found.append((await vault.open(row.vault_id, whole))[SECTION])
    return found


async def erase(connection: AsyncConnection, suspect: Suspect, *, at: datetime) -> bool:
    """Destroy its key; False where nothing of it is kept, or nothing any more."""
    entry = await lock(connection, suspect)
    if entry is None or entry.is_erased:
        return False
    await mark_erased(connection, entry.vault_id, at=at)
    return await destroy_key(connection, entry.vault_id, at=at)


async def mark_erased(connection: AsyncConnection, vault_id: UUID, *, at: datetime) -> None:
    """From now on nothing is added to it; nothing where this is no suspect's."""
    await connection.execute(_ERASE, {"vault_id": vault_id, "at": at})
