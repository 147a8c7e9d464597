"""What the committee has asked to be published, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.callers import Caller

_ASKED: Final = """
    select id, publications.name, asked_at, tries, refused, place as number
    from publications left join editions on editions.name = publications.name
"""
_ADD = text("""
    insert into publications (id, name, organisation, role, person, asked_at)
    values (:id, :name, :organisation, :role, :person, :asked_at)
    on conflict (name) where refused is null do nothing
""")
_STANDING = text(f"{_ASKED} where publications.name = :name and refused is null")
_BY_ID = text(f"{_ASKED} where id = :id")
_NEXT = text(f"{_ASKED} where refused is null and place is null order by asked_at, id limit 1")
_LATEST = text(f"""
    {_ASKED} where place is null and (refused is null or asked_at > :since)
    order by asked_at desc, id
""")
_TRIED = text("update publications set tries = tries + 1 where id = :id")
_REFUSED = text("update publications set refused = :refused where id = :id")
#: Ends with the transaction, so with whoever holds it.
_LEAD = text("select pg_try_advisory_xact_lock(hashtextextended('siraba.publisher', 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """name: of the edition; number: its place once it is out; refused: the rule against it."""

    id: UUID
    name: str
    asked_at: datetime
    tries: int
    refused: str | None
    number: int | None

    @property
    def state(self) -> Literal["waiting", "out", "refused"]:
        """An edition that is out is so whoever drew it up."""
        if self.refused is not None:
            return "refused"
        return "waiting" if self.number is None else "out"


async def lead(connection: AsyncConnection) -> bool:
    """Whether no other process publishes; until this transaction ends none does then."""
    return bool(await connection.scalar(_LEAD))


async def ask(connection: AsyncConnection, one: Asked, *, by: Caller) -> Asked:
    """Keep what is asked; what stands under the name of that edition, which may be older."""
    given = {"id": one.id, "name": one.name, "asked_at": one.asked_at}
    who = {"organisation": by.organisation, "role": by.role, "person": by.person}
    await connection.execute(_ADD, given | who)
    return Asked(**(await connection.execute(_STANDING, {"name": one.name})).one()._mapping)


async def by_id(connection: AsyncConnection, id: UUID) -> Asked | None:
    """One of them."""
    row = (await connection.execute(_BY_ID, {"id": id})).one_or_none()
    return None if row is None else Asked(**row._mapping)


async def next_waiting(connection: AsyncConnection) -> Asked | None:
    """Whoever waits longest."""
    row = (await connection.execute(_NEXT)).one_or_none()
    return None if row is None else Asked(**row._mapping)


async def not_out(connection: AsyncConnection, *, since: datetime) -> list[Asked]:
    """What waits, and what was refused since then, the newest first."""
    return [Asked(**row._mapping) for row in await connection.execute(_LATEST, {"since": since})]


async def note_try(connection: AsyncConnection, id: UUID) -> None:
    """Count a try, before it is made: one that ends a process counts as well."""
    await connection.execute(_TRIED, {"id": id})


async def refuse(connection: AsyncConnection, id: UUID, reason: str) -> None:
    """Say why it does not come out; it may be asked for anew."""
    await connection.execute(_REFUSED, {"id": id, "refused": reason})
