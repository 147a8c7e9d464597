"""Which messages brought a case in sealed, so that an erasure finds what it has to take out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One message by its sender and its body's digest, which is found in every stream it lies in."""

    organisation: str
    message_id: UUID
    digest: bytes
    recorded_at: datetime


# Of a case that was erased before, the message has to go at once.
_NOTE = text("""
    insert into reports (organisation, message_id, digest, recorded_at, case_id, forget_since)
    values (:organisation, :message_id, :digest, :recorded_at, :case_id,
            case when cast(:case_id as uuid) is null then clock_timestamp() end)
    on conflict do nothing
""")
_CASE = text("""
    select case_id from cases
    where number = :number and coalesce(first_owner, owner) = :organisation
    for update
""")
_FORGET = text("""
    update reports set forget_since = clock_timestamp()
    where case_id = :case_id and forget_since is null
""")
_TO_FORGET = text("""
    select organisation, message_id, digest, recorded_at from reports
    where forget_since is not null and forgotten_at is null
    order by organisation, recorded_at limit 500
""")
_FORGOTTEN = text("""
    update reports set forgotten_at = clock_timestamp()
    where organisation = :organisation and message_id = any(cast(:ids as uuid[]))
""")


async def note(connection: AsyncConnection, report: Report, *, case_id: UUID | None) -> None:
    """Put a message on record; without a case it is taken out of its streams."""
    given = {name: getattr(report, name) for name in Report.__slots__}
    await connection.execute(_NOTE, given | {"case_id": case_id})


async def case_of(connection: AsyncConnection, *, organisation: str, number: str) -> UUID | None:
    """The case that this organisation registered under this number, locked; None if it is erased.

    Whoever erases it meanwhile waits, and then finds what was put on record.
    """
    found: UUID | None = await connection.scalar(
        _CASE, {"number": number, "organisation": organisation}
    )
    return found


async def forget(connection: AsyncConnection, case_id: UUID) -> None:
    """Let everything that brought this case in be taken out of its streams."""
    await connection.execute(_FORGET, {"case_id": case_id})


async def to_forget(connection: AsyncConnection) -> list[Report]:
    """What waits to be taken out, one organisation after the other."""
    return [Report(**row._mapping) for row in await connection.execute(_TO_FORGET)]


async def forgotten(
    connection: AsyncConnection, organisation: str, messages: Sequence[UUID]
) -> None:
    """No stream holds these any more."""
    await connection.execute(_FORGOTTEN, {"organisation": organisation, "ids": list(messages)})
