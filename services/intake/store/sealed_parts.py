"""Sealed parts of reports: each waits as it came until referral says that it has taken the report."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Whichever of the two comes first waits for the other. What nobody comes for goes with the streams: INBOX
# keeps a report 30 days.
_ARRIVED = text("""
    insert into sealed_parts (organisation, request_id, name, body, digest, recorded_at)
    values (:organisation, :request_id, :name, :body, :digest, :recorded_at)
    on conflict (organisation, request_id) do update set name = excluded.name, body = excluded.body,
        digest = excluded.digest, recorded_at = excluded.recorded_at
    returning is_taken, case_id
""")
_TAKEN = text("""
    insert into sealed_parts (organisation, request_id, is_taken, case_id)
    values (:organisation, :request_id, true, :case_id)
    on conflict (organisation, request_id) do update set is_taken = true, case_id = excluded.case_id
    returning name, body, digest, recorded_at
""")
_DONE = text("""
    delete from sealed_parts
    where organisation = :organisation and request_id = :request_id
       or since < clock_timestamp() - interval '31 days'
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A report with its sealed part, as it came. name: the request's kind; digest: of the body."""

    organisation: str
    request_id: UUID
    name: str
    body: bytes
    digest: bytes
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What referral made of a report: case_id of a threat; of a suspect there is none."""

    organisation: str
    request_id: UUID
    case_id: UUID | None


async def arrive(connection: AsyncConnection, one: Arrived) -> Matter | None:
    """Keep it sealed; what referral made of the report, where it has said so already."""
    given = {name: getattr(one, name) for name in Arrived.__slots__}
    row = (await connection.execute(_ARRIVED, given)).one()
    if not row.is_taken:
        return None
    return Matter(organisation=one.organisation, request_id=one.request_id, case_id=row.case_id)


async def take(connection: AsyncConnection, matter: Matter) -> Arrived | None:
    """Referral has taken the report; its sealed part, where that has come already."""
    given = {name: getattr(matter, name) for name in Matter.__slots__}
    row = (await connection.execute(_TAKEN, given)).one()
    if row.body is None:
        return None
    who = matter.organisation
    return Arrived(organisation=who, request_id=matter.request_id, **row._mapping)


async def done(connection: AsyncConnection, organisation: str, request_id: UUID) -> None:
    """Nothing of it waits here any more, nor of anything that nobody came for in 31 days."""
    await connection.execute(_DONE, {"organisation": organisation, "request_id": request_id})
