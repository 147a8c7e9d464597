"""Exceptions: who asked to see another's dossier, who agreed, and until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptional:
    """One request; `until` is set once a second person has agreed."""

    exception_id: UUID
    case_id: UUID
    number: str
    owner: str
    organisation: str
    role: str
    person: str
    reason: str
    groups: Sequence[str]
    lapses_at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """A case, and what of its dossier is open to one person: all of it when `groups` is None."""

    case_id: UUID
    groups: frozenset[str] | None
    reason: str | None = None


_CASE = text("select case_id, owner from cases where number = :number")
_HELD = text(f"{_CASE.text} for share")
_KIND = text("select kind from organisations where code = :code")
_ADD = text("""
    insert into exceptions (exception_id, case_id, number, owner, organisation, role, person,
                            reason, groups, lapses_at)
    values (:exception_id, :case_id, :number, :owner, :organisation, :role, :person, :reason,
            :groups, :lapses_at)
""")
_LOCK = text("""
    select exception_id, case_id, number, owner, organisation, role, person, reason, groups,
           lapses_at, until
    from exceptions where exception_id = :exception_id and number is not null for update
""")
_CONFIRM = text("""
    update exceptions set confirmed_by = :organisation, confirmed_role = :role,
        confirmed_person = :person, confirmed_at = clock_timestamp(), until = :until
    where exception_id = :exception_id
""")
# Row-level security shows an organisation those that it asked for or may agree to.
_LISTED = text("""
    select exception_id, number, organisation, role, reason, groups, asked_at, lapses_at, until
    from exceptions where number is not null order by asked_at desc limit 200
""")
_OPEN = text("""
    select groups, reason from exceptions
    where case_id = :case_id and organisation = :organisation and person = :person
      and until > clock_timestamp()
    order by until desc
""")


async def case_of(
    connection: AsyncConnection, number: str, *, hold: bool = False
) -> tuple[UUID, str] | None:
    """(id, owner) of any case; for the working role, whose callers decide who may know.

    hold: it cannot be erased meanwhile; for whoever writes the number down.
    """
    row = (await connection.execute(_HELD if hold else _CASE, {"number": number})).first()
    return None if row is None else (row.case_id, row.owner)


async def kind_of(connection: AsyncConnection, organisation: str) -> str | None:
    """The kind of an organisation."""
    kind: str | None = await connection.scalar(_KIND, {"code": organisation})
    return kind


async def add(connection: AsyncConnection, asked: Exceptional) -> None:
    """Write a request."""
    values = {name: getattr(asked, name) for name in Exceptional.__slots__ if name != "until"}
    await connection.execute(_ADD, values | {"groups": list(asked.groups)})


async def lock(connection: AsyncConnection, exception_id: UUID) -> Exceptional | None:
    """One request, locked, so that only one can agree."""
    row = (await connection.execute(_LOCK, {"exception_id": exception_id})).first()
    return None if row is None else Exceptional(**row._mapping)


async def confirm(
    connection: AsyncConnection,
    exception_id: UUID,
    *,
    organisation: str,
    role: str,
    person: str | None,
    until: datetime,
) -> None:
    """Open it until then."""
    values = {
        "exception_id": exception_id,
        "organisation": organisation,
        "role": role,
        "person": person,
        "until": until,
    }
    await connection.execute(_CONFIRM, values)


async def listed(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The newest 200 that concern the reading organisation; persons are not shown."""
    return [dict(row._mapping) for row in await connection.execute(_LISTED)]


async def entitled(
    connection: AsyncConnection, number: str, *, organisation: str, person: str | None
) -> tuple[UUID | None, Entitled | None]:
    """(the case, what is open of it to this person); None for what is not there or not open."""
    found = await case_of(connection, number)
    if found is None:
        return None, None
    case_id, owner = found
    if owner == organisation:
        return case_id, Entitled(case_id=case_id, groups=None)
    asked = {"case_id": case_id, "organisation": organisation, "person": person}
    rows = (await connection.execute(_OPEN, asked)).all() if person else []
    if not rows:
        return case_id, None
    groups = frozenset(group for row in rows for group in row.groups)
    return case_id, Entitled(case_id=case_id, groups=groups, reason=rows[0].reason)
