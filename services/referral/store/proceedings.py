"""Files of the police and of justice by case, and whom they suspect."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.proceedings import File, Standing

_LOCK = text("""
    select state, "on", next_hearing_on from proceedings
    where organisation = :organisation and proceeding_id = :proceeding_id and case_id = :case_id
    for update
""")
_SAVE = text("""
    insert into proceedings (organisation, proceeding_id, case_id, state, "on", next_hearing_on)
    values (:organisation, :proceeding_id, :case_id, :state, :on, :next_hearing_on)
    on conflict (organisation, proceeding_id, case_id) do update set
        state = excluded.state, "on" = excluded."on", next_hearing_on = excluded.next_hearing_on
""")
_CASES = text("""
    select case_id from proceedings
    where organisation = :organisation and proceeding_id = :proceeding_id order by case_id
""")
_OF_CASE = text("""
    select proceeding_id, state, "on", next_hearing_on from proceedings
    where organisation = :organisation and case_id = :case_id order by "on" desc, proceeding_id
""")
_SUSPECT = text("""
    insert into suspects (organisation, proceeding_id, suspect_id)
    values (:organisation, :proceeding_id, :suspect_id) on conflict do nothing
""")
_KNOWN = text("""
    select 1 from suspects where organisation = :organisation and proceeding_id = :proceeding_id
        and suspect_id = :suspect_id
""")


async def lock(connection: AsyncConnection, file: File, case_id: UUID) -> Standing | None:
    """Where a file stands in a case by its last word; None where none was said."""
    row = (await connection.execute(_LOCK, file._asdict() | {"case_id": case_id})).one_or_none()
    return None if row is None else Standing(**row._mapping)


async def save(
    connection: AsyncConnection, standing: Standing, *, file: File, case_id: UUID
) -> None:
    """This is the last word from now on."""
    key = file._asdict() | {"case_id": case_id}
    await connection.execute(_SAVE, key | asdict(standing))


async def cases_of(connection: AsyncConnection, file: File) -> Sequence[UUID]:
    """The cases of which this file was reported."""
    return [row.case_id for row in await connection.execute(_CASES, file._asdict())]


async def files_in(
    connection: AsyncConnection, organisation: str, case_id: UUID
) -> dict[UUID, Standing]:
    """An organisation's files on a case and where each stands, the one with the last word first."""
    asked = {"organisation": organisation, "case_id": case_id}
    found = [dict(row._mapping) for row in await connection.execute(_OF_CASE, asked)]
    return {one.pop("proceeding_id"): Standing(**one) for one in found}


async def add_suspect(connection: AsyncConnection, file: File, suspect_id: UUID) -> None:
    """This file has this suspect."""
    await connection.execute(_SUSPECT, file._asdict() | {"suspect_id": suspect_id})


async def has_suspect(connection: AsyncConnection, file: File, suspect_id: UUID) -> bool:
    """Whether this file has this suspect."""
    found = await connection.execute(_KNOWN, file._asdict() | {"suspect_id": suspect_id})
    return found.one_or_none() is not None
