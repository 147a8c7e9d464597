"""Who is threatened, in each of her cases: what was warned of one is heeded in all of them, while they are one's."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_WARN = text("""
    update cases set warned = coalesce(warned, '[]') || to_jsonb(cast(:safety as text[]))
    where case_id = :case_id
""")
_PERSONS = text("""
    select distinct other.case_id from cases as one
    join cases as other on other.case_id = coalesce(one.merged_into, one.case_id)
                        or other.merged_into = coalesce(one.merged_into, one.case_id)
    where one.case_id = any(cast(:ids as uuid[])) order by other.case_id
""")
_LINK = text("""
    update cases set merged_into = given.above
    from unnest(cast(:ids as uuid[]), cast(:above as uuid[])) as given(id, above)
    where cases.case_id = given.id
""")


async def warn(connection: AsyncConnection, case_id: UUID, *, safety: Sequence[str]) -> None:
    """The person of this case is at high risk from now on, and these instructions hold besides."""
    await connection.execute(_WARN, {"case_id": case_id, "safety": list(safety)})


async def persons(connection: AsyncConnection, cases: Collection[UUID]) -> list[UUID]:
    """Every case of the persons of these, in the order of their ids."""
    if not cases:
        return []
    return list(await connection.scalars(_PERSONS, {"ids": list(cases)}))


async def link(connection: AsyncConnection, merged: Mapping[UUID, UUID | None]) -> None:
    """Under which case the person of each counts from now on; None: under its own again."""
    given = {"ids": list(merged), "above": list(merged.values())}
    await connection.execute(_LINK, given)
