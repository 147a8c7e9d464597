"""Erasing a person: who asked and who agreed, and what is taken out of the tables."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequest:
    """One request of a case's owner; `erased_at` is set once a second person has agreed."""

    erasure_id: UUID
    case_id: UUID
    organisation: str
    person: str
    reason: str
    lapses_at: datetime
    erased_at: datetime | None = None


_ADD = text("""
    insert into erasures (erasure_id, case_id, organisation, person, reason, lapses_at)
    values (:erasure_id, :case_id, :organisation, :person, :reason, :lapses_at)
""")
_LOCK = text("""
    select erasure_id, case_id, organisation, person, reason, lapses_at, erased_at
    from erasures where erasure_id = :erasure_id for update
""")
_CONFIRM = text("""
    update erasures set confirmed_by = :organisation, confirmed_person = :person, erased_at = :at
    where erasure_id = :erasure_id
""")
# Row-level security shows an owner its own, and a committee all.
_LISTED = text("""
    select erasure_id, organisation, reason, asked_at, lapses_at, erased_at
    from erasures order by asked_at desc limit 200
""")
_IS_ERASED = text("""
    select not exists (select from cases where case_id = :case_id and number is not null)
       and not exists (select from person_keys where case_id = :case_id and wrapped is not null)
""")
_TELLING = text("""
    select organisation, id from outbox
    where case_id = :case_id and name = any(cast(:names as text[])) and organisation is not null
      and withdrawn_at is null
""")
_END_DISCLOSURES = text("""
    update disclosures set ended_at = :at where case_id = :case_id and ended_at is null
""")
# The key stays claimed: a repeat that comes late must not register the person again. Its digest is
# of the whole submission in clear, which could be guessed.
_FORGET_ANSWER = text("""
    update idempotency set digest = '', answer = '{}'
    from cases where case_id = :case_id and organisation = coalesce(first_owner, owner)
      and answer->>'case_number' = number
""")
# The same of the submission that brought the person in among others: what it answered stays true.
_FORGET_SUBMISSION = text("""
    update idempotency set digest = ''
    from incident_persons join incidents using (incident_id)
    where case_id = :case_id and organisation = owner
      and answer->>'incident_id' = cast(incident_id as text)
""")
_FORGET = (
    text("delete from dossiers where case_id = :case_id"),
    text("delete from new_fingerprints where case_id = :case_id"),
    text("delete from fingerprints where case_id = :case_id"),
    text("""
        update duplicates set kind = null, agreed = '{}'
        where :case_id in (earlier, later) and kind is not null
    """),
    text("update openings set digest = null where case_id = :case_id"),
    text("update exceptions set number = null where case_id = :case_id"),
    _FORGET_SUBMISSION,
    _FORGET_ANSWER,
    # Last, since the answer is found by it.
    text("update cases set number = null where case_id = :case_id"),
)


async def add(connection: AsyncConnection, asked: ErasureRequest) -> None:
    """Write a request."""
    values = {name: getattr(asked, name) for name in ErasureRequest.__slots__}
    await connection.execute(_ADD, values)


async def lock(connection: AsyncConnection, erasure_id: UUID) -> ErasureRequest | None:
    """One request, locked, so that only one can agree."""
    row = (await connection.execute(_LOCK, {"erasure_id": erasure_id})).first()
    return None if row is None else ErasureRequest(**row._mapping)


async def confirm(
    connection: AsyncConnection,
    erasure_id: UUID,
    *,
    organisation: str,
    person: str | None,
    at: datetime,
) -> None:
    """Put on record who agreed."""
    values = {"erasure_id": erasure_id, "organisation": organisation, "person": person, "at": at}
    await connection.execute(_CONFIRM, values)


async def listed(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The newest 200 that concern the reading organisation; neither person nor case is shown."""
    return [dict(row._mapping) for row in await connection.execute(_LISTED)]


async def is_erased(connection: AsyncConnection, case_id: UUID) -> bool:
    """Whether neither a key nor a number is left of this case."""
    return bool(await connection.scalar(_IS_ERASED, {"case_id": case_id}))


async def telling_messages(
    connection: AsyncConnection, case_id: UUID, *, names: tuple[str, ...]
) -> dict[str, list[UUID]]:
    """Organisation → ids of the messages of these names that it was sent, or will be."""
    found: dict[str, list[UUID]] = {}
    for row in await connection.execute(_TELLING, {"case_id": case_id, "names": list(names)}):
        found.setdefault(row.organisation, []).append(row.id)
    return found


async def end_disclosures(connection: AsyncConnection, case_id: UUID, *, at: datetime) -> None:
    """From now on nobody may read what it was told."""
    await connection.execute(_END_DISCLOSURES, {"case_id": case_id, "at": at})


async def forget(connection: AsyncConnection, case_id: UUID) -> None:
    """Sections, number, and what could be told from digests of clear text; codes stay."""
    for statement in _FORGET:
        await connection.execute(statement, {"case_id": case_id})
